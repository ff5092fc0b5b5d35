#include "simulate/truth.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lazarillo::simulate {
namespace {

constexpr double kStep_s = 0.02;
constexpr double kFootReach_m = 0.1;  ///< of an edge: the foot is over it
constexpr double kClear_m = 1.0, kAhead_s = 4, kLookEvery_s = 0.2;

bool in_the_way(const Solid& s) {
  return s.pit ? -s.low >= kCaneDepth_m : s.high > kCaneHeight_m && s.low < kBodyHeight_m;
}

/// How far from a body of this radius to the nearest piece; at most 0: contact.
double gap(const std::vector<Solid>& pieces, const Point& at, double radius_m) {
  double least = std::numeric_limits<double>::max();
  for (const Solid& piece : pieces) {
    if (!in_the_way(piece)) continue;
    // A wider berth than the body is one for the feet, too.
    const double berth = piece.pit ? radius_m - kBodyRadius_m + kFootReach_m : radius_m;
    least = std::min(least, distance(piece, at) - berth);
  }
  return least;
}

double speed_of(const World& world) {
  double fastest = 0;
  for (const Leg& leg : world.legs) fastest = std::max(fastest, leg.speed_mps);
  return fastest;
}

}  // namespace

std::optional<Contact> first_contact(const World& world, const Walk& walk) {
  std::optional<Contact> first;
  const double walker = speed_of(world);
  std::vector<Solid> pieces;
  for (std::size_t i = 0; i < world.actors.size(); ++i) {
    double fastest = walker + 1e-3;
    for (const Stretch& m : world.actors[i].moves) {
      fastest = std::max(fastest, walker + std::hypot(m.vx, m.vy));
    }
    // No step is longer than what lies between at the fastest.
    double t = 0;
    const double end = first ? first->at_s : world.seconds;
    while (t <= end) {
      pieces.clear();
      add_solids(world, i, t, pieces);
      const double between = gap(pieces, walk.at(t).at, kBodyRadius_m);
      if (between <= 0) {
        first = Contact{i, t};
        break;
      }
      t += std::max(between / fastest, kStep_s / 2);
    }
  }
  return first;
}

std::optional<double> meets(const World& world, std::size_t actor, const Pose& walker, double t_s,
                            double radius_m, double horizon_s) {
  std::vector<Solid> pieces;
  add_solids(world, actor, t_s, pieces);
  const Point v = velocity(world.actors[actor], t_s);
  const double vx = walker.vx - v.x, vy = walker.vy - v.y;
  const double speed = std::hypot(vx, vy) + 1e-6;
  double t = 0;
  while (t <= horizon_s) {
    const double between = gap(pieces, {walker.at.x + vx * t, walker.at.y + vy * t}, radius_m);
    if (between <= 0) return t;
    t += std::max(between / speed, kStep_s / 2);
  }
  return std::nullopt;
}

bool without_hazards(const World& world, const Walk& walk, double until_s) {
  for (const double t : moments(until_s, kLookEvery_s)) {
    const Pose pose = walk.at(t);
    for (std::size_t i = 0; i < world.actors.size(); ++i) {
      if (meets(world, i, pose, t, kClear_m, kAhead_s)) return false;
    }
  }
  return true;
}

bool resolved(const Actor& actor, const ActorView& view) {
  if (view.visible >= 6) return true;
  return !actor.label.empty() && view.visible >= 2 && view.share() >= 0.5;
}

}  // namespace lazarillo::simulate
