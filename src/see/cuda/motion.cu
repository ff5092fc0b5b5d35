#include "see/cuda/registration.cuh"

// As motion.cpp, step by step; what is done there and why stands there. Pixels are rounded as there
// (this file is built without fused multiply-add), sums over many are not.

namespace lazarillo::gpu {
namespace {

using namespace registration;

constexpr int kPixels = kWidth * kHeight;

/// MotionMeter::Impl::mark(): one thread a cell.
__device__ bool changed(const PixelRect& inside, int cell, const float* residual,
                        const float* slope, float variance, float misplaced) {
  constexpr int wide = kWidth / Motion::columns;
  constexpr int high = kHeight / Motion::rows;
  constexpr auto beyond = static_cast<float>(rules::significant * rules::significant);
  const int left = cell % Motion::columns * wide;
  const int top = cell / Motion::columns * high;
  int different = 0;
  int covered = 0;
  for (int y = max(top, inside.y0); y < min(top + high, inside.y1); ++y) {
    for (int x = max(left, inside.x0); x < min(left + wide, inside.x1); ++x) {
      const float e = residual[y * kWidth + x];
      ++covered;
      if (e * e > beyond * (variance + misplaced * slope[y * kWidth + x])) ++different;
    }
  }
  return different >= rules::least_pixels || covered * 2 < wide * high;
}

/// Length of the gradient.
__device__ double slope(const Plane2& plane, int x, int y) {
  const float* at = plane.row(y);
  return hypot(static_cast<double>(at[x + 1] - at[x - 1]),
               static_cast<double>(plane.row(y + 1)[x] - plane.row(y - 1)[x])) /
         2;
}

/// light_of(): all threads; the first one writes.
__device__ void light(Shared& shared, const Plane2& plane, const Plane2& halved,
                      MotionFound& found) {
  double sum = 0;
  double squares = 0;
  double slopes = 0;
  double coarse = 0;
  each_pixel({1, 1, kWidth - 1, kHeight - 1}, 1, [&](int x, int y) {
    const double level = plane.row(y)[x];
    sum += level;
    squares += level * level;
    slopes += slope(plane, x, y);
  });
  each_pixel({1, 1, kWidth / 2 - 1, kHeight / 2 - 1}, 1,
             [&](int x, int y) { coarse += slope(halved, x, y); });
  sum = block_sum(shared, sum);
  squares = block_sum(shared, squares);
  slopes = block_sum(shared, slopes);
  coarse = block_sum(shared, coarse);
  if (thread_index() != 0) return;
  constexpr double n = double{kWidth - 2} * (kHeight - 2);
  constexpr double n_halved = double{kWidth / 2 - 2} * (kHeight / 2 - 2);
  const double mean = sum / n;
  const double detail = slopes / n;
  found.light = {mean, sqrt(fmax(squares / n - mean * mean, 0.0)), detail,
                 detail > 0 ? coarse / n_halved / (2 * detail) : 0};
}

__global__ void __launch_bounds__(kThreads)
    motion_kernel(const float* reference, const float* picture, double most_noise, float* scratch,
                  MotionFound* found) {
  __shared__ Shared shared;
  const auto level = [](const float* small, int n) {
    // Only read; Plane2 has one kind of row.
    auto* values = const_cast<float*>(small);
    return n == 0   ? Plane2{values, kWidth, kHeight}
           : n == 1 ? Plane2{values + kPixels, kWidth / 2, kHeight / 2}
                    : Plane2{values + kPixels * 5 / 4, kWidth / 4, kHeight / 4};
  };
  const Plane2 predicted{scratch, kWidth, kHeight};
  constexpr int words = sizeof(MotionFound) / sizeof(std::uint32_t);
  if (thread_index() < words) reinterpret_cast<std::uint32_t*>(found)[thread_index()] = 0;
  const Plane2 current = level(picture, 0);
  light(shared, current, level(picture, 1), *found);
  bool same = true;
  for (int at = thread_index(); at < kPixels; at += kThreads) same &= reference[at] == picture[at];
  if (__syncthreads_and(same ? 1 : 0) != 0 && thread_index() == 0) found->repeated = 1;
  match_coarse(shared, level(reference, 2).values, level(picture, 2).values);
  refine(shared, level(reference, 1), level(picture, 1), {scratch, kWidth / 2, kHeight / 2}, 1);
  refine(shared, level(reference, 0), level(picture, 0), predicted, 2);

  const PixelRect inside = warp(shared, level(reference, 0), 1, predicted);
  const Found r = shared.found;
  const double pixels = static_cast<double>(inside.x1 - inside.x0) * (inside.y1 - inside.y0);
  double before = 0;
  double now = 0;
  each_pixel(inside, 1, [&](int x, int y) {
    before += predicted.row(y)[x];
    now += current.row(y)[x];
  });
  before = block_sum(shared, before);
  now = block_sum(shared, now);
  const double brighter = (now / pixels + rules::darkness) / (before / pixels + rules::darkness);
  const auto possible = [](double gain) {
    return gain < rules::most_gain && gain > 1 / rules::most_gain;
  };
  const bool seen = inside.x1 > inside.x0 && inside.y1 > inside.y0;
  if (!(seen && possible(r.gain) && possible(brighter))) {
    if (thread_index() == 0) found->scene_change = 1;
    return;
  }

  float* residual = scratch + kPixels;
  float* slope = scratch + 2 * kPixels;
  const auto gain = static_cast<float>(r.gain);
  const auto offset = static_cast<float>(r.offset);
  each_pixel(inside, 1, [&](int x, int y) {
    const float f = current.row(y)[x];
    float& p = predicted.row(y)[x];
    const float was = p;
    p = gain * was + offset;
    float difference = f - p;
    if (was >= rules::clipped_level) difference = fminf(difference, 0.0F);
    if (f >= rules::clipped_level) difference = fmaxf(difference, 0.0F);
    residual[y * kWidth + x] = difference;
  });
  __syncthreads();
  double slopes = 0;
  each_pixel(inside, 1, [&](int x, int y) {
    const float* at = predicted.row(y);
    const float dx = at[min(x + 1, inside.x1 - 1)] - at[max(x - 1, inside.x0)];
    const float dy =
        predicted.row(min(y + 1, inside.y1 - 1))[x] - predicted.row(max(y - 1, inside.y0))[x];
    const float square = (dx * dx + dy * dy) / 4;
    slope[y * kWidth + x] = square;
    slopes += square;
  });
  const auto flat = static_cast<float>(block_sum(shared, slopes) / pixels);

  clear_bins(shared);
  each_pixel(inside, 1, [&](int x, int y) {
    const int at = y * kWidth + x;
    if (slope[at] <= flat) count_value(shared, fabsf(residual[at]), rules::bins_of_noise);
  });
  const double noise =
      fmin(fmax(rules::sigma_of_median * median(shared, rules::bins_of_noise), rules::least_noise),
           most_noise);
  const auto variance = static_cast<float>(noise * noise);
  const float typical = static_cast<float>(rules::median_of_square) * variance;
  clear_bins(shared);
  each_pixel(inside, 1, [&](int x, int y) {
    const int at = y * kWidth + x;
    if (slope[at] > flat) {
      count_value(shared, fmaxf(residual[at] * residual[at] - typical, 0.0F) / slope[at],
                  rules::bins_of_misplacement);
    }
  });
  const double spread = median(shared, rules::bins_of_misplacement) / rules::median_of_square;
  const auto misplaced =
      static_cast<float>(fmin(fmax(spread, rules::least_misplacement * rules::least_misplacement),
                              rules::most_misplacement * rules::most_misplacement));

  constexpr int cells = Motion::columns * Motion::rows;
  static_assert(cells <= kThreads);
  const bool is_changed = thread_index() < cells &&
                          changed(inside, thread_index(), residual, slope, variance, misplaced);
  const unsigned word = __ballot_sync(~0U, is_changed);
  if (lane_index() == 0 && warp_index() * 32 < cells) {
    found->cells[static_cast<std::size_t>(warp_index())] = word;
  }
  bool explained = true;
  if (2 * __syncthreads_count(is_changed ? 1 : 0) > cells) {
    double sum = 0;
    double squares = 0;
    double left = 0;
    each_pixel(inside, 1, [&](int x, int y) {
      const double f = current.row(y)[x];
      const double e = residual[y * kWidth + x];
      sum += f;
      squares += f * f;
      left += e * e;
    });
    sum = block_sum(shared, sum);
    squares = block_sum(shared, squares);
    left = block_sum(shared, left);
    explained = left <= (squares - sum * sum / pixels) / 2;
  }
  if (thread_index() == 0) {
    found->shift_x = r.shift_x;
    found->shift_y = r.shift_y;
    found->zoom = r.zoom;
    found->gain = r.gain;
    found->scene_change = explained ? 0 : 1;
  }
}

}  // namespace

void measure_motion(const float* reference, const float* picture, double most_noise, float* scratch,
                    MotionFound* found, cudaStream_t stream) {
  motion_kernel<<<1, kThreads, 0, stream>>>(reference, picture, most_noise, scratch, found);
  check_launch("measuring motion");
}

}  // namespace lazarillo::gpu
