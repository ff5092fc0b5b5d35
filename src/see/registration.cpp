#include "see/registration.h"

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>

#include "see/histogram.h"
#include "see/motion_rules.h"

namespace lazarillo {
namespace {

namespace rules = motion_rules;
using rules::unknowns;

constexpr int most_samples = 4;

/// Adds the brightness of one sampled row to `sums`, of a colour pixel four times.
template <int Channels, int Samples>
void add_row(const std::uint8_t* row, const int* offsets, std::uint32_t* sums) {
  for (int x = 0; x < SmallPicture::width; ++x) {
    std::uint32_t sum = 0;
    for (int s = 0; s < Samples; ++s) {
      const std::uint8_t* p = row + *offsets++;
      // Near enough to luma, and no multiplication: blue + 2 green + red.
      sum += Channels == 3 ? std::uint32_t{p[0]} + 2U * p[1] + p[2] : std::uint32_t{p[0]};
    }
    sums[x] += sum;
  }
}

using AddRow = void (*)(const std::uint8_t*, const int*, std::uint32_t*);

/// The loop that reads the frame is a fifth faster when its length is known.
template <int Channels>
AddRow add_row_of(int samples) {
  constexpr std::array<AddRow, most_samples> by_samples{add_row<Channels, 1>, add_row<Channels, 2>,
                                                        add_row<Channels, 3>, add_row<Channels, 4>};
  return by_samples[static_cast<std::size_t>(samples - 1)];
}

/// 1 2 1 along one line of `n` values; the ends repeat.
void smooth_line(const float* in, float* out, int n) {
  out[0] = (3 * in[0] + in[1]) / 4;
  for (int x = 1; x < n - 1; ++x) out[x] = (in[x - 1] + 2 * in[x] + in[x + 1]) / 4;
  out[n - 1] = (in[n - 2] + 3 * in[n - 1]) / 4;
}

void halve(const Plane& in, Plane& out) {
  for (int y = 0; y < out.height; ++y) {
    const float* a = in.row(2 * y);
    const float* b = in.row(2 * y + 1);
    float* to = out.row(y);
    for (std::ptrdiff_t x = 0; x < out.width; ++x) {
      to[x] = (a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1]) / 4;
    }
  }
}

/// What stands out from its surroundings, -100..100, cut off where most of the picture is: so that
/// one dark coat does not outvote the whole street. Free of exposure.
void outline(const Plane& v, std::vector<short>& out) {
  constexpr int reach = rules::outline_reach;
  std::array<float, std::size_t{SmallPicture::width / 4} * (SmallPicture::height / 4)> across;
  std::array<float, across.size()> rest;
  const auto at = [&](int x, int y) { return static_cast<std::size_t>(y) * v.width + x; };
  for (int y = 0; y < v.height; ++y) {
    for (int x = 0; x < v.width; ++x) {
      float sum = 0;
      for (int i = x - reach; i <= x + reach; ++i) sum += v.row(y)[std::clamp(i, 0, v.width - 1)];
      across[at(x, y)] = sum;
    }
  }
  double size = 0;
  for (int y = 0; y < v.height; ++y) {
    for (int x = 0; x < v.width; ++x) {
      float sum = 0;
      for (int i = y - reach; i <= y + reach; ++i) {
        sum += across[at(x, std::clamp(i, 0, v.height - 1))];
      }
      rest[at(x, y)] = v.row(y)[x] - sum / ((2 * reach + 1) * (2 * reach + 1));
      size += std::abs(rest[at(x, y)]);
    }
  }
  const auto scale =
      static_cast<float>(100 / std::max(size / double(rest.size()), rules::least_outline));
  std::transform(rest.begin(), rest.end(), out.begin(), [scale](float r) {
    return static_cast<short>(std::clamp(r * scale, -100.0F, 100.0F));
  });
}

/// The same registration in pixels `factor` times as large.
Registration in_pixels_of(Registration r, double factor) {
  r.shift_x /= factor;
  r.shift_y /= factor;
  return r;
}

/// Where between pixels, and the weights of the pixels whole - 1 .. whole + 2.
struct Taps {
  int whole;
  std::array<float, 4> weight;
};

/// Cubic convolution with a = -1/2 (Keys 1981). Linear interpolation blurs edges by several levels
/// where a frame falls between the pixels of the reference: a change where there is none.
Taps cubic(double at, int length) {
  const int whole = std::min(static_cast<int>(at), length - 3);
  const auto t = static_cast<float>(at - whole);
  return {whole,
          {((2 - t) * t - 1) * t / 2, ((3 * t - 5) * t * t + 2) / 2, ((4 - 3 * t) * t + 1) * t / 2,
           (t - 1) * t * t / 2}};
}

using Normal = cv::Matx<double, unknowns, unknowns>;
using Vector = cv::Vec<double, unknowns>;

/// One step of Gauss-Newton from a place that is about `misplaced` pixels off; false when there is
/// nothing more to gain.
bool step(const Plane& picture, const Plane& warped, PixelRect inside, int stride, double finest,
          double misplaced, Vector& unknown) {
  const auto gain = static_cast<float>(unknown[3]);
  const auto offset = static_cast<float>(unknown[4]);
  Histogram residuals(rules::bins_of_residual);
  for (int y = inside.y0; y < inside.y1; y += stride) {
    const float* f = picture.row(y);
    const float* w = warped.row(y);
    for (int x = inside.x0; x < inside.x1; x += stride) {
      residuals.add(std::abs(f[x] - (gain * w[x] + offset)));
    }
  }
  const double sigma = std::max(rules::sigma_of_median * residuals.median(), 0.5);
  // Residuals of two sigma count a quarter, of five next to nothing. At an edge so does what
  // `misplaced` leaves: that is what the next step is to take away.
  const auto noise = static_cast<float>(4 * sigma * sigma);
  const auto edge = static_cast<float>(4 * misplaced * misplaced);

  const float middle_x = static_cast<float>(picture.width - 1) / 2;
  const float middle_y = static_cast<float>(picture.height - 1) / 2;
  Normal a = Normal::zeros();
  Vector b = Vector::all(0);
  for (int y = inside.y0 + 1; y < inside.y1 - 1; y += stride) {
    const float* f = picture.row(y);
    const float* w = warped.row(y);
    const float* above = warped.row(y - 1);
    const float* below = warped.row(y + 1);
    const float side_y = (static_cast<float>(y) - middle_y) / middle_x;
    std::array<float, unknowns*(unknowns + 1) / 2> products{};
    std::array<float, unknowns> sums{};
    for (int x = inside.x0 + 1; x < inside.x1 - 1; x += stride) {
      const float residual = f[x] - (gain * w[x] + offset);
      const float gx = gain * (w[x + 1] - w[x - 1]) / 2;
      const float gy = gain * (below[x] - above[x]) / 2;
      const float bearable = noise + edge * (gx * gx + gy * gy);
      const float m = bearable / (bearable + residual * residual);
      const float weight = m * m;
      const float side_x = (static_cast<float>(x) - middle_x) / middle_x;
      const std::array<float, unknowns> j{gx, gy, gx * side_x + gy * side_y, w[x], 1};
      std::size_t n = 0;
      for (std::size_t r = 0; r < unknowns; ++r) {
        const float wj = weight * j[r];
        for (std::size_t c = r; c < unknowns; ++c) products[n++] += wj * j[c];
        sums[r] += wj * residual;
      }
    }
    std::size_t n = 0;
    for (int r = 0; r < unknowns; ++r) {
      for (int c = r; c < unknowns; ++c) a(r, c) += products[n++];
      b[r] += sums[static_cast<std::size_t>(r)];
    }
  }
  const double weights = a(4, 4);
  for (int r = 0; r < unknowns; ++r) {
    for (int c = 0; c < r; ++c) a(r, c) = a(c, r);
    const double pull = weights * std::pow(sigma / rules::expected(r), 2);
    a(r, r) += r < 3 ? pull * finest * finest : pull;
    if (r == 3) b[r] -= pull * (unknown[r] - 1);
    if (r == 4) b[r] -= pull * unknown[r];
  }
  const Vector change = a.solve(b, cv::DECOMP_CHOLESKY);
  unknown += change;
  const double moved = std::max({std::abs(change[0]), std::abs(change[1]), std::abs(change[2])});
  // A step leaves a third of itself or less: a hundredth of a pixel at the end.
  return moved > misplaced / 10 || std::abs(change[3]) > 0.005;
}

}  // namespace

int samples_along(int frame_length, int small_length) {
  return std::clamp(frame_length / small_length, 1, most_samples);
}

Registrar::Registrar()
    : warped_{Plane(SmallPicture::width, SmallPicture::height),
              Plane(SmallPicture::width / 2, SmallPicture::height / 2)},
      row_(SmallPicture::width),
      coarse_reference_(std::size_t{SmallPicture::width / 4} * (SmallPicture::height / 4)),
      coarse_picture_(coarse_reference_.size()) {}

void Registrar::reduce(const Frame& frame, SmallPicture& small) {
  constexpr int width = SmallPicture::width;
  constexpr int height = SmallPicture::height;
  const int channels = frame.format == PixelFormat::bgr8 ? 3 : 1;
  const int across = samples_along(frame.width, width);
  const int down = samples_along(frame.height, height);
  // Sample i of n stands in the middle of the i-th n-th of the frame.
  const auto sample = [](std::int64_t i, std::int64_t n, std::int64_t length) {
    return static_cast<int>((2 * i + 1) * length / (2 * n));
  };
  std::array<int, std::size_t{width} * most_samples> offsets;
  for (int i = 0; i < width * across; ++i) {
    offsets[static_cast<std::size_t>(i)] =
        channels * sample(i, std::int64_t{width} * across, frame.width);
  }
  const AddRow add = channels == 3 ? add_row_of<3>(across) : add_row_of<1>(across);
  const float scale = 1.0F / static_cast<float>(across * down * (channels == 3 ? 4 : 1));
  std::array<float, width> line;
  Plane& unsmoothed = warped_[0];
  for (int y = 0; y < height; ++y) {
    std::array<std::uint32_t, width> sums{};
    for (int s = 0; s < down; ++s) {
      const std::uint8_t* row =
          frame.pixels.get() + frame.stride_bytes * sample(std::int64_t{y} * down + s,
                                                           std::int64_t{height} * down,
                                                           frame.height);
      add(row, offsets.data(), sums.data());
    }
    for (std::size_t x = 0; x < width; ++x) line[x] = static_cast<float>(sums[x]) * scale;
    smooth_line(line.data(), unsmoothed.row(y), width);
  }
  for (int y = 0; y < height; ++y) {
    const float* above = unsmoothed.row(std::max(y - 1, 0));
    const float* at = unsmoothed.row(y);
    const float* below = unsmoothed.row(std::min(y + 1, height - 1));
    float* out = small.levels[0].row(y);
    for (int x = 0; x < width; ++x) out[x] = (above[x] + 2 * at[x] + below[x]) / 4;
  }
  halve(small.levels[0], small.levels[1]);
  halve(small.levels[1], small.levels[2]);
}

Registration Registrar::match(const SmallPicture& reference, const SmallPicture& picture) {
  Registration r = in_pixels_of(coarse(reference.levels[2], picture.levels[2]), 0.25);
  refine(reference.levels[1], picture.levels[1], warped_[1], 1, r);
  // Smoothing makes neighbours tell the same: every second pixel of the finest level is enough.
  refine(reference.levels[0], picture.levels[0], warped_[0], 2, r);
  return r;
}

Registration Registrar::coarse(const Plane& reference, const Plane& picture) {
  const int width = reference.width;
  const int height = reference.height;
  outline(reference, coarse_reference_);
  outline(picture, coarse_picture_);
  const auto correlation = [&](int dx, int dy) {
    const int x0 = std::max(dx, 0);
    const int x1 = width + std::min(dx, 0);
    int f = 0;
    int r = 0;
    int ff = 0;
    int rr = 0;
    int fr = 0;
    int count = 0;
    for (int y = std::max(dy, 0); y < height + std::min(dy, 0); ++y) {
      const short* pf = coarse_picture_.data() + std::ptrdiff_t{y} * width;
      const short* pr = coarse_reference_.data() + std::ptrdiff_t{y - dy} * width - dx;
      for (int x = x0; x < x1; ++x) {
        f += pf[x];
        r += pr[x];
        ff += pf[x] * pf[x];
        rr += pr[x] * pr[x];
        fr += pf[x] * pr[x];
      }
      count += x1 - x0;
    }
    const double n = count;
    const double spread = (n * ff - double(f) * f) * (n * rr - double(r) * r);
    return spread > 0 ? (n * fr - double(f) * r) / std::sqrt(spread) : 0;
  };
  Registration found;
  double best = correlation(0, 0);
  for (int dy = -height / 4; dy <= height / 4; ++dy) {
    for (int dx = -width / 4; dx <= width / 4; ++dx) {
      const double cost = rules::clearly + rules::cost_of_pixel * std::hypot(dx, dy);
      if (1 - cost <= best) continue;  // not even a perfect fit would do
      const double score = correlation(dx, dy) - cost;
      if (score <= best) continue;
      best = score;
      found.shift_x = dx;
      found.shift_y = dy;
    }
  }
  return found;
}

PixelRect Registrar::warp(const Plane& reference, const Registration& registration, Plane& warped) {
  // Without roll, columns go to columns and rows to rows. The outermost pixels, smoothed with
  // neighbours they do not have, are left out.
  const auto place = [&](int i, int length, double shift) {
    const double middle = (length - 1) / 2.0;
    return middle + (i - middle - shift) / registration.zoom;
  };
  std::array<Taps, SmallPicture::width> columns;
  PixelRect inside{reference.width, reference.height, 0, 0};
  for (int x = 1; x < reference.width - 1; ++x) {
    const double at = place(x, reference.width, registration.shift_x);
    if (!(at >= 1 && at <= reference.width - 2)) continue;
    columns[static_cast<std::size_t>(x)] = cubic(at, reference.width);
    inside.x0 = std::min(inside.x0, x);
    inside.x1 = x + 1;
  }
  float* line = row_.data();
  for (int y = 1; y < reference.height - 1; ++y) {
    const double at = place(y, reference.height, registration.shift_y);
    if (!(at >= 1 && at <= reference.height - 2)) continue;
    inside.y0 = std::min(inside.y0, y);
    inside.y1 = y + 1;
    const auto [whole, w] = cubic(at, reference.height);
    const float* a = reference.row(whole - 1);
    const float* b = reference.row(whole);
    const float* c = reference.row(whole + 1);
    const float* d = reference.row(whole + 2);
    for (int x = 0; x < reference.width; ++x) {
      line[x] = w[0] * a[x] + w[1] * b[x] + w[2] * c[x] + w[3] * d[x];
    }
    float* out = warped.row(y);
    for (int x = inside.x0; x < inside.x1; ++x) {
      const Taps& taps = columns[static_cast<std::size_t>(x)];
      const float* from = line + taps.whole - 1;
      out[x] = taps.weight[0] * from[0] + taps.weight[1] * from[1] + taps.weight[2] * from[2] +
               taps.weight[3] * from[3];
    }
  }
  return inside;
}

void Registrar::refine(const Plane& reference, const Plane& picture, Plane& warped, int stride,
                       Registration& registration) {
  const double finest = double(SmallPicture::width) / reference.width;
  const double side = (reference.width - 1) / 2.0;
  // The unknowns place the reference: at = p / zoom + shift of the reference, from the middle.
  const double misplaced = rules::misplaced(finest == 1);
  const Registration here = in_pixels_of(registration, finest);
  Vector unknown(-here.shift_x / here.zoom, -here.shift_y / here.zoom, (1 / here.zoom - 1) * side,
                 here.gain, here.offset);
  for (int i = 0; i < rules::most_steps; ++i) {
    const PixelRect inside = warp(reference, in_pixels_of(registration, finest), warped);
    const bool moves = step(picture, warped, inside, stride, finest, misplaced, unknown);
    const double inverse = 1 + unknown[2] / side;
    // Half or twice as large, or hardly overlapping: not the same picture, and no more can be said.
    if (!(inverse > 0.5 && inverse < 2) || !(std::abs(unknown[0]) < side) ||
        !(std::abs(unknown[1]) < reference.height / 2.0)) {
      return;
    }
    registration = in_pixels_of(
        {-unknown[0] / inverse, -unknown[1] / inverse, 1 / inverse, unknown[3], unknown[4]},
        1 / finest);
    if (!moves) return;
  }
}

}  // namespace lazarillo
