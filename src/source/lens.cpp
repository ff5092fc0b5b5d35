#include "source/lens.h"

#include <cmath>
#include <numbers>
#include <span>

#include "error.h"

namespace lazarillo {
namespace {

constexpr double kPi = std::numbers::pi;

struct Ray {
  double x, y, z;
};

struct Place {
  double u, v;
};

/// a (1 + k[0] a^2 + k[1] a^4 + ...)
double odd_polynomial(double a, std::span<const double> k) {
  const double square = a * a;
  double sum = 0;
  for (std::size_t i = k.size(); i-- > 0;) sum = square * (k[i] + sum);
  return a * (1 + sum);
}

/// In the direction of the ray, at a distance that depends on its angle.
Place around(const Ray& ray, std::span<const double> k) {
  const double aside = std::hypot(ray.x, ray.y);
  if (aside == 0) return {0, 0};
  const double part = odd_polynomial(std::atan2(aside, ray.z), k) / aside;
  return {part * ray.x, part * ray.y};
}

Place place(const KannalaBrandt& model, const Ray& ray) { return around(ray, model.k); }

Place place(const BrownConrady& m, const Ray& ray) {
  const double x = ray.x / ray.z;
  const double y = ray.y / ray.z;
  const double s = x * x + y * y;
  const double radial =
      (1 + s * (m.k1 + s * (m.k2 + s * m.k3))) / (1 + s * (m.k4 + s * (m.k5 + s * m.k6)));
  return {x * radial + 2 * m.p1 * x * y + m.p2 * (s + 2 * x * x),
          y * radial + m.p1 * (s + 2 * y * y) + 2 * m.p2 * x * y};
}

Place place(const Fisheye624& model, const Ray& ray) {
  const Place at = around(ray, model.k);
  const double q = at.u * at.u + at.v * at.v;
  const double along = 2 * (model.p[0] * at.u + model.p[1] * at.v);
  return {at.u + along * at.u + q * (model.p[0] + model.s[0] + q * model.s[1]),
          at.v + along * at.v + q * (model.p[1] + model.s[2] + q * model.s[3])};
}

Place place(const LensModel& model, const Ray& ray) {
  return std::visit([&](const auto& m) { return place(m, ray); }, model);
}

bool same_all_around(const LensModel& model) {
  if (const auto* m = std::get_if<BrownConrady>(&model)) return m->p1 == 0 && m->p2 == 0;
  return std::holds_alternative<KannalaBrandt>(model);
}

bool finite(const LensModel& model) {
  const auto all = [](std::span<const double> values) {
    for (const double value : values) {
      if (!std::isfinite(value)) return false;
    }
    return true;
  };
  if (const auto* m = std::get_if<KannalaBrandt>(&model)) return all(m->k);
  if (const auto* m = std::get_if<Fisheye624>(&model)) return all(m->k) && all(m->p) && all(m->s);
  const auto& m = std::get<BrownConrady>(model);
  return all(std::array{m.k1, m.k2, m.p1, m.p2, m.k3, m.k4, m.k5, m.k6});
}

/// Whether the picture still grows outwards at this angle, without turning over: what lies farther
/// out and what lies clockwise are so in the picture, too, and on the same side of the middle.
bool grows(const LensModel& model, double angle, double direction) {
  constexpr double step = 1e-5;
  const auto at = [&](double a, double d) {
    return place(model, {std::sin(a) * std::cos(d), std::sin(a) * std::sin(d), std::cos(a)});
  };
  const Place here = at(angle, direction);
  if (!(here.u * std::cos(direction) + here.v * std::sin(direction) > 0)) return false;
  const Place in = at(angle - step, direction), out = at(angle + step, direction);
  const Place left = at(angle, direction - step), right = at(angle, direction + step);
  return (out.u - in.u) * (right.v - left.v) - (out.v - in.v) * (right.u - left.u) > 0;
}

double widest(const LensModel& model) {
  constexpr double step = kPi / 720;
  constexpr int kDirections = 24;
  const double most = std::holds_alternative<BrownConrady>(model) ? 89.9 / 180 * kPi : kPi;
  const int directions = same_all_around(model) ? 1 : kDirections;
  const auto holds = [&](double angle) {
    for (int i = 0; i < directions; ++i) {
      if (!grows(model, angle, 2 * kPi * i / directions)) return false;
    }
    return true;
  };
  double low = 0;
  // Behind, at pi itself, all directions are one.
  while (low + step < most && holds(low + step)) low += step;
  if (low + step >= most) return most;
  double high = low + step;
  for (int i = 0; i < 40; ++i) {
    const double middle = (low + high) / 2;
    (holds(middle) ? low : high) = middle;
  }
  return low;
}

}  // namespace

Lens::Lens(const Intrinsics& camera, const LensModel& model, const LensMounting& mounting)
    : camera_(camera), model_(model), mounting_(mounting), widest_rad_(0) {
  if (!std::isfinite(camera.fx) || !std::isfinite(camera.fy) || !std::isfinite(camera.cx) ||
      !std::isfinite(camera.cy) || !finite(model)) {
    throw Error(ExitCode::usage, "a lens needs finite numbers");
  }
  if (camera.fx <= 0 || camera.fy <= 0 || camera.width <= 0 || camera.height <= 0 ||
      !(mounting.valid_radius_px > 0)) {
    throw Error(ExitCode::usage,
                "a lens needs a focal length, a picture size and a radius above 0");
  }
  camera_.assumed = false;
  mounting_.quarter_turns = (mounting.quarter_turns % 4 + 4) % 4;
  widest_rad_ = widest(model);
}

std::optional<PicturePoint> Lens::project(double x, double y, double z) const {
  const double aside = std::hypot(x, y);
  const double angle = std::atan2(aside, z);
  if (!(angle <= widest_rad_) || (aside == 0 && !(z > 0))) return std::nullopt;
  // A clockwise turn brought what is up in the camera's picture to the right.
  Ray ray{x, y, z};
  for (int i = 0; i < mounting_.quarter_turns; ++i) ray = {ray.y, -ray.x, ray.z};
  const Place at = place(model_, ray);
  const double right = camera_.fx * at.u;
  const double down = camera_.fy * at.v;
  if (!(std::hypot(right, down) <= mounting_.valid_radius_px)) return std::nullopt;
  return PicturePoint{camera_.cx + right, camera_.cy + down};
}

bool Lens::straight() const {
  const auto* model = std::get_if<BrownConrady>(&model_);
  return model != nullptr && *model == BrownConrady{} && mounting_.quarter_turns == 0 &&
         std::isinf(mounting_.valid_radius_px);
}

int Lens::upright_width() const {
  return mounting_.quarter_turns % 2 == 0 ? camera_.width : camera_.height;
}

int Lens::upright_height() const {
  return mounting_.quarter_turns % 2 == 0 ? camera_.height : camera_.width;
}

Lens Lens::resized(int width, int height) const {
  Lens lens = *this;
  lens.camera_ = camera_.resized(width, height);
  lens.mounting_.valid_radius_px *= static_cast<double>(width) / camera_.width;
  return lens;
}

}  // namespace lazarillo
