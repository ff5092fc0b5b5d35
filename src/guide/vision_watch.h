#pragma once

#include <optional>
#include <vector>

#include "guide/cue.h"
#include "guide/guide.h"

namespace lazarillo {

/// What there is to say of seeing itself: lost and why, slow, blurred, back again; each once. Pure,
/// as Guide. Not thread-safe.
class VisionWatch {
 public:
  /// `lost_s`, `slow_s`: GuideOptions::vision_lost_s and vision_slow_s.
  VisionWatch(double lost_s, double slow_s) : lost_s_(lost_s), slow_s_(slow_s) {}

  /// What is to be said at `now_s`, stream time, which does not go back.
  [[nodiscard]] std::vector<Cue> update(const Vision& vision, const FrameStamp& stamp,
                                        double now_s);

  /// Somebody asks what is seen: nothing at all? That is then told.
  [[nodiscard]] std::optional<Cue> asked(const Vision& vision, const FrameStamp& stamp,
                                         double now_s);

  /// It was told that nothing is seen, and not yet that something is.
  [[nodiscard]] bool lost() const { return lost_told_; }

 private:
  [[nodiscard]] bool is_lost(const Vision& vision, double now_s) const;
  bool lost_changes(const Vision& vision, double now_s);
  bool blur_begins(const Vision& vision, double now_s);
  bool slow_changes(const Vision& vision, double now_s);

  static constexpr double kNever = -1e9;
  double lost_s_, slow_s_;
  bool lost_told_ = false;
  double seeing_since_s_ = kNever;
  double blurred_since_s_ = kNever, sharp_since_s_ = kNever;
  bool blur_told_ = false;
  double age_s_ = 0;          ///< of what is seen, on average
  double age_at_s_ = kNever;  ///< when that was reckoned
  bool slow_told_ = false;
  double slow_at_s_ = kNever;  ///< when it was last slow
};

}  // namespace lazarillo
