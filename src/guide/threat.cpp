#include "guide/threat.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lazarillo {
namespace {

constexpr double kToRad = std::numbers::pi / 180;

// How people change their way: a predicted place is uncertain by this much more each second.
constexpr double kWayDoubt = 0.12;  // m/s
// Of what it is certain to hit, at what probability it is a warning, and critical.
constexpr double kPossible = 0.2, kProbable = 0.5;
constexpr double kLeastAhead = 0.5;         // the cosine of 60 degrees
constexpr double kNoDistanceWidthDeg = 25;  // something this wide without a distance is near

bool has_motor(ObjectKind kind) {
  return kind == ObjectKind::vehicle || kind == ObjectKind::motorcycle;
}

double half_width_m(const Track& track) {
  const double angle = std::clamp(track.angular_width_deg, 0.0, 120.0);
  return *track.distance_m * std::tan(angle / 2 * kToRad);
}

/// Whether it touches the corridor straight ahead of the walker now.
bool in_corridor(const Track& track, double corridor_half_width_m) {
  if (std::abs(track.bearing_deg) > 90) return false;  // it was passed
  const double lateral_m = *track.distance_m * std::sin(track.bearing_deg * kToRad);
  return std::abs(lateral_m) - half_width_m(track) < corridor_half_width_m;
}

double below(double limit, double mean, double sigma) {
  return 0.5 * std::erfc((mean - limit) / std::max(sigma, 1e-6) / std::numbers::sqrt2);
}

/// How likely it touches the corridor when it is as near as it will come, if it goes on as it does.
/// It passes then at distance x turn rate x seconds: what comes straight at the walker keeps its
/// bearing (the sailor's rule), whatever the error of its distance.
double hits_corridor(const Track& track, double corridor_half_width_m) {
  const double seconds = *track.ttc_s;
  // What comes from the side crosses the corridor before or behind the walker; from there on, how
  // far before or behind counts, too.
  const double ahead = std::max(std::cos(track.bearing_deg * kToRad), kLeastAhead);
  const double reach_m = *track.distance_m * seconds * ahead;
  const double miss_m = std::abs(reach_m * track.bearing_rate_deg_s * kToRad);
  const double sigma_m =
      std::hypot(reach_m * track.bearing_rate_sigma_deg_s * kToRad, kWayDoubt * seconds,
                 miss_m * track.closing_speed_sigma_mps / track.closing_speed_mps);
  return below(half_width_m(track) + corridor_half_width_m, miss_m, sigma_m);
}

/// How likely it is there within so many seconds.
double comes_within(const Track& track, double seconds) {
  return below(track.closing_speed_mps, *track.distance_m / seconds, track.closing_speed_sigma_mps);
}

/// The larger of its width and height, metres.
double size_m(const Track& track) {
  const double angle =
      std::clamp(std::max(track.angular_width_deg, track.angular_height_deg), 0.0, 120.0);
  return 2 * *track.distance_m * std::tan(angle / 2 * kToRad);
}

// A thing smaller than this (a cup, a book on a table) is in nobody's way by itself.
constexpr double kSmallThingM = 0.35;

Priority toned_down(Priority priority, const Track& track) {
  if (track.kind == ObjectKind::thing && size_m(track) < kSmallThingM) return Priority::info;
  if (!is_vague(*track.distance_m, track.distance_sigma_m)) return priority;
  return priority == Priority::critical ? Priority::warning : Priority::info;
}

}  // namespace

bool moves_by_itself(ObjectKind kind) {
  return kind == ObjectKind::person || has_motor(kind) || kind == ObjectKind::cycle ||
         kind == ObjectKind::animal;
}

// What moves by itself, and faster, from farther.
double interest_factor(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::person:
      return 2.5;
    case ObjectKind::vehicle:
    case ObjectKind::motorcycle:
      return 5;
    case ObjectKind::cycle:
      return 4;
    case ObjectKind::animal:
      return 2;
    case ObjectKind::door:
      return 1;
    case ObjectKind::furniture:
      return 0.8;
    case ObjectKind::thing:
      return 0.5;
  }
  return 1;
}

std::optional<Threat> assess(const Track& track, const GuideOptions& options) {
  if (!track.distance_m) {
    // Without a distance only its size in view tells: never critical on so little.
    if (track.angular_width_deg < kNoDistanceWidthDeg) return std::nullopt;
    return Threat{Priority::info, false, false, 60};
  }
  const double distance = *track.distance_m;
  const bool here = in_corridor(track, options.corridor_half_width_m);
  const bool straight_ahead = in_corridor(track, options.critical_half_width_m);
  // Things stay where they are: their place in the corridor does not depend on how the walker
  // turns.
  const auto likely = [&](bool inside, double half_width_m, double seconds) {
    if (!track.ttc_s) return 0.0;
    const double hits =
        moves_by_itself(track.kind) ? hits_corridor(track, half_width_m) : (inside ? 1 : 0);
    return hits * comes_within(track, seconds);
  };
  const double warning_ttc_s = options.warning_ttc_s * (has_motor(track.kind) ? 1.5 : 1.0);
  const double warned = likely(here, options.corridor_half_width_m, warning_ttc_s);
  const double alarmed =
      likely(straight_ahead, options.critical_half_width_m, options.critical_ttc_s);
  const double walking_s = distance / kWalkingSpeed;
  const double contact_s = warned >= kPossible ? std::min(*track.ttc_s, walking_s) : walking_s;
  const bool closing = track.ttc_s.has_value();
  const bool approaching = closing && moves_by_itself(track.kind);

  if ((straight_ahead && distance <= options.critical_distance_m) || alarmed >= kProbable) {
    return Threat{toned_down(Priority::critical, track), closing, approaching, contact_s};
  }
  if ((here && distance <= options.warning_distance_m) || warned >= kPossible) {
    return Threat{toned_down(Priority::warning, track), closing, approaching, contact_s};
  }
  const double reach = options.info_distance_m * interest_factor(track.kind) *
                       (closing ? options.approach_factor : 1.0);
  if (distance <= reach) return Threat{Priority::info, closing, approaching, contact_s};
  return std::nullopt;
}

Side side_of(double bearing_deg, double ahead_deg) {
  if (bearing_deg < -ahead_deg) return Side::left;
  if (bearing_deg > ahead_deg) return Side::right;
  return Side::ahead;
}

int clock_hour_of(double bearing_deg) {
  const int hour = static_cast<int>(std::lround(bearing_deg / 30.0)) % 12;
  return hour <= 0 ? hour + 12 : hour;
}

}  // namespace lazarillo
