#include "speak/speech_queue.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

namespace lazarillo {
namespace {

/// What is said first is the smallest: what cannot be seen at all, then by priority, then what is
/// met soonest, then the newest.
auto order(const Utterance& u) {
  const bool blind = u.priority == Priority::critical && u.track == 0;
  return std::tuple(!blind, u.priority, u.priority == Priority::info ? 0 : u.met_ns, -u.asked_ns);
}

}  // namespace

Utterance utterance_of(const Cue& cue, std::string text, std::int64_t now_ns,
                       std::int64_t ready_ns) {
  Utterance utterance{std::move(text), cue.priority, subject_of(cue),    cue.bearing_deg,
                      now_ns,          ready_ns,     is_answer(cue.kind)};
  if (cue.distance_m) {
    const double walking_s = *cue.distance_m / kWalkingSpeed;
    utterance.met_ns =
        now_ns + std::llround(1e9 * std::min(cue.ttc_s.value_or(walking_s), walking_s));
  }
  return utterance;
}

bool SpeechQueue::cuts_off(const Utterance& waiting, std::int64_t now_ns) const {
  if (now_ns - waiting.waits_since_ns < grace_ns_) return false;
  const Utterance& said = *speaking_;
  if (waiting.answer && said.priority == Priority::info) return true;
  const bool critical = waiting.priority == Priority::critical;
  if (critical && said.priority != Priority::critical) return true;
  if (waiting.priority == Priority::info) return false;
  const bool more_urgent = waiting.priority < said.priority;
  const bool heard = now_ns - begun_ns_ >= kEssential_ns;
  if (waiting.track == said.track) return more_urgent && heard;
  if (critical && waiting.track == 0) return true;
  // What comes first is no use once the other was met.
  const bool sooner =
      waiting.met_ns < std::min(said.met_ns, now_ns + kSoon_ns) && now_ns - begun_ns_ >= kLeast_ns;
  return more_urgent || (waiting.priority == said.priority && (heard || sooner));
}

void SpeechQueue::add(Utterance utterance) {
  const auto same = std::find_if(waiting_.begin(), waiting_.end(), [&](const Utterance& other) {
    return other.track == utterance.track;
  });
  utterance.waits_since_ns = utterance.asked_ns;
  if (same != waiting_.end()) {
    utterance.waits_since_ns = same->waits_since_ns;
    waiting_.erase(same);
    ++replaced_;
  }
  waiting_.push_back(std::move(utterance));
}

void SpeechQueue::hush() {
  const auto lesser = [](const Utterance& u) {
    return u.priority != Priority::critical && u.track != 0;
  };
  replaced_ += static_cast<int>(std::erase_if(waiting_, lesser));
  hushed_ = speaking_ && lesser(*speaking_);
}

SpeechQueue::Step SpeechQueue::step(std::int64_t now_ns) {
  Step result;
  expired_ += static_cast<int>(std::erase_if(
      waiting_, [&](const Utterance& u) { return now_ns - u.asked_ns > expire_ns_; }));
  if (speaking_) {
    const bool cut = hushed_ || std::any_of(waiting_.begin(), waiting_.end(),
                                            [&](const auto& u) { return cuts_off(u, now_ns); });
    if (cut) {
      speaking_.reset();
      ++interrupted_;
      result.cut_off = true;
    }
  }
  hushed_ = false;
  if (speaking_ || waiting_.empty()) return result;
  const auto next =
      std::min_element(waiting_.begin(), waiting_.end(),
                       [](const auto& a, const auto& b) { return order(a) < order(b); });
  if (next->not_before_ns > now_ns) return result;
  speaking_ = *next;
  begun_ns_ = now_ns;
  result.begin = std::move(*next);
  waiting_.erase(next);
  return result;
}

}  // namespace lazarillo
