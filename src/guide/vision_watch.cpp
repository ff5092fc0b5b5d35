#include "guide/vision_watch.h"

#include <cmath>

namespace lazarillo {
namespace {

constexpr double kNsPerS = 1e9;
// What is seen is old: on average over so long; it is no more when its age fell below this part of
// the limit for so long, and is not said again for so long after that.
constexpr double kAgeMean_s = 0.2, kFastAgain = 0.6, kFast_s = 2, kSlowAgain_s = 10;

// A head that turns fast blurs pictures, too: blurred is what stays so; sharp likewise.
constexpr double kBlurred_s = 1, kSharp_s = 3;

CueKind why_lost(const Vision& vision) {
  if (vision.broken) return CueKind::vision_lost;
  switch (vision.picture) {
    case PictureState::dark:
      return CueKind::too_dark;
    case PictureState::blocked:
      return CueKind::view_blocked;
    case PictureState::bright:
      return CueKind::too_bright;
    case PictureState::clear:
    case PictureState::blurred:
    case PictureState::repeated:
      break;
  }
  return CueKind::vision_lost;
}

Cue cue_of(CueKind kind, const FrameStamp& stamp) {
  Cue cue;
  cue.kind = kind;
  cue.priority = is_vision_lost(kind) ? Priority::critical : Priority::warning;
  cue.stamp = stamp;
  return cue;
}

}  // namespace

bool VisionWatch::is_lost(const Vision& vision, double now_s) const {
  const double unseen_s = now_s - static_cast<double>(vision.last_seen_ns) / kNsPerS;
  return vision.broken || unseen_s >= lost_s_;
}

bool VisionWatch::lost_changes(const Vision& vision, double now_s) {
  const bool lost = is_lost(vision, now_s);
  if (lost) {
    seeing_since_s_ = kNever;
  } else if (seeing_since_s_ == kNever) {
    seeing_since_s_ = now_s;
  }
  // Pictures must come for a while before they are believed: a flicker is not vision.
  const bool changes = lost_told_ ? !lost && now_s - seeing_since_s_ >= lost_s_ : lost;
  if (changes) lost_told_ = lost;
  return changes;
}

bool VisionWatch::blur_begins(const Vision& vision, double now_s) {
  const bool blurred = vision.picture == PictureState::blurred;
  double& since = blurred ? blurred_since_s_ : sharp_since_s_;
  (blurred ? sharp_since_s_ : blurred_since_s_) = kNever;
  if (since == kNever) since = now_s;
  if (!blurred) {
    if (now_s - since >= kSharp_s) blur_told_ = false;
    return false;
  }
  if (blur_told_ || lost_told_ || now_s - since < kBlurred_s) return false;
  blur_told_ = true;
  return true;
}

bool VisionWatch::slow_changes(const Vision& vision, double now_s) {
  if (!vision.looked_ns || slow_s_ <= 0 || lost_told_) return false;
  const double age = now_s - static_cast<double>(*vision.looked_ns) / kNsPerS;
  const double passed = age_at_s_ == kNever ? 0 : now_s - age_at_s_;
  age_at_s_ = now_s;
  age_s_ += (1 - std::exp(-passed / kAgeMean_s)) * (age - age_s_);
  if (age_s_ > slow_s_ * (slow_told_ ? kFastAgain : 1)) {
    const bool again = now_s - slow_at_s_ > kSlowAgain_s;
    slow_at_s_ = now_s;
    if (slow_told_ || !again) return false;
    slow_told_ = true;
    return true;
  }
  if (!slow_told_ || now_s - slow_at_s_ < kFast_s) return false;
  slow_told_ = false;
  return true;
}

std::vector<Cue> VisionWatch::update(const Vision& vision, const FrameStamp& stamp, double now_s) {
  std::vector<Cue> cues;
  if (lost_changes(vision, now_s)) {
    cues.push_back(cue_of(lost_told_ ? why_lost(vision) : CueKind::vision_back, stamp));
  }
  if (blur_begins(vision, now_s)) cues.push_back(cue_of(CueKind::view_blurred, stamp));
  if (slow_changes(vision, now_s)) {
    cues.push_back(cue_of(slow_told_ ? CueKind::vision_slow : CueKind::vision_back, stamp));
  }
  return cues;
}

std::optional<Cue> VisionWatch::asked(const Vision& vision, const FrameStamp& stamp, double now_s) {
  if (!lost_told_ && vision.last_seen_ns > 0 && !is_lost(vision, now_s)) return std::nullopt;
  lost_told_ = true;
  seeing_since_s_ = kNever;
  return cue_of(why_lost(vision), stamp);
}

}  // namespace lazarillo
