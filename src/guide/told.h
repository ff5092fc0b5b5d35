#pragma once

#include <unordered_map>

#include "guide/cue.h"
#include "guide/guide.h"
#include "guide/path_watch.h"
#include "track/track.h"

namespace lazarillo {

/// What was detected so lately is in view.
inline constexpr double kInViewS = 0.15;

/// What the walker was told, and whether a wish says anything beyond that. Pure, as Guide; times
/// are seconds of stream time.
class Told {
 public:
  /// To be called before anything else of the moment: where what was told of is now.
  void follow(const Tracks& tracks, double now_s);

  /// Whether this may be told: never told, more urgent now, or changed since.
  [[nodiscard]] bool is_news(const Wish& wish, double now_s, const GuideOptions& options) const;

  /// `kind`, `serial`: of the wish.
  void remember(const Cue& cue, ObjectKind kind, double now_s, int serial);

  /// The way is clear: what stands in it next is another.
  void forget_path();

 private:
  /// Of one subject (subject_of()), when it was told last.
  struct Cued {
    double at_s;
    Priority priority;
    double bearing_deg;
    double distance_m;  ///< 0: not known
    double closing_mps;
    ObjectKind kind;
    bool moves;  ///< it comes by itself
    Side side;
    int serial;
  };
  /// Where a track was seen last, and how it went on from there; metres to the right and ahead.
  struct Course {
    double at_s;
    double right_m, ahead_m, right_mps, ahead_mps;
    ObjectKind kind;
  };

  struct Place {
    double bearing_deg, distance_m;
  };

  static Place place_of(const Course& course);
  static bool may_be(const Cued& last, const Place& place, double now_s);
  static Course course_of(const Track& track, double now_s);
  static bool is_news(const Wish& wish, const Cued& last, double now_s,
                      const GuideOptions& options);
  static bool is_another(const Cue& cue, const Cued& last, double now_s,
                         const GuideOptions& options);
  [[nodiscard]] bool told_as_another(const Wish& wish, double now_s,
                                     const GuideOptions& options) const;
  static bool is_elsewhere(const Place& a, const Place& b);
  static double away(const Course& before, const Course& now);
  void take_over(int track);

  std::unordered_map<int, Cued> cued_;       ///< by subject_of()
  std::unordered_map<int, Course> courses_;  ///< of what was seen lately, by its id
  /// Of tracks that went over to another thing: where the one before was.
  std::unordered_map<int, Course> left_;
};

}  // namespace lazarillo
