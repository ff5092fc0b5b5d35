#include "source/camera_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "error.h"

namespace lazarillo {
namespace {

/// Shapes may differ by the rounding of sizes to whole blocks.
constexpr double kSameShape = 0.01;

/// Whether the lens's picture shows the ray at this angle to the right of the upright axis.
bool shows(const Lens& lens, double angle) {
  const auto at = lens.project(std::sin(angle), 0, std::cos(angle));
  if (!at) return false;
  const Intrinsics& camera = lens.camera();
  return at->x >= -0.5 && at->x <= camera.width - 0.5 && at->y >= -0.5 &&
         at->y <= camera.height - 0.5;
}

/// How far it shows rays to one side, radians; `most` at most.
double reach(const Lens& lens, double side, double most) {
  constexpr int kSteps = 500;
  int shown = 0;
  while (shown < kSteps && shows(lens, side * most * (shown + 1) / kSteps)) ++shown;
  if (shown == kSteps) return most;
  double low = most * shown / kSteps;
  double high = most * (shown + 1) / kSteps;
  for (int i = 0; i < 40; ++i) {
    const double middle = (low + high) / 2;
    (shows(lens, side * middle) ? low : high) = middle;
  }
  return low;
}

}  // namespace

double straight_hfov_deg(const Lens& lens) {
  constexpr double kDegPerRad = 180 / std::numbers::pi;
  const double most = kWidestStraightDeg / 2 / kDegPerRad;
  const double widest = std::max(reach(lens, 1, most), reach(lens, -1, most));
  return std::max(2 * widest * kDegPerRad, 1.5);
}

void set_lens(SourceOptions& options, std::shared_ptr<const Lens> lens) {
  options.lens = std::move(lens);
  if (options.lens && options.hfov_assumed) options.hfov_deg = 0;
}

CameraViews::CameraViews(const SourceOptions& options)
    : lens_(options.lens), hfov_deg_(options.hfov_deg), assumed_(options.hfov_assumed) {
  if (lens_ && hfov_deg_ == 0) {
    if (!lens_->straight()) hfov_deg_ = straight_hfov_deg(*lens_);
    return;
  }
  (void)Intrinsics::from_hfov(hfov_deg_, 2, 2);
}

void CameraViews::check_shape(int width, int height) const {
  if (!lens_) return;
  const Intrinsics& camera = lens_->camera();
  const double shape = static_cast<double>(width) / height;
  const double calibrated = static_cast<double>(camera.width) / camera.height;
  if (std::abs(shape / calibrated - 1) <= kSameShape) return;
  throw Error(ExitCode::usage,
              fmt::format("the pictures are {}x{}, their calibration is for {}x{}, another shape: "
                          "calibrate the camera with pictures of this shape",
                          width, height, camera.width, camera.height));
}

const CameraView& CameraViews::of(int width, int height) {
  if (width == width_ && height == height_) return view_;
  if (!lens_) {
    view_.intrinsics = Intrinsics::from_hfov(hfov_deg_, width, height, assumed_);
  } else if (hfov_deg_ == 0) {
    view_.intrinsics = lens_->camera().resized(width, height);
  } else {
    view_.lens = std::make_shared<const Lens>(lens_->resized(width, height));
    view_.intrinsics = Intrinsics::from_hfov(hfov_deg_, view_.lens->upright_width(),
                                             view_.lens->upright_height(), false);
  }
  width_ = width;
  height_ = height;
  return view_;
}

}  // namespace lazarillo
