#include "source/lens.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "error.h"

namespace lazarillo {
namespace {

/// How fast the distance from the principal point grows with the angle.
double growth(const std::array<double, 4>& k, double angle) {
  const double s = angle * angle;
  return 1 + s * (3 * k[0] + s * (5 * k[1] + s * (7 * k[2] + s * 9 * k[3])));
}

double widest(const std::array<double, 4>& k) {
  constexpr double step = std::numbers::pi / 3600;
  double low = 0;
  while (low < std::numbers::pi && growth(k, low + step) > 0) low += step;
  if (low >= std::numbers::pi) return std::numbers::pi;
  double high = low + step;
  for (int i = 0; i < 40; ++i) {
    const double middle = (low + high) / 2;
    (growth(k, middle) > 0 ? low : high) = middle;
  }
  return low;
}

}  // namespace

Lens::Lens(const Intrinsics& camera, const std::array<double, 4>& k)
    : camera_(camera), k_(k), widest_rad_(widest(k)) {
  const auto finite = [](double v) { return std::isfinite(v); };
  if (!finite(camera.fx) || !finite(camera.fy) || !finite(camera.cx) || !finite(camera.cy) ||
      !std::all_of(k.begin(), k.end(), finite)) {
    throw Error(ExitCode::usage, "a lens needs finite numbers");
  }
  if (camera.fx <= 0 || camera.fy <= 0 || camera.width <= 0 || camera.height <= 0) {
    throw Error(ExitCode::usage, "a lens needs a focal length and a picture size above 0");
  }
}

std::optional<PicturePoint> Lens::project(double x, double y, double z) const {
  const double aside = std::hypot(x, y);
  const double angle = std::atan2(aside, z);
  if (!(angle <= widest_rad_)) return std::nullopt;
  if (aside == 0) {
    if (!(z > 0)) return std::nullopt;
    return PicturePoint{camera_.cx, camera_.cy};
  }
  const double s = angle * angle;
  const double distance = angle * (1 + s * (k_[0] + s * (k_[1] + s * (k_[2] + s * k_[3])))) / aside;
  return PicturePoint{camera_.fx * distance * x + camera_.cx,
                      camera_.fy * distance * y + camera_.cy};
}

}  // namespace lazarillo
