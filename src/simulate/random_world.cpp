#include "simulate/random_world.h"

#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <string>
#include <utility>

#include "simulate/random.h"
#include "simulate/truth.h"

namespace lazarillo::simulate {
namespace {

constexpr double kToRad = std::numbers::pi / 180;
constexpr double kLong_s = 75;
constexpr double kBerth_m = 1.25;  ///< what is not in the way keeps so far from the walker

/// Sizes as they are met: width, length, height.
struct Kind {
  const char* label;
  double width, length, height;
};
constexpr std::array<Kind, 6> kFurniture{{{"chair", 0.45, 0.45, 0.9},
                                          {"couch", 1.8, 0.85, 0.85},
                                          {"dining table", 1.4, 0.8, 0.75},
                                          {"bench", 1.5, 0.5, 0.8},
                                          {"potted plant", 0.45, 0.45, 1.1},
                                          {"chair", 0.5, 0.5, 1.0}}};
constexpr Kind kPerson{"person", 0.5, 0.3, 1.7};
constexpr Kind kBicycle{"bicycle", 0.5, 1.75, 1.05};
constexpr Kind kCar{"car", 1.8, 4.3, 1.5};

class Builder {
 public:
  explicit Builder(std::uint64_t seed) : random_(seed, 7) {
    world_.seed = seed;
    world_.seconds = random_.chance(1.0 / 16) ? kLong_s : random_.uniform(12, 20);
    speed_ = random_.uniform(0.8, 1.4);
    world_.legs = {{0, 0, speed_}};
    hazard_ = random_.chance(0.5);
    hazard_s_ = random_.uniform(5.5, std::min(world_.seconds - 1.5, 14.0));
  }

  World build() {
    constexpr std::array<const char*, 5> kPlaces{"street", "crossing", "corridor", "room", "place"};
    const int place = random_.below(5);
    world_.title = std::string(kPlaces[static_cast<std::size_t>(place)]) +
                   (hazard_ ? ", something in the way" : ", nothing in the way");
    switch (place) {
      case 0:
        street();
        break;
      case 1:
        crossing();
        break;
      case 2:
        corridor();
        break;
      case 3:
        room();
        break;
      default:
        open_place();
    }
    if (random_.chance(0.2)) trouble();
    return std::move(world_);
  }

 private:
  Random random_;
  World world_;
  double speed_ = 1.2;
  bool hazard_ = false;
  double hazard_s_ = 8;
  std::optional<Walk> walk_;

  const Walk& walk() {
    if (!walk_) walk_.emplace(world_);
    return *walk_;
  }
  double reach() const { return speed_ * world_.seconds; }

  Actor actor(const Kind& kind, Point at, double yaw_deg = 0) {
    Actor a;
    a.label = kind.label;
    a.at = at;
    a.yaw_deg = yaw_deg;
    a.width = kind.width;
    a.length = kind.length;
    a.height = kind.height * random_.uniform(0.93, 1.07);
    return a;
  }
  static Actor block(Point at, double width, double length, double height, double bottom = 0) {
    Actor a;
    a.at = at;
    a.width = width;
    a.length = length;
    a.height = height;
    a.bottom = bottom;
    return a;
  }
  void add(Actor a) {
    a.id = static_cast<int>(world_.actors.size()) + 1;
    world_.actors.push_back(std::move(a));
  }

  /// Whether it keeps its berth from the walker, and from where the walker is heading.
  bool keeps_away(const Actor& a, double until_s) {
    World one = {};
    one.seconds = world_.seconds;
    one.legs = world_.legs;
    one.actors = {a};
    for (const double t : moments(until_s, 0.25)) {
      if (meets(one, 0, walk().at(t), t, kBerth_m, 4.5)) return false;
    }
    return true;
  }
  bool add_if_away(Actor a) {
    if (!keeps_away(a, hazard_ ? hazard_s_ : world_.seconds)) return false;
    add(std::move(a));
    return true;
  }

  static void moving(Actor& a, double heading_deg, double speed) {
    a.yaw_deg = heading_deg;
    a.moves = {{0, speed * std::sin(heading_deg * kToRad), speed * std::cos(heading_deg * kToRad)}};
  }
  /// Where it must begin so as to be there at that time.
  static void arriving(Actor& a, Point there, double at_s) {
    if (!a.moves.empty()) {
      there.x -= a.moves.front().vx * at_s;
      there.y -= a.moves.front().vy * at_s;
    }
    a.at = there;
  }

  void turns(double most_deg) {
    if (!random_.chance(0.4)) return;
    const double first_s = random_.uniform(2, 0.7 * world_.seconds);
    // What is put in the way is put there on a straight last stretch.
    if (hazard_ && first_s > hazard_s_ - 4.5) return;
    world_.legs.push_back({first_s, random_.uniform(-most_deg, most_deg), speed_});
  }
  void stops() {
    if (!random_.chance(0.2)) return;
    const double from_s = random_.uniform(1, 4);
    const double until_s = from_s + random_.uniform(1, 3);
    if (hazard_ && until_s > hazard_s_ - 4) return;
    if (world_.legs.size() > 1 && world_.legs[1].at_s < until_s + 0.5) return;
    world_.legs.insert(world_.legs.begin() + 1, {{from_s, 0, 0}, {until_s, 0, speed_}});
  }

  void street() {
    turns(4);
    stops();
    const double far = reach() + 20;
    add(block({-random_.uniform(2.4, 4), far / 2 - 5}, 0.6, far + 10, random_.uniform(3, 9)));
    const double kerb = random_.uniform(2.2, 3.5);
    Actor road = block({kerb + 4, far / 2 - 5}, 8, far + 10, 0.13);
    road.shape = Shape::pit;
    if (keeps_away(road, world_.seconds)) add(road);
    double y = random_.uniform(0, 6);
    while (y < far) {
      add_if_away(actor(kCar, {kerb + 1.2, y}, random_.uniform(-3, 3)));
      y += random_.uniform(5, 12);
    }
    y = random_.uniform(3, 9);
    while (y < far) {
      const double x = kerb - 0.35;
      add_if_away(random_.chance(0.6) ? block({x, y}, 0.12, 0.12, 4)
                                      : actor(kFurniture[3], {x, y}, 90));
      y += random_.uniform(6, 14);
    }
    people(random_.below(4));
    if (random_.chance(0.4)) cyclist();
    if (hazard_) in_the_way(true);
  }

  void crossing() {
    stops();
    for (int i = random_.below(3); i >= 0; --i) {
      Actor car = actor(kCar, {});
      const double side = random_.chance(0.5) ? 90 : -90;
      moving(car, side, random_.uniform(3, 12));
      const double when_s = random_.uniform(2, world_.seconds);
      const Pose then = walk().at(when_s);
      arriving(car, {then.at.x, then.at.y + random_.uniform(5, 14)}, when_s);
      add_if_away(car);
    }
    people(random_.below(4));
    if (random_.chance(0.3)) cyclist();
    if (hazard_) in_the_way(true);
  }

  void corridor() {
    const double half = random_.uniform(1.35, 2.2);
    const double far = reach() + (hazard_ ? 8 : 12);
    add(block({-half - 0.1, far / 2 - 1}, 0.2, far + 2, 2.7));
    add(block({half + 0.1, far / 2 - 1}, 0.2, far + 2, 2.7));
    add(block({0, far}, 2 * half + 0.4, 0.2, 2.7));
    double y = random_.uniform(2, 5);
    while (y < far) {
      Actor door;
      door.label = "door";
      const double side = random_.chance(0.5) ? -1 : 1;
      door.at = {side * (half - 0.01), y};
      door.width = 0.04;
      door.length = 0.9;
      door.height = 2.05;
      add_if_away(door);
      y += random_.uniform(3, 8);
    }
    stops();
    if (half > 1.8) people(random_.below(2));
    if (hazard_) in_the_way(false);
  }

  void room() {
    turns(30);
    stops();
    const double wide = reach() / 2 + 6;
    for (const double side : {-1.0, 1.0}) {
      add_if_away(block({side * wide, reach() / 2}, 0.2, reach() + 16, 2.6));
    }
    add_if_away(block({0, reach() + 8}, 2 * wide, 0.2, 2.6));
    add_if_away(block({0, -3}, 2 * wide, 0.2, 2.6));
    for (int i = 3 + random_.below(8); i > 0; --i) {
      const Kind& kind = kFurniture[static_cast<std::size_t>(random_.below(6))];
      add_if_away(actor(kind, {random_.uniform(-5, 5), random_.uniform(1, reach() + 4)},
                        random_.uniform(0, 180)));
    }
    people(random_.below(3));
    if (hazard_) in_the_way(false);
  }

  void open_place() {
    turns(45);
    stops();
    for (int i = random_.below(6); i > 0; --i) {
      const Point at{random_.uniform(-9, 9), random_.uniform(2, reach() + 8)};
      add_if_away(random_.chance(0.5) ? actor(kFurniture[3], at, random_.uniform(0, 180))
                                      : block(at, 0.15, 0.15, 3.5));
    }
    people(random_.below(6));
    if (random_.chance(0.4)) cyclist();
    if (hazard_) in_the_way(true);
  }

  /// Who walk about, and past.
  void people(int count) {
    for (; count > 0; --count) {
      Actor person = actor(kPerson, {});
      const double kind = random_.uniform();
      const double heading = kind < 0.4   ? 180 + random_.uniform(-10, 10)
                             : kind < 0.7 ? random_.uniform(-10, 10)
                                          : random_.uniform(0, 360);
      if (!random_.chance(0.2)) moving(person, heading, random_.uniform(0.6, 1.6));
      const double when_s = random_.uniform(1, world_.seconds);
      const Pose then = walk().at(when_s);
      const double side = random_.chance(0.5) ? -1 : 1;
      arriving(person, {then.at.x + side * random_.uniform(1.6, 4), then.at.y + 1}, when_s);
      if (random_.chance(0.2) && !person.moves.empty()) {
        const Stretch& first = person.moves.front();
        person.moves.push_back({when_s + random_.uniform(0, 3), first.vy, -first.vx});
      }
      add_if_away(person);
    }
  }

  /// A bicycle and who rides it.
  void ride(const Actor& bicycle, bool anyway) {
    Actor rider = bicycle;
    rider.label = "person";
    rider.length = 0.6;
    rider.bottom = 0.15;
    rider.height = 1.55;
    if (!anyway && (!keeps_away(bicycle, hazard_ ? hazard_s_ : world_.seconds))) return;
    add(bicycle);
    add(rider);
  }

  void cyclist() {
    Actor bicycle = actor(kBicycle, {});
    moving(bicycle, random_.chance(0.6) ? 180 : 0, random_.uniform(2.5, 6));
    const double when_s = random_.uniform(2, world_.seconds);
    const Pose then = walk().at(when_s);
    arriving(bicycle,
             {then.at.x + (random_.chance(0.5) ? -1 : 1) * random_.uniform(1.7, 3), then.at.y},
             when_s);
    ride(bicycle, false);
  }

  /// Puts something where the walker will be.
  void in_the_way(bool outside) {
    const Pose then = walk().at(hazard_s_);
    const double h = then.heading_deg * kToRad;
    const double aside = random_.uniform(-0.3, 0.3);
    const Point there{then.at.x + aside * std::cos(h), then.at.y - aside * std::sin(h)};
    const double yaw = then.heading_deg;
    switch (random_.below(outside ? 10 : 8)) {
      case 0:
      case 1: {  // somebody who comes, or stands
        Actor person = actor(kPerson, there, yaw);
        if (random_.chance(0.7)) {
          moving(person, yaw + 180 + random_.uniform(-40, 40), random_.uniform(0.4, 1.5));
        }
        arriving(person, there, hazard_s_);
        add(person);
        return;
      }
      case 2: {
        const Kind& kind = kFurniture[static_cast<std::size_t>(random_.below(6))];
        add(actor(kind, there, yaw + random_.uniform(-90, 90)));
        return;
      }
      case 3:  // a pole
        add(block(there, random_.uniform(0.1, 0.2), 0.15, random_.uniform(1, 4)));
        return;
      case 4: {  // a wall across
        Actor wall = block(there, random_.uniform(1.5, 6), 0.2, random_.uniform(0.9, 3));
        wall.yaw_deg = yaw + random_.uniform(-15, 15);
        add(wall);
        return;
      }
      case 5: {  // a sign, a branch, the back of a lorry
        const double bottom = random_.uniform(1.4, 1.6);
        Actor sign = block(there, random_.uniform(0.6, 1.5), 0.2, random_.uniform(0.4, 1), bottom);
        sign.yaw_deg = yaw;
        add(sign);
        return;
      }
      case 6: {  // a hole, a platform's edge, or stairs down
        Actor hole = block(there, random_.uniform(1.5, 3), random_.uniform(1.2, 4), 0);
        hole.height = random_.uniform(0.3, 1.2);
        hole.shape = Shape::pit;
        if (random_.chance(0.5)) {
          hole.shape = Shape::stairs_down;
          hole.length = 2.9;
        }
        hole.yaw_deg = yaw;
        hole.at = {there.x + hole.length / 2 * std::sin(h),
                   there.y + hole.length / 2 * std::cos(h)};
        add(hole);
        return;
      }
      case 7: {
        Actor stairs = block(there, random_.uniform(1.2, 2.4), 2.9, 1.7);
        stairs.shape = Shape::stairs_up;
        stairs.yaw_deg = yaw;
        stairs.at = {there.x + 1.45 * std::sin(h), there.y + 1.45 * std::cos(h)};
        add(stairs);
        return;
      }
      case 8: {
        Actor bicycle = actor(kBicycle, {});
        moving(bicycle, yaw + 180 + random_.uniform(-50, 50), random_.uniform(2, 6));
        arriving(bicycle, there, hazard_s_);
        ride(bicycle, true);
        return;
      }
      default: {
        Actor car = actor(kCar, {});
        if (random_.chance(0.7)) {
          moving(car, yaw + 180 + random_.uniform(-60, 60), random_.uniform(1, 9));
        } else {
          car.yaw_deg = yaw + random_.uniform(-90, 90);
        }
        arriving(car, there, hazard_s_);
        add(car);
      }
    }
  }

  /// Pictures fail for a while.
  void trouble() {
    const double from_s = random_.uniform(0.5, world_.seconds - 4);
    world_.troubles.push_back({Trouble::Kind::blind, from_s, from_s + random_.uniform(0.2, 4)});
  }
};

}  // namespace

World random_world(std::uint64_t seed) { return Builder(seed).build(); }

}  // namespace lazarillo::simulate
