#include "source/intrinsics.h"

#include <cmath>
#include <numbers>
#include <string>

#include "error.h"

namespace lazarillo {
namespace {
constexpr double kDegrees = 180.0 / std::numbers::pi;
}

Intrinsics Intrinsics::from_hfov(double hfov_deg, int width, int height, bool assumed) {
  // The negated comparison also refuses NaN.
  if (!(hfov_deg > 1.0 && hfov_deg < 179.0)) {
    throw Error(ExitCode::usage,
                "the horizontal field of view must lie between 1 and 179 degrees, not " +
                    std::to_string(hfov_deg));
  }
  if (width <= 0 || height <= 0) {
    throw Error(ExitCode::usage, "a camera picture cannot be " + std::to_string(width) + " x " +
                                     std::to_string(height) + " pixels");
  }
  Intrinsics camera;
  camera.width = width;
  camera.height = height;
  camera.fx = camera.fy = 0.5 * width / std::tan(0.5 * hfov_deg / kDegrees);
  // The field of view reaches from edge to edge, half a pixel beyond the outer pixels' centres.
  camera.cx = 0.5 * (width - 1);
  camera.cy = 0.5 * (height - 1);
  camera.assumed = assumed;
  return camera;
}

Intrinsics Intrinsics::resized(int new_width, int new_height) const {
  const double sx = static_cast<double>(new_width) / width;
  const double sy = static_cast<double>(new_height) / height;
  Intrinsics camera = *this;
  camera.fx = fx * sx;
  camera.fy = fy * sy;
  // It is the pixels' edges that scale, not their centres.
  camera.cx = (cx + 0.5) * sx - 0.5;
  camera.cy = (cy + 0.5) * sy - 0.5;
  camera.width = new_width;
  camera.height = new_height;
  return camera;
}

double Intrinsics::bearing_deg(double x) const { return std::atan2(x - cx, fx) * kDegrees; }

double Intrinsics::elevation_deg(double y) const { return std::atan2(cy - y, fy) * kDegrees; }

}  // namespace lazarillo
