#pragma once

#include <optional>
#include <vector>

#include "guide/cue.h"
#include "guide/guide.h"
#include "guide/threat.h"
#include "path/corridor.h"

namespace lazarillo {

/// A cue that wants to be said, and how much it matters.
struct Wish {
  Cue cue;
  Threat threat;
  ObjectKind kind = ObjectKind::thing;
  int serial = 0;            ///< of the path: another number is another obstacle, drop, ...
  std::vector<Cue> members;  ///< of a group: a cue for each
};

/// Follows what depth maps show of the corridor from map to map: what was seen often enough, how
/// fast it comes nearer, and when the way is clear again. Pure, as Guide. Not thread-safe.
class PathWatch {
 public:
  /// A view newer than the one before.
  void see(const CorridorView& view);
  /// Where there is room to walk, degrees to the right; nullopt: nowhere in view, or the newest map
  /// is older than `stale_s`.
  [[nodiscard]] std::optional<double> way_deg(double now_s, double stale_s) const;

  /// What there is to be told at `now_s` (stream time): at most one of each kind. Obstacles that
  /// one of the tracks explains are left to it.
  [[nodiscard]] std::vector<Wish> wishes(double now_s, const Tracks& tracks,
                                         const GuideOptions& options) const;

  /// Something in the way was told: when it is gone, that is worth a word.
  void told_of_hazard() { owes_clear_ = true; }
  /// The way has been clear for a while since; true once.
  [[nodiscard]] bool take_clear(double now_s, const GuideOptions& options);

 private:
  /// One kind of hazard over time.
  struct Followed {
    int serial = 0;
    /// It was seen for so long, less what it was not seen for. By time, not by views: maps come
    /// from 5 to 60 times a second. Below 0: there is none.
    double evidence_s = -1;
    double first_s = 0, last_s = 0;
    double start_m = 0;  ///< its distance when it was well known at first; 0: not yet
    double distance_m = 0, sigma_m = 0, bearing_deg = 0;
    double closing_mps = 0;
    bool stairs = false;

    void meet(double at_s, double distance, double sigma, double bearing);
    void miss(double step_s);  ///< a view in which it was not seen, so long after the one before
    /// Seen for long enough, and lately.
    [[nodiscard]] bool believed(double now_s, double stale_s) const;
  };

  Followed obstacle_, low_, head_, drop_, stairs_up_;
  double seen_s_ = -1e9;  ///< of the newest view
  double clear_since_s_ = 1e9;
  std::optional<double> way_deg_;
  std::optional<Side> way_round_;
  bool owes_clear_ = false;
};

}  // namespace lazarillo
