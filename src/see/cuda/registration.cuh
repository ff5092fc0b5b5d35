#pragma once

#include "see/cuda/device_code.cuh"
#include "see/cuda/motion.h"
#include "see/motion_rules.h"

// How one block of kThreads threads finds by which shift, zoom and change of light a small picture
// comes from another. As registration.cpp, step by step; why it is done so stands there. Pixels are
// rounded as there (fused multiply-add is off), sums over many are not.

namespace lazarillo::gpu::registration {

namespace rules = motion_rules;

constexpr int kWidth = SmallPicture::width;
constexpr int kHeight = SmallPicture::height;
constexpr int kThreads = 1024;
constexpr int kWarps = kThreads / 32;
constexpr int kProducts = rules::unknowns * (rules::unknowns + 1) / 2;
constexpr int kSums = kProducts + rules::unknowns;
constexpr int kCoarseWidth = kWidth / 4, kCoarseHeight = kHeight / 4;
constexpr int kCoarse = kCoarseWidth * kCoarseHeight;

struct Plane2 {
  float* values;
  int width, height;
  __device__ float* row(int y) const { return values + y * width; }
};

/// Where between pixels, and the weights of the pixels whole - 1 .. whole + 2.
struct Taps {
  int whole;
  float weight[4];
};

/// Registration; shared memory cannot have initial values.
struct Found {
  double shift_x, shift_y, zoom, gain, offset;
};

struct Shared {
  Found found;
  double unknown[rules::unknowns];
  double sums[kWarps];
  double parts[kWarps][kSums];
  double totals[kSums];
  double median;
  double best_score[kWarps];
  int best_shift[kWarps];
  int bins[rules::bins];
  int count;
  int x0, y0, minus_x1, minus_y1;  ///< of the part that the reference covers
  int ends;                        ///< refine() has nothing more to do
  Taps columns[kWidth], rows[kHeight];
  float across[kCoarse], rest[kCoarse];
  short outlines[2][kCoarse];
};

__device__ inline int thread_index() { return static_cast<int>(threadIdx.x); }
__device__ inline int lane_index() { return thread_index() % 32; }
__device__ inline int warp_index() { return thread_index() / 32; }

/// The sum of all threads' values, for each of them.
__device__ inline double block_sum(Shared& shared, double value) {
  for (int apart = 16; apart > 0; apart /= 2) value += __shfl_down_sync(~0U, value, apart);
  __syncthreads();  // the sum before has been read
  if (lane_index() == 0) shared.sums[warp_index()] = value;
  __syncthreads();
  double sum = 0;
  for (int i = 0; i < kWarps; ++i) sum += shared.sums[i];
  return sum;
}

/// For each pixel, of every `stride`-th row and column: a warp takes rows, its lanes columns.
template <typename Action>
__device__ void each_pixel(const PixelRect& rect, int stride, const Action& action) {
  for (int y = rect.y0 + warp_index() * stride; y < rect.y1; y += kWarps * stride) {
    for (int x = rect.x0 + lane_index() * stride; x < rect.x1; x += 32 * stride) action(x, y);
  }
}

__device__ inline void clear_bins(Shared& shared) {
  __syncthreads();  // the median before has been read
  if (thread_index() < rules::bins) shared.bins[thread_index()] = 0;
  if (thread_index() == 0) shared.count = 0;
  __syncthreads();
}

__device__ inline void count_value(Shared& shared, float value, float bins_per_unit) {
  atomicAdd(&shared.bins[static_cast<int>(
                fminf(value * bins_per_unit, static_cast<float>(rules::bins - 1)))],
            1);
}

/// Histogram::median() of what was counted, for all threads.
__device__ inline double median(Shared& shared, float bins_per_unit) {
  constexpr int own = rules::bins / 32;
  __syncthreads();
  if (thread_index() < 32) {
    const int* bins = &shared.bins[own * lane_index()];
    int sum = 0;
    for (int i = 0; i < own; ++i) sum += bins[i];
    int upto = sum;
    for (int apart = 1; apart < 32; apart *= 2) {
      const int before = __shfl_up_sync(~0U, upto, apart);
      if (lane_index() >= apart) upto += before;
    }
    const int count = __shfl_sync(~0U, upto, 31);
    const unsigned reached = __ballot_sync(~0U, 2 * upto >= count);
    if (lane_index() == __ffs(static_cast<int>(reached)) - 1) {
      int below = upto - sum;
      int i = 0;
      while (i < own - 1 && 2 * (below + bins[i]) < count) below += bins[i++];
      shared.median = static_cast<double>(own * lane_index() + i) / bins_per_unit;
    }
  }
  __syncthreads();
  return shared.median;
}

__device__ inline void outline(Shared& shared, const float* plane, short* out) {
  constexpr int reach = rules::outline_reach;
  __syncthreads();
  for (int i = thread_index(); i < kCoarse; i += kThreads) {
    const int x = i % kCoarseWidth;
    float sum = 0;
    for (int k = x - reach; k <= x + reach; ++k) {
      sum += plane[i - x + min(max(k, 0), kCoarseWidth - 1)];
    }
    shared.across[i] = sum;
  }
  __syncthreads();
  double size = 0;
  for (int i = thread_index(); i < kCoarse; i += kThreads) {
    const int x = i % kCoarseWidth;
    const int y = i / kCoarseWidth;
    float sum = 0;
    for (int k = y - reach; k <= y + reach; ++k) {
      sum += shared.across[min(max(k, 0), kCoarseHeight - 1) * kCoarseWidth + x];
    }
    shared.rest[i] = plane[i] - sum / ((2 * reach + 1) * (2 * reach + 1));
    size += fabsf(shared.rest[i]);
  }
  const auto scale =
      static_cast<float>(100 / fmax(block_sum(shared, size) / kCoarse, rules::least_outline));
  for (int i = thread_index(); i < kCoarse; i += kThreads) {
    out[i] = static_cast<short>(fminf(fmaxf(shared.rest[i] * scale, -100.0F), 100.0F));
  }
}

/// Normalised correlation of the outlines at a shift; all lanes of a warp call it, and all get it.
__device__ inline double correlation(const Shared& shared, int dx, int dy) {
  const int x0 = max(dx, 0);
  const int x1 = kCoarseWidth + min(dx, 0);
  const int y0 = max(dy, 0);
  const int y1 = kCoarseHeight + min(dy, 0);
  int sums[5] = {};
  for (int y = y0; y < y1; ++y) {
    const short* picture = &shared.outlines[1][y * kCoarseWidth];
    const short* reference = &shared.outlines[0][(y - dy) * kCoarseWidth];
    for (int x = x0 + lane_index(); x < x1; x += 32) {
      const int f = picture[x];
      const int r = reference[x - dx];
      sums[0] += f;
      sums[1] += r;
      sums[2] += f * f;
      sums[3] += r * r;
      sums[4] += f * r;
    }
  }
  for (int& sum : sums) {
    for (int apart = 16; apart > 0; apart /= 2) sum += __shfl_xor_sync(~0U, sum, apart);
  }
  const double n = (x1 - x0) * (y1 - y0);
  const double f = sums[0];
  const double r = sums[1];
  const double spread = (n * sums[2] - f * f) * (n * sums[3] - r * r);
  return spread > 0 ? (n * sums[4] - f * r) / sqrt(spread) : 0;
}

/// The best whole shift of the coarsest level, into `found`: of equal ones the first.
__device__ inline void match_coarse(Shared& shared, const float* reference, const float* picture) {
  outline(shared, reference, shared.outlines[0]);
  outline(shared, picture, shared.outlines[1]);
  __syncthreads();
  constexpr int reach_x = kCoarseWidth / 4;
  constexpr int reach_y = kCoarseHeight / 4;
  constexpr int wide = 2 * reach_x + 1;
  constexpr int shifts = wide * (2 * reach_y + 1);
  double best = correlation(shared, 0, 0);
  int best_shift = shifts;
  for (int i = warp_index(); i < shifts; i += kWarps) {
    const int dx = i % wide - reach_x;
    const int dy = i / wide - reach_y;
    const double cost =
        rules::clearly + rules::cost_of_pixel * sqrt(static_cast<double>(dx * dx + dy * dy));
    const double score = correlation(shared, dx, dy) - cost;
    if (score > best) {
      best = score;
      best_shift = i;
    }
  }
  if (lane_index() == 0) {
    shared.best_score[warp_index()] = best;
    shared.best_shift[warp_index()] = best_shift;
  }
  __syncthreads();
  if (thread_index() == 0) {
    for (int i = 0; i < kWarps; ++i) {
      const bool better = shared.best_score[i] > best;
      if (better || (shared.best_score[i] == best && shared.best_shift[i] < best_shift)) {
        best = shared.best_score[i];
        best_shift = shared.best_shift[i];
      }
    }
    shared.found = {0, 0, 1, 1, 0};
    if (best_shift < shifts) {
      shared.found.shift_x = 4 * (best_shift % wide - reach_x);
      shared.found.shift_y = 4 * (best_shift / wide - reach_y);
    }
  }
  __syncthreads();
}

/// Cubic convolution with a = -1/2 (Keys 1981).
__device__ inline Taps cubic(double at, int length) {
  const int whole = min(static_cast<int>(at), length - 3);
  const auto t = static_cast<float>(at - whole);
  return {whole,
          {((2 - t) * t - 1) * t / 2, ((3 * t - 5) * t * t + 2) / 2, ((4 - 3 * t) * t + 1) * t / 2,
           (t - 1) * t * t / 2}};
}

/// Registrar::warp() by what is in `found`, which is in finest pixels: `finest` of them are one.
__device__ inline PixelRect warp(Shared& shared, const Plane2& reference, double finest,
                                 const Plane2& warped) {
  const auto place = [&](int i, int length, double shift) {
    const double middle = (length - 1) / 2.0;
    return middle + (i - middle - shift / finest) / shared.found.zoom;
  };
  __syncthreads();
  if (thread_index() == 0) {
    shared.x0 = reference.width;
    shared.y0 = reference.height;
    shared.minus_x1 = shared.minus_y1 = 0;
  }
  __syncthreads();
  const auto taps = [](int i, double at, int length, Taps* all, int& first, int& minus_end) {
    if (!(at >= 1 && at <= length - 2)) return;
    all[i] = cubic(at, length);
    atomicMin(&first, i);
    atomicMin(&minus_end, -(i + 1));
  };
  const int i = thread_index();
  if (i >= 1 && i < reference.width - 1) {
    taps(i, place(i, reference.width, shared.found.shift_x), reference.width, shared.columns,
         shared.x0, shared.minus_x1);
  }
  const int k = i - kThreads / 2;
  if (k >= 1 && k < reference.height - 1) {
    taps(k, place(k, reference.height, shared.found.shift_y), reference.height, shared.rows,
         shared.y0, shared.minus_y1);
  }
  __syncthreads();
  const PixelRect inside{shared.x0, shared.y0, -shared.minus_x1, -shared.minus_y1};
  each_pixel(inside, 1, [&](int x, int y) {
    const Taps& column = shared.columns[x];
    const Taps& row = shared.rows[y];
    const float* a = reference.row(row.whole - 1) + column.whole - 1;
    const int w = reference.width;
    float line[4];
#pragma unroll
    for (int n = 0; n < 4; ++n) {
      line[n] = row.weight[0] * a[n] + row.weight[1] * a[w + n] + row.weight[2] * a[2 * w + n] +
                row.weight[3] * a[3 * w + n];
    }
    warped.row(y)[x] = column.weight[0] * line[0] + column.weight[1] * line[1] +
                       column.weight[2] * line[2] + column.weight[3] * line[3];
  });
  __syncthreads();
  return inside;
}

/// Solves a x = b by Cholesky's decomposition, in place; false, and x as it was, where a is not
/// positive definite. The lower half of a counts.
__device__ inline bool solve(double (&a)[rules::unknowns][rules::unknowns],
                             double (&b)[rules::unknowns]) {
  constexpr int n = rules::unknowns;
  for (int r = 0; r < n; ++r) {
    for (int c = 0; c <= r; ++c) {
      double sum = a[r][c];
      for (int k = 0; k < c; ++k) sum -= a[r][k] * a[c][k];
      if (r == c) {
        if (!(sum > 0)) return false;
        a[r][r] = sqrt(sum);
      } else {
        a[r][c] = sum / a[c][c];
      }
    }
  }
  for (int r = 0; r < n; ++r) {
    for (int k = 0; k < r; ++k) b[r] -= a[r][k] * b[k];
    b[r] /= a[r][r];
  }
  for (int r = n - 1; r >= 0; --r) {
    for (int k = r + 1; k < n; ++k) b[r] -= a[k][r] * b[k];
    b[r] /= a[r][r];
  }
  return true;
}

/// What one thread does of a step: from the sums to the next registration.
__device__ inline void take_step(Shared& shared, double sigma, double finest, double misplaced,
                                 int width, int height) {
  constexpr int n = rules::unknowns;
  double a[n][n];
  double b[n];
  int at = 0;
  for (int r = 0; r < n; ++r) {
    for (int c = r; c < n; ++c) a[c][r] = shared.totals[at++];
    b[r] = shared.totals[kProducts + r];
  }
  double* unknown = shared.unknown;
  const double weights = a[4][4];
  for (int r = 0; r < n; ++r) {
    const double part = sigma / rules::expected(r);
    const double pull = weights * part * part;
    a[r][r] += r < 3 ? pull * finest * finest : pull;
    if (r == 3) b[r] -= pull * (unknown[r] - 1);
    if (r == 4) b[r] -= pull * unknown[r];
  }
  if (!solve(a, b)) {
    for (double& change : b) change = 0;
  }
  for (int r = 0; r < n; ++r) unknown[r] += b[r];
  const double moved = fmax(fmax(fabs(b[0]), fabs(b[1])), fabs(b[2]));
  const double side = (width - 1) / 2.0;
  const double inverse = 1 + unknown[2] / side;
  if (!(inverse > 0.5 && inverse < 2) || !(fabs(unknown[0]) < side) ||
      !(fabs(unknown[1]) < height / 2.0)) {
    shared.ends = 1;
    return;
  }
  shared.found = {-unknown[0] / inverse * finest, -unknown[1] / inverse * finest, 1 / inverse,
                  unknown[3], unknown[4]};
  if (!(moved > misplaced / 10 || fabs(b[3]) > 0.005)) shared.ends = 1;
}

/// Registrar::refine() of `found`.
__device__ inline void refine(Shared& shared, const Plane2& reference, const Plane2& picture,
                              const Plane2& warped, int stride) {
  const double finest = static_cast<double>(kWidth) / reference.width;
  const double misplaced = rules::misplaced(finest == 1);
  if (thread_index() == 0) {
    const Found& r = shared.found;
    shared.unknown[0] = -r.shift_x / finest / r.zoom;
    shared.unknown[1] = -r.shift_y / finest / r.zoom;
    shared.unknown[2] = (1 / r.zoom - 1) * ((reference.width - 1) / 2.0);
    shared.unknown[3] = r.gain;
    shared.unknown[4] = r.offset;
    shared.ends = 0;
  }
  __syncthreads();
  for (int i = 0; i < rules::most_steps; ++i) {
    const PixelRect inside = warp(shared, reference, finest, warped);
    const auto gain = static_cast<float>(shared.unknown[3]);
    const auto offset = static_cast<float>(shared.unknown[4]);
    clear_bins(shared);
    each_pixel(inside, stride, [&](int x, int y) {
      count_value(shared, fabsf(picture.row(y)[x] - (gain * warped.row(y)[x] + offset)),
                  rules::bins_of_residual);
    });
    const double sigma =
        fmax(rules::sigma_of_median * median(shared, rules::bins_of_residual), 0.5);
    const auto noise = static_cast<float>(4 * sigma * sigma);
    const auto edge = static_cast<float>(4 * misplaced * misplaced);
    const float middle_x = static_cast<float>(picture.width - 1) / 2;
    const float middle_y = static_cast<float>(picture.height - 1) / 2;
    float sums[kSums] = {};
    each_pixel({inside.x0 + 1, inside.y0 + 1, inside.x1 - 1, inside.y1 - 1}, stride,
               [&](int x, int y) {
                 const float* w = warped.row(y) + x;
                 const float residual = picture.row(y)[x] - (gain * w[0] + offset);
                 const float gx = gain * (w[1] - w[-1]) / 2;
                 const float gy = gain * (w[warped.width] - w[-warped.width]) / 2;
                 const float bearable = noise + edge * (gx * gx + gy * gy);
                 const float m = bearable / (bearable + residual * residual);
                 const float weight = m * m;
                 const float side_x = (static_cast<float>(x) - middle_x) / middle_x;
                 const float side_y = (static_cast<float>(y) - middle_y) / middle_x;
                 const float j[rules::unknowns] = {gx, gy, gx * side_x + gy * side_y, w[0], 1};
                 int n = 0;
#pragma unroll
                 for (int r = 0; r < rules::unknowns; ++r) {
                   const float wj = weight * j[r];
#pragma unroll
                   for (int c = r; c < rules::unknowns; ++c) sums[n++] += wj * j[c];
                   sums[kProducts + r] += wj * residual;
                 }
               });
#pragma unroll
    for (int n = 0; n < kSums; ++n) {
      float sum = sums[n];
      for (int apart = 16; apart > 0; apart /= 2) sum += __shfl_down_sync(~0U, sum, apart);
      if (lane_index() == 0) shared.parts[warp_index()][n] = sum;
    }
    __syncthreads();
    if (thread_index() < kSums) {
      double total = 0;
      for (int warp = 0; warp < kWarps; ++warp) total += shared.parts[warp][thread_index()];
      shared.totals[thread_index()] = total;
    }
    __syncthreads();
    if (thread_index() == 0) {
      take_step(shared, sigma, finest, misplaced, reference.width, reference.height);
    }
    __syncthreads();
    if (shared.ends != 0) break;
  }
  __syncthreads();
}

}  // namespace lazarillo::gpu::registration
