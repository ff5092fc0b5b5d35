#include "source/gait_watch.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

namespace lazarillo {
namespace {

constexpr std::int64_t kBin_ns = 20'000'000;
constexpr std::int64_t kJump_ns = 1'000'000'000, kKept_ns = 2'000'000'000;
constexpr std::int64_t kSilent_ns = 300'000'000;
constexpr std::int64_t kMostMissing = 5;  ///< bins
constexpr std::size_t kWindow = 128;  ///< bins that are compared: 2.56 s, two of the slowest steps
constexpr std::size_t kFewest = 100;  ///< of them before walking is told
constexpr std::size_t kSecond = 50, kMoment = 10;
constexpr int kDecide = 5;  ///< bins between decisions
/// Of bins: a mean of 0.1 s leaves out what is faster than 4.4 Hz.
constexpr std::size_t kSmooth = 5;
// From 3 steps a second to 0.8.
constexpr std::size_t kShortest = 17, kLongest = 63;
// m/s^2, standard deviation of |a|: below kStill all of a second it stands, from kStirs a moment on
// it does not any more. A head that looks around has 0.1 to 0.15, one that walks slowly 0.5.
constexpr double kStill = 0.2, kStirs = 0.35;
constexpr double kWalks = 0.4, kStillWalks = 0.25;
// Autocorrelation: Zee's 0.7, and less of who already walks.
constexpr double kAlike = 0.7, kStillAlike = 0.5;
constexpr int kMostDoubts = 5;
/// Left and right steps differ: two steps may be more alike than one.
constexpr double kAlmostAsAlike = 0.8;

double mean(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double spread(std::span<const double> values) {
  const double middle = mean(values);
  double sum = 0;
  for (const double value : values) sum += (value - middle) * (value - middle);
  return std::sqrt(sum / static_cast<double>(values.size()));
}

/// How alike what was is to what came `lag` later: 1 the same, 0 not at all.
double alike(std::span<const double> values, std::size_t lag) {
  const std::span<const double> a = values.first(values.size() - lag), b = values.subspan(lag);
  const double mean_a = mean(a), mean_b = mean(b);
  const double both = spread(a) * spread(b);
  if (both < 1e-9) return 0;
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - mean_a) * (b[i] - mean_b);
  return sum / static_cast<double>(a.size()) / both;
}

struct Rhythm {
  double alike = 0;
  double lag = 0;  ///< bins
};

/// The first of the lags at which it is about as alike as it gets.
Rhythm rhythm_of(std::span<const double> values) {
  std::vector<double> at(kLongest + 2, 0);
  for (std::size_t lag = kShortest - 1; lag <= kLongest + 1; ++lag) at[lag] = alike(values, lag);
  const auto peak = [&](std::size_t lag) {
    return at[lag] > at[lag - 1] && at[lag] >= at[lag + 1];
  };
  double most = 0;
  for (std::size_t lag = kShortest; lag <= kLongest; ++lag) {
    if (peak(lag)) most = std::max(most, at[lag]);
  }
  for (std::size_t lag = kShortest; lag <= kLongest && most > 0; ++lag) {
    if (!peak(lag) || at[lag] < kAlmostAsAlike * most) continue;
    // The top of the parabola through the three.
    const double bend = at[lag - 1] - 2 * at[lag] + at[lag + 1];
    const double shift = bend < 0 ? (at[lag - 1] - at[lag + 1]) / (2 * bend) : 0;
    return {at[lag], static_cast<double>(lag) + std::clamp(shift, -0.5, 0.5)};
  }
  return {};
}

std::vector<double> smoothed(const std::deque<double>& bins) {
  std::vector<double> smooth;
  double sum = 0;
  for (std::size_t i = 0; i < bins.size(); ++i) {
    sum += bins[i];
    if (i >= kSmooth) sum -= bins[i - kSmooth];
    if (i + 1 >= kSmooth) smooth.push_back(sum / kSmooth);
  }
  return smooth;
}

}  // namespace

void GaitWatch::begin_anew(std::int64_t bin) {
  bins_.clear();
  now_ = {};
  doubts_ = since_decided_ = 0;
  sum_ = 0;
  count_ = 0;
  bin_ = bin;
}

void GaitWatch::add(std::int64_t time_ns, const std::array<float, 3>& accel_m_s2) {
  const double value = std::hypot(accel_m_s2[0], accel_m_s2[1], accel_m_s2[2]);
  if (!std::isfinite(value)) return;
  const std::int64_t bin = time_ns / kBin_ns;
  if (!bin_) begin_anew(bin);
  if (bin < *bin_) {
    if ((*bin_ - bin) * kBin_ns < kJump_ns) return;
    told_.clear();
    begin_anew(bin);
  }
  if (bin > *bin_) {
    const std::int64_t missing = bin - *bin_ - 1;
    if (missing >= kMostMissing) {
      begin_anew(bin);
      told_.push_back({time_ns, {}});
    } else {
      const double last = sum_ / count_;
      close_bin(last);
      for (std::int64_t i = 1; i <= missing; ++i) {
        ++*bin_;
        close_bin(last +
                  static_cast<double>(i) / static_cast<double>(missing + 1) * (value - last));
      }
      bin_ = bin;
      sum_ = 0;
      count_ = 0;
    }
  }
  sum_ += value;
  ++count_;
}

void GaitWatch::close_bin(double value) {
  bins_.push_back(value);
  if (bins_.size() > kWindow + kSmooth - 1) bins_.pop_front();
  if (++since_decided_ < kDecide) return;
  since_decided_ = 0;
  decide();
  const std::int64_t time_ns = (*bin_ + 1) * kBin_ns;
  told_.push_back({time_ns, now_});
  while (time_ns - told_.front().time_ns > kKept_ns) told_.pop_front();
}

void GaitWatch::decide() {
  const std::vector<double> all = smoothed(bins_);
  const std::span<const double> values(all);
  if (values.size() < kSecond) return;
  const double lately = spread(values.last(kSecond));
  const bool stood = now_.gait == Gait::standing;
  const bool walked = now_.gait == Gait::walking;
  // Against its mean while it stood, a jolt shows at once.
  const double jolt = std::abs(mean(values.last(kMoment)) - mean(values.last(kSecond)));
  if (lately < (stood ? kStirs : kStill) && jolt < kStirs) {
    now_ = {Gait::standing, 0};
    return;
  }
  const Rhythm rhythm = values.size() >= kFewest ? rhythm_of(values) : Rhythm{};
  const bool walks = walked ? lately > kStillWalks && rhythm.alike > kStillAlike
                            : lately > kWalks && spread(values) > kWalks && rhythm.alike > kAlike;
  if (walks) {
    doubts_ = 0;
    now_ = {Gait::walking, 60e9 / static_cast<double>(kBin_ns) / rhythm.lag};
  } else if (!walked || ++doubts_ >= kMostDoubts) {
    now_ = {};
    doubts_ = 0;
  }
}

GaitWatch::Known GaitWatch::at(std::int64_t time_ns) const {
  const auto after =
      std::upper_bound(told_.begin(), told_.end(), time_ns,
                       [](std::int64_t time, const Told& told) { return time < told.time_ns; });
  if (after == told_.begin()) return {};
  const Told& last = *(after - 1);
  return time_ns - last.time_ns <= kSilent_ns ? last.known : Known{};
}

}  // namespace lazarillo
