#include "show/palette.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "guide/threat.h"

namespace lazarillo {
namespace {

/// CIE L*C*h (D65) to sRGB; out of gamut is clipped. Formulas: CIE 15:2004 and IEC 61966-2-1.
Colour from_lch(double lightness, double chroma, double hue_deg) {
  const double hue = hue_deg * std::numbers::pi / 180;
  const double fy = (lightness + 16) / 116;
  const double fx = fy + chroma * std::cos(hue) / 500;
  const double fz = fy - chroma * std::sin(hue) / 200;
  const auto expand = [](double f) {
    return f > 6.0 / 29 ? f * f * f : (f - 4.0 / 29) * 108 / 841;
  };
  const double x = 0.95047 * expand(fx), y = expand(fy), z = 1.08883 * expand(fz);
  const auto gamma = [](double v) {
    v = std::clamp(v, 0.0, 1.0);
    return v <= 0.0031308 ? 12.92 * v : 1.055 * std::pow(v, 1 / 2.4) - 0.055;
  };
  return {gamma(3.2406 * x - 1.5372 * y - 0.4986 * z), gamma(-0.9689 * x + 1.8758 * y + 0.0415 * z),
          gamma(0.0557 * x - 0.2040 * y + 1.0570 * z)};
}

}  // namespace

Level level_of(const Track& track, const GuideOptions& rules) {
  const auto threat = assess(track, rules);
  if (!threat) return Level::calm;
  switch (threat->priority) {
    case Priority::critical:
      return Level::critical;
    case Priority::warning:
      return Level::warning;
    case Priority::info:
      break;
  }
  return Level::info;
}

Colour colour_of(Level level) {
  switch (level) {
    case Level::critical:
      return {1.00, 0.34, 0.20};
    case Level::warning:
      return {1.00, 0.80, 0.20};
    case Level::info:
      return {0.32, 0.69, 1.00};
    case Level::calm:
      break;
  }
  return {0.84, 0.87, 0.90};
}

std::array<std::array<std::uint8_t, 4>, 256> depth_colours() {
  struct Point {
    double chroma, hue_deg;
  };
  constexpr std::array<Point, 5> kPoints{
      {{38, 292}, {58, 322}, {66, 372}, {70, 420}, {62, 457}}};  // violet to yellow through red
  constexpr double kDarkest = 12, kLightest = 91;
  std::array<std::array<std::uint8_t, 4>, 256> colours{};
  for (std::size_t i = 0; i < colours.size(); ++i) {
    const double t = static_cast<double>(i) / 255;
    const double at = t * (kPoints.size() - 1);
    const std::size_t k = std::min(static_cast<std::size_t>(at), kPoints.size() - 2);
    const double f = at - static_cast<double>(k);
    const Colour c = from_lch(std::lerp(kDarkest, kLightest, t),
                              std::lerp(kPoints[k].chroma, kPoints[k + 1].chroma, f),
                              std::lerp(kPoints[k].hue_deg, kPoints[k + 1].hue_deg, f));
    const auto byte = [](double v) { return static_cast<std::uint8_t>(std::lround(v * 255)); };
    colours[i] = {byte(c.b), byte(c.g), byte(c.r), 255};
  }
  return colours;
}

}  // namespace lazarillo
