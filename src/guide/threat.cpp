#include "guide/threat.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lazarillo {
namespace {

// A predicted place is uncertain by this much more each second.
constexpr double kPredictionDoubt = 0.12;   // m/s
constexpr double kNoDistanceWidthDeg = 25;  // something this wide without a distance is near

/// From how far away a kind of object is worth a word: what moves by itself, and faster, from
/// farther.
double interest_factor(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::person:
      return 2.5;
    case ObjectKind::vehicle:
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

bool moves(ObjectKind kind) {
  return kind == ObjectKind::person || kind == ObjectKind::vehicle || kind == ObjectKind::cycle ||
         kind == ObjectKind::animal;
}

/// Whether it touches the corridor straight ahead of the walker after `seconds`, when it goes on as
/// it does. A lateral position is only known as well as its distance.
bool in_corridor(const Track& track, double distance_m, double seconds, double half_width_m) {
  const double to_rad = std::numbers::pi / 180;
  const double bearing = track.bearing_deg * to_rad;
  const double lateral_m = distance_m * std::sin(bearing);
  const double lateral_speed = -track.closing_speed_mps * std::sin(bearing) +
                               distance_m * std::cos(bearing) * track.bearing_rate_deg_s * to_rad;
  const double object_half_width_m =
      distance_m * std::tan(std::clamp(track.angular_width_deg, 0.0, 120.0) / 2 * to_rad);
  return std::abs(lateral_m + lateral_speed * seconds) - object_half_width_m <
         half_width_m + kPredictionDoubt * seconds;
}

/// The larger of its width and height, metres.
double size_m(const Track& track) {
  const double angle =
      std::clamp(std::max(track.angular_width_deg, track.angular_height_deg), 0.0, 120.0);
  return 2 * *track.distance_m * std::tan(angle / 2 * std::numbers::pi / 180);
}

// A thing smaller than this (a cup, a book on a table) is in nobody's way by itself.
constexpr double kSmallThingM = 0.35;

Priority toned_down(Priority priority, const Track& track) {
  if (track.kind == ObjectKind::thing && size_m(track) < kSmallThingM) return Priority::info;
  if (!is_vague(*track.distance_m, track.distance_sigma_m)) return priority;
  return priority == Priority::critical ? Priority::warning : Priority::info;
}

}  // namespace

std::optional<Threat> assess(const Track& track, const GuideOptions& options) {
  if (!track.distance_m) {
    // Without a distance only its size in view tells: never critical on so little.
    if (track.angular_width_deg < kNoDistanceWidthDeg) return std::nullopt;
    return Threat{Priority::info, false, false, 60};
  }
  const double distance = *track.distance_m;
  const bool here = in_corridor(track, distance, 0, options.corridor_half_width_m);
  // Things stay where they are: their place in the corridor does not depend on how the walker
  // turns.
  const double ahead_s = track.ttc_s && moves(track.kind) ? *track.ttc_s : 0;
  const bool collides =
      track.ttc_s && in_corridor(track, distance, ahead_s, options.corridor_half_width_m);
  const double walking_s = distance / kWalkingSpeed;
  const double contact_s = collides ? std::min(*track.ttc_s, walking_s) : walking_s;
  const bool closing = track.ttc_s.has_value();
  const bool approaching = closing && moves(track.kind);
  const double warning_ttc_s =
      options.warning_ttc_s * (track.kind == ObjectKind::vehicle ? 1.5 : 1.0);

  if ((here && distance <= options.critical_distance_m) ||
      (collides && *track.ttc_s <= options.critical_ttc_s)) {
    return Threat{toned_down(Priority::critical, track), closing, approaching, contact_s};
  }
  if ((here && distance <= options.warning_distance_m) ||
      (collides && *track.ttc_s <= warning_ttc_s)) {
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
