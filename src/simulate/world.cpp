#include "simulate/world.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lazarillo::simulate {
namespace {

constexpr double kStep_s = 0.02;
constexpr double kTurning_deg_s = 90;
constexpr double kToRad = std::numbers::pi / 180;
// Steps as they are built (ISO 21542:2021).
constexpr double kRiser_m = 0.17, kTread_m = 0.29;

double towards(double from_deg, double to_deg, double most_deg) {
  const double off = std::remainder(to_deg - from_deg, 360.0);
  return from_deg + std::clamp(off, -most_deg, most_deg);
}

}  // namespace

Walk::Walk(const World& world) {
  const auto count = static_cast<std::size_t>(std::ceil(world.seconds / kStep_s)) + 1;
  poses_.reserve(count);
  Pose pose{world.start, world.legs.front().heading_deg, 0, 0};
  std::size_t leg = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double t = static_cast<double>(i) * kStep_s;
    while (leg + 1 < world.legs.size() && world.legs[leg + 1].at_s <= t) ++leg;
    const Leg& now = world.legs[leg];
    pose.heading_deg = towards(pose.heading_deg, now.heading_deg, kTurning_deg_s * kStep_s);
    pose.vx = now.speed_mps * std::sin(pose.heading_deg * kToRad);
    pose.vy = now.speed_mps * std::cos(pose.heading_deg * kToRad);
    poses_.push_back(pose);
    pose.at.x += pose.vx * kStep_s;
    pose.at.y += pose.vy * kStep_s;
  }
}

Pose Walk::at(double t_s) const {
  const double place = std::clamp(t_s / kStep_s, 0.0, static_cast<double>(poses_.size() - 1));
  const auto index = static_cast<std::size_t>(place);
  Pose pose = poses_[index];
  const double since = (place - static_cast<double>(index)) * kStep_s;
  pose.at.x += pose.vx * since;
  pose.at.y += pose.vy * since;
  return pose;
}

std::vector<double> moments(double until_s, double step_s) {
  std::vector<double> all;
  const int last = static_cast<int>(std::floor(until_s / step_s));
  for (int i = 0; i <= last; ++i) all.push_back(i * step_s);
  return all;
}

Point place(const Actor& actor, double t_s) {
  Point at = actor.at;
  for (std::size_t i = 0; i < actor.moves.size(); ++i) {
    const Stretch& move = actor.moves[i];
    if (t_s <= move.at_s) break;
    const double until = i + 1 < actor.moves.size() ? std::min(actor.moves[i + 1].at_s, t_s) : t_s;
    at.x += move.vx * (until - move.at_s);
    at.y += move.vy * (until - move.at_s);
  }
  return at;
}

Point velocity(const Actor& actor, double t_s) {
  Point v;
  for (const Stretch& move : actor.moves) {
    if (t_s < move.at_s) break;
    v = {move.vx, move.vy};
  }
  return v;
}

void add_solids(const World& world, std::size_t index, double t_s, std::vector<Solid>& to) {
  const Actor& actor = world.actors[index];
  Solid solid;
  solid.middle = place(actor, t_s);
  solid.sin_yaw = std::sin(actor.yaw_deg * kToRad);
  solid.cos_yaw = std::cos(actor.yaw_deg * kToRad);
  solid.half_width = actor.width / 2;
  solid.half_length = actor.length / 2;
  solid.low = actor.bottom;
  solid.high = actor.bottom + actor.height;
  solid.actor = static_cast<int>(index);
  if (actor.shape == Shape::box) {
    to.push_back(solid);
    return;
  }
  if (actor.shape == Shape::pit) {
    solid.pit = true;
    solid.low = -actor.height;
    solid.high = 0;
    to.push_back(solid);
    return;
  }
  const bool down = actor.shape == Shape::stairs_down;
  const int steps = std::max(1, static_cast<int>(actor.length / kTread_m));
  const Point middle = solid.middle;
  for (int i = 0; i < steps; ++i) {
    // Along the stairs, from their middle; a step up is as deep as all behind it.
    const double from = -actor.length / 2 + i * kTread_m;
    const double until = down ? std::min(from + kTread_m, actor.length / 2) : actor.length / 2;
    const double along = (from + until) / 2;
    solid.middle = {middle.x + along * solid.sin_yaw, middle.y + along * solid.cos_yaw};
    solid.half_length = (until - from) / 2;
    solid.pit = down;
    solid.low = down ? -(i + 1) * kRiser_m : i * kRiser_m;
    solid.high = down ? 0 : (i + 1) * kRiser_m;
    to.push_back(solid);
  }
}

double distance(const Solid& solid, const Point& from) {
  const double dx = from.x - solid.middle.x;
  const double dy = from.y - solid.middle.y;
  const double across = std::abs(dx * solid.cos_yaw - dy * solid.sin_yaw) - solid.half_width;
  const double along = std::abs(dx * solid.sin_yaw + dy * solid.cos_yaw) - solid.half_length;
  return std::hypot(std::max(across, 0.0), std::max(along, 0.0));
}

}  // namespace lazarillo::simulate
