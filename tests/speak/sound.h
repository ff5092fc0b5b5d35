#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <numbers>
#include <span>
#include <vector>

// Measures of sound, written for the tests.

namespace lazarillo::sound {

/// Energy of one channel of interleaved stereo (0 left, 1 right).
inline double energy(std::span<const float> stereo, std::size_t channel) {
  double sum = 0;
  for (std::size_t i = channel; i < stereo.size(); i += 2) sum += double{stereo[i]} * stereo[i];
  return sum;
}

/// Level difference of the ears in dB, positive when the right ear hears more.
inline double ear_difference_db(std::span<const float> stereo) {
  return 10 * std::log10(energy(stereo, 1) / energy(stereo, 0));
}

inline float peak(std::span<const float> samples) {
  float highest = 0;
  for (const float x : samples) highest = std::max(highest, std::abs(x));
  return highest;
}

/// Power at the whole multiples of rate / samples.size(), by the definition of the Fourier
/// transform (Goertzel's recursion): slow and simple.
inline double power_at(std::span<const float> samples, int rate, double hz) {
  const double coefficient = 2 * std::cos(2 * std::numbers::pi * hz / rate);
  double a = 0, b = 0;
  for (const float x : samples) {
    const double next = x + coefficient * a - b;
    b = a;
    a = next;
  }
  return a * a + b * b - coefficient * a * b;
}

/// Root mean square of one channel in pieces of `step` frames.
inline std::vector<double> envelope(std::span<const float> samples, std::size_t stride,
                                    std::size_t channel, std::size_t step) {
  std::vector<double> out;
  for (std::size_t i = 0; (i + step) * stride <= samples.size(); i += step) {
    double sum = 0;
    for (std::size_t k = i; k < i + step; ++k) {
      const double x = samples[k * stride + channel];
      sum += x * x;
    }
    out.push_back(std::sqrt(sum / static_cast<double>(step)));
  }
  return out;
}

/// Pearson's correlation of the first min(size) values.
inline double correlation(std::span<const double> a, std::span<const double> b) {
  const std::size_t n = std::min(a.size(), b.size());
  double ma = 0, mb = 0;
  for (std::size_t i = 0; i < n; ++i) {
    ma += a[i] / static_cast<double>(n);
    mb += b[i] / static_cast<double>(n);
  }
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < n; ++i) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) * (a[i] - ma);
    bb += (b[i] - mb) * (b[i] - mb);
  }
  return ab / std::sqrt(aa * bb);
}

/// The best correlation when one of the two is moved by up to `most` values.
inline double best_correlation(std::span<const double> a, std::span<const double> b,
                               std::size_t most) {
  double best = -1;
  for (std::size_t shift = 0; shift <= most; ++shift) {
    if (shift < a.size()) best = std::max(best, correlation(a.subspan(shift), b));
    if (shift < b.size()) best = std::max(best, correlation(a, b.subspan(shift)));
  }
  return best;
}

}  // namespace lazarillo::sound
