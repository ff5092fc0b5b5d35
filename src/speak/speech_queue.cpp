#include "speak/speech_queue.h"

#include <algorithm>
#include <utility>

namespace lazarillo {

void SpeechQueue::add(Utterance utterance) {
  const auto same = std::find_if(waiting_.begin(), waiting_.end(), [&](const Utterance& other) {
    return other.track == utterance.track;
  });
  if (same != waiting_.end()) {
    waiting_.erase(same);
    ++replaced_;
  }
  waiting_.push_back(std::move(utterance));
}

SpeechQueue::Step SpeechQueue::step(std::int64_t now_ns) {
  Step result;
  expired_ += static_cast<int>(std::erase_if(
      waiting_, [&](const Utterance& u) { return now_ns - u.asked_ns > expire_ns_; }));
  if (speaking_ && speaking_->priority != Priority::critical) {
    const bool cut = std::any_of(waiting_.begin(), waiting_.end(), [&](const Utterance& u) {
      return u.priority == Priority::critical && now_ns - u.asked_ns >= grace_ns_;
    });
    if (cut) {
      speaking_.reset();
      ++interrupted_;
      result.cut_off = true;
    }
  }
  if (speaking_ || waiting_.empty()) return result;
  const auto next =
      std::min_element(waiting_.begin(), waiting_.end(), [](const auto& a, const auto& b) {
        return a.priority != b.priority ? a.priority < b.priority : a.asked_ns > b.asked_ns;
      });
  if (next->not_before_ns > now_ns) return result;
  speaking_ = *next;
  result.begin = std::move(*next);
  waiting_.erase(next);
  return result;
}

}  // namespace lazarillo
