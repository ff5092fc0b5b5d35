#include "see/motion.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "see/card_motion.h"
#include "see/histogram.h"
#include "see/motion_rules.h"
#include "see/registration.h"

namespace lazarillo {
namespace {

namespace rules = motion_rules;

constexpr int width = SmallPicture::width;
constexpr int height = SmallPicture::height;
constexpr int cell_width = width / Motion::columns;
constexpr int cell_height = height / Motion::rows;

bool has_pixels(const Frame& frame) {
  const std::ptrdiff_t channels = frame.format == PixelFormat::bgr8 ? 3 : 1;
  return frame.pixels && frame.width > 0 && frame.height > 0 &&
         frame.stride_bytes >= channels * frame.width;
}

/// Standard deviation of a residual that noise is granted at most.
double most_noise(const Frame& frame) {
  const double samples = samples_along(frame.width, width) * samples_along(frame.height, height);
  return rules::most_sensor_noise * rules::smoothing * std::sqrt(2 / samples);
}

/// Sum over all pixels but the outermost of the length of the gradient.
double slopes_of(const Plane& plane) {
  double slopes = 0;
  for (int y = 1; y + 1 < plane.height; ++y) {
    const float* above = plane.row(y - 1);
    const float* at = plane.row(y);
    const float* below = plane.row(y + 1);
    for (int x = 1; x + 1 < plane.width; ++x) {
      slopes += std::hypot(at[x + 1] - at[x - 1], below[x] - above[x]) / 2;
    }
  }
  return slopes;
}

double inner_pixels(const Plane& plane) { return double(plane.width - 2) * (plane.height - 2); }

/// Two small pictures, the second of half the size.
PictureLight light_of(const Plane& plane, const Plane& halved) {
  double sum = 0;
  double squares = 0;
  for (int y = 1; y + 1 < plane.height; ++y) {
    const float* at = plane.row(y);
    for (int x = 1; x + 1 < plane.width; ++x) {
      const double level = at[x];
      sum += level;
      squares += level * level;
    }
  }
  const double n = inner_pixels(plane);
  const double mean = sum / n;
  const double detail = slopes_of(plane) / n;
  const double coarse = slopes_of(halved) / inner_pixels(halved);
  return {mean, std::sqrt(std::max(squares / n - mean * mean, 0.0)), detail,
          detail > 0 ? coarse / (2 * detail) : 0};
}

struct View {
  SmallPicture small;
  int frame_width = 0, frame_height = 0;  ///< 0: no picture
};

}  // namespace

int Motion::changed_cells(const Box& box) const {
  if (frame_width <= 0 || frame_height <= 0) return static_cast<int>(cells.count());
  const auto index = [](double at, double length, int count) {
    return std::clamp(static_cast<int>(std::floor(at / length * count)), 0, count - 1);
  };
  const int right = index(box.x2, frame_width, columns);
  const int bottom = index(box.y2, frame_height, rows);
  int count = 0;
  for (int r = index(box.y1, frame_height, rows); r <= bottom; ++r) {
    for (int c = index(box.x1, frame_width, columns); c <= right; ++c) count += cell(c, r) ? 1 : 0;
  }
  return count;
}

int Motion::changed_border_cells() const {
  int count = 0;
  for (int c = 0; c < columns; ++c) count += int{cell(c, 0)} + int{cell(c, rows - 1)};
  for (int r = 1; r < rows - 1; ++r) count += int{cell(0, r)} + int{cell(columns - 1, r)};
  return count;
}

struct MotionMeter::Impl {
  Registrar registrar;
  View reference;
  View current;
  bool measured = false;             ///< current is newer than the reference
  std::unique_ptr<CardMotion> card;  ///< of pictures on the card; null: none was there yet
  bool on_card = false;              ///< where the picture measured last is
  Plane predicted{width, height};
  Plane residual{width, height};
  Plane slope{width, height};  ///< square of the gradient of what was predicted

  /// Whether exposure alone can have made this gain and this brightness. Of `predicted` as warped.
  [[nodiscard]] bool same_light(const Registration& r, PixelRect inside) const;
  /// Turns `predicted` from warped to expected, and fills the residual, inside the part the
  /// reference covers.
  void subtract(const Registration& r, PixelRect inside);
  [[nodiscard]] bool explained(PixelRect inside) const;
  void find_slopes(PixelRect inside);
  void mark(PixelRect inside, double noise_limit, Motion& motion) const;
};

MotionMeter::MotionMeter() : impl_(std::make_unique<Impl>()) {}
MotionMeter::~MotionMeter() = default;

void MotionMeter::set_reference() {
  Impl& m = *impl_;
  if (!m.measured) return;
  m.measured = false;
  // A picture here and one on the card cannot be compared.
  if (m.on_card) {
    m.card->set_reference();
    m.reference.frame_width = 0;
  } else {
    std::swap(m.reference, m.current);
    m.card.reset();
  }
}

Motion MotionMeter::measure(const Frame& frame) {
  Impl& m = *impl_;
  Motion motion;
  motion.frame_width = frame.width;
  motion.frame_height = frame.height;
  const auto scene_change = [&] {
    motion.scene_change = true;
    motion.cells.set();
    return motion;
  };
  m.current.frame_width = 0;
  if (frame.device && !m.card) m.card = make_card_motion();
  m.on_card = frame.device != nullptr;
  m.measured = true;
  if (m.on_card) {
    try {
      return m.card->measure(frame, most_noise(frame));
    } catch (const std::exception&) {
      return scene_change();  // the detector, which looks now, says what is wrong with the card
    }
  }
  if (!has_pixels(frame)) return scene_change();
  m.registrar.reduce(frame, m.current.small);
  motion.light = light_of(m.current.small.levels[0], m.current.small.levels[1]);
  m.current.frame_width = frame.width;
  m.current.frame_height = frame.height;
  if (m.reference.frame_width != frame.width || m.reference.frame_height != frame.height) {
    return scene_change();
  }
  motion.repeated = m.reference.small.levels[0].values == m.current.small.levels[0].values;

  const Registration r = m.registrar.match(m.reference.small, m.current.small);
  const PixelRect inside = m.registrar.warp(m.reference.small.levels[0], r, m.predicted);
  if (!m.same_light(r, inside)) return scene_change();
  m.subtract(r, inside);
  m.find_slopes(inside);
  m.mark(inside, most_noise(frame), motion);
  // A large thing that moves is much of the contrast but not of the picture.
  if (motion.changed() > 0.5 && !m.explained(inside)) return scene_change();
  motion.shift_x_px = r.shift_x * frame.width / width;
  motion.shift_y_px = r.shift_y * frame.height / height;
  motion.zoom = r.zoom;
  motion.gain = r.gain;
  return motion;
}

bool MotionMeter::Impl::same_light(const Registration& r, PixelRect inside) const {
  double before = 0;
  double now = 0;
  for (int y = inside.y0; y < inside.y1; ++y) {
    const float* p = predicted.row(y);
    const float* f = current.small.levels[0].row(y);
    before += std::accumulate(p + inside.x0, p + inside.x1, 0.0F);
    now += std::accumulate(f + inside.x0, f + inside.x1, 0.0F);
  }
  const double pixels = double(inside.x1 - inside.x0) * (inside.y1 - inside.y0);
  const double brighter = (now / pixels + rules::darkness) / (before / pixels + rules::darkness);
  const auto possible = [](double gain) {
    return gain < rules::most_gain && gain > 1 / rules::most_gain;
  };
  return pixels > 0 && possible(r.gain) && possible(brighter);
}

void MotionMeter::Impl::subtract(const Registration& r, PixelRect inside) {
  const auto gain = static_cast<float>(r.gain);
  const auto offset = static_cast<float>(r.offset);
  for (int y = inside.y0; y < inside.y1; ++y) {
    const float* f = current.small.levels[0].row(y);
    float* p = predicted.row(y);
    float* out = residual.row(y);
    for (int x = inside.x0; x < inside.x1; ++x) {
      const float before = p[x];
      p[x] = gain * before + offset;
      float difference = f[x] - p[x];
      // What is clipped could be any brighter: then, or now.
      if (before >= rules::clipped_level) difference = std::min(difference, 0.0F);
      if (f[x] >= rules::clipped_level) difference = std::max(difference, 0.0F);
      out[x] = difference;
    }
  }
}

/// Whether the reference accounts for half of the contrast.
bool MotionMeter::Impl::explained(PixelRect inside) const {
  double sum = 0;
  double squares = 0;
  double left = 0;
  for (int y = inside.y0; y < inside.y1; ++y) {
    const float* f = current.small.levels[0].row(y);
    const float* e = residual.row(y);
    float row_sum = 0;
    float row_squares = 0;
    float row_left = 0;
    for (int x = inside.x0; x < inside.x1; ++x) {
      row_sum += f[x];
      row_squares += f[x] * f[x];
      row_left += e[x] * e[x];
    }
    sum += row_sum;
    squares += row_squares;
    left += row_left;
  }
  const double n = double(inside.x1 - inside.x0) * (inside.y1 - inside.y0);
  return left <= (squares - sum * sum / n) / 2;
}

void MotionMeter::Impl::find_slopes(PixelRect inside) {
  for (int y = inside.y0; y < inside.y1; ++y) {
    const float* above = predicted.row(std::max(y - 1, inside.y0));
    const float* at = predicted.row(y);
    const float* below = predicted.row(std::min(y + 1, inside.y1 - 1));
    float* out = slope.row(y);
    for (int x = inside.x0; x < inside.x1; ++x) {
      const float dx = at[std::min(x + 1, inside.x1 - 1)] - at[std::max(x - 1, inside.x0)];
      const float dy = below[x] - above[x];
      out[x] = (dx * dx + dy * dy) / 4;
    }
  }
}

/// Two sources of residuals that mean nothing, both estimated from the picture by medians, which
/// what moves does not reach: noise, where the picture is flat, and misplacement (registration,
/// sampling, codec), which grows with the gradient.
void MotionMeter::Impl::mark(PixelRect inside, double noise_limit, Motion& motion) const {
  double slopes = 0;
  for (int y = inside.y0; y < inside.y1; ++y) {
    const float* g = slope.row(y);
    float row = 0;
    for (int x = inside.x0; x < inside.x1; ++x) row += g[x];
    slopes += row;
  }
  const auto flat =
      static_cast<float>(slopes / ((inside.x1 - inside.x0) * (inside.y1 - inside.y0)));
  Histogram level(rules::bins_of_noise);
  for (int y = inside.y0; y < inside.y1; ++y) {
    for (int x = inside.x0; x < inside.x1; ++x) {
      if (slope.row(y)[x] <= flat) level.add(std::abs(residual.row(y)[x]));
    }
  }
  const double noise =
      std::clamp(rules::sigma_of_median * level.median(), rules::least_noise, noise_limit);
  const auto variance = static_cast<float>(noise * noise);

  Histogram misplacement(rules::bins_of_misplacement);
  const auto typical = static_cast<float>(rules::median_of_square) * variance;
  for (int y = inside.y0; y < inside.y1; ++y) {
    const float* e = residual.row(y);
    const float* g = slope.row(y);
    for (int x = inside.x0; x < inside.x1; ++x) {
      if (g[x] > flat) misplacement.add(std::max(e[x] * e[x] - typical, 0.0F) / g[x]);
    }
  }
  const auto misplaced =
      static_cast<float>(std::clamp(misplacement.median() / rules::median_of_square,
                                    rules::least_misplacement * rules::least_misplacement,
                                    rules::most_misplacement * rules::most_misplacement));

  std::array<int, std::size_t{Motion::columns} * Motion::rows> different{};
  std::array<int, std::size_t{Motion::columns} * Motion::rows> covered{};
  constexpr auto beyond = static_cast<float>(rules::significant * rules::significant);
  for (int y = inside.y0; y < inside.y1; ++y) {
    const float* e = residual.row(y);
    const float* g = slope.row(y);
    const auto row = static_cast<std::size_t>(y / cell_height) * Motion::columns;
    for (int x = inside.x0; x < inside.x1; ++x) {
      const std::size_t cell = row + static_cast<std::size_t>(x / cell_width);
      ++covered[cell];
      if (e[x] * e[x] > beyond * (variance + misplaced * g[x])) ++different[cell];
    }
  }
  // Half a cell that comes into view is too narrow to recognise anything in.
  for (std::size_t i = 0; i < different.size(); ++i) {
    motion.cells[i] =
        different[i] >= rules::least_pixels || covered[i] * 2 < cell_width * cell_height;
  }
}

}  // namespace lazarillo
