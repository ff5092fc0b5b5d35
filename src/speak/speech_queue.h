#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "guide/cue.h"

namespace lazarillo {

/// A sentence that wants to be said.
struct Utterance {
  std::string text;
  Priority priority = Priority::info;
  int track = 0;  ///< subject_of() its cue
  double bearing_deg = 0;
  std::int64_t asked_ns = 0;
  std::int64_t not_before_ns = 0;  ///< its earcon comes first
  bool answer = false;             ///< the walker asked for it
  /// When the walker meets what it is about.
  std::int64_t met_ns = std::numeric_limits<std::int64_t>::max();
  /// Set by the queue: since when a sentence about this track has been waiting.
  std::int64_t waits_since_ns = 0;
};

/// The sentence of a cue that was decided at `now_ns`, whose earcon has ended by `ready_ns`. What
/// has a distance is met at its closing speed, or at a walker's.
[[nodiscard]] Utterance utterance_of(const Cue& cue, std::string text, std::int64_t now_ns,
                                     std::int64_t ready_ns);

/// Which sentence is said when. Pure: times in, decisions out.
/// - The most urgent waits first, among equals what is met soonest (information: the newest); a
///   lesser one never begins while a more urgent one waits for its earcon to end.
/// - A critical sentence cuts off a lesser one `grace_ns` after it was asked for; what ends by
///   itself within the grace does.
/// - A warning cuts off information about something else in the same way.
/// - Critical sentences and warnings cut off what is as urgent, about something else, and a warning
///   what was information about the same thing, once that was heard for kEssential_ns; after
///   kLeast_ns already where the waiting one is met sooner, and within kSoon_ns.
/// - That the system does not see (critical, of track 0) comes before everything else, and cuts it
///   off after the grace: what was said before is no longer watched over.
/// - An answer cuts off information, and another answer, after the grace.
/// - A newer sentence about the same track (0: the system itself) replaces the one that waits.
/// - What waited longer than `expire_ns` is dropped.
class SpeechQueue {
 public:
  /// What it is and where are said by then.
  static constexpr std::int64_t kEssential_ns = 1'000'000'000;
  /// What is met within this is urgent among equals.
  static constexpr std::int64_t kSoon_ns = 4'000'000'000;
  /// What it is has been said by then.
  static constexpr std::int64_t kLeast_ns = 500'000'000;

  SpeechQueue(std::int64_t grace_ns, std::int64_t expire_ns)
      : grace_ns_(grace_ns), expire_ns_(expire_ns) {}

  void add(Utterance utterance);

  struct Step {
    bool cut_off = false;            ///< silence what is being said
    std::optional<Utterance> begin;  ///< then begin this
  };
  /// What happens at `now_ns`. Times must not go back.
  [[nodiscard]] Step step(std::int64_t now_ns);
  /// Nothing more is said of what is waiting or being said, but for what is critical and whether
  /// the system sees.
  void hush();
  /// What is being said has ended.
  void ended() { speaking_.reset(); }

  [[nodiscard]] bool idle() const { return waiting_.empty() && !speaking_; }
  [[nodiscard]] const std::optional<Utterance>& speaking() const { return speaking_; }
  [[nodiscard]] int expired() const { return expired_; }
  [[nodiscard]] int replaced() const { return replaced_; }
  [[nodiscard]] int interrupted() const { return interrupted_; }

 private:
  std::int64_t grace_ns_;
  std::int64_t expire_ns_;
  [[nodiscard]] bool cuts_off(const Utterance& waiting, std::int64_t now_ns) const;

  std::vector<Utterance> waiting_;
  std::optional<Utterance> speaking_;
  std::int64_t begun_ns_ = 0;  ///< what is being said
  bool hushed_ = false;        ///< what is being said is to be silenced
  int expired_ = 0;
  int replaced_ = 0;
  int interrupted_ = 0;
};

}  // namespace lazarillo
