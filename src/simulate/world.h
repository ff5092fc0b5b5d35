#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace lazarillo::simulate {

/// On the ground of the world, metres: x to the right of where the walker first looks when heading
/// is 0, y ahead.
struct Point {
  double x = 0, y = 0;
};

/// Seconds of the world.
using Interval = std::pair<double, double>;

/// From `at_s` on somebody moves straight on with this velocity, m/s.
struct Stretch {
  double at_s = 0;
  double vx = 0, vy = 0;
};

enum class Shape {
  box,          ///< solid, from `bottom` up by `height`; hanging when bottom > 0
  pit,          ///< the ground lies `height` deeper there: a kerb down, a hole, a platform's edge
  stairs_up,    ///< steps of 0.17 x 0.29 m, first one at the near edge, rising along `yaw_deg`
  stairs_down,  ///< the same downwards
};

/// Anything in the world but the ground and the walker.
struct Actor {
  int id = 0;         ///< from 1, its own in the world; the sensor's noise about it hangs on it
  std::string label;  ///< what a detector calls it; empty: it has no name for it
  Shape shape = Shape::box;
  Point at;            ///< its middle, at the beginning
  double yaw_deg = 0;  ///< clockwise, 0: `length` lies along y
  double width = 0.5, length = 0.5, height = 1.7, bottom = 0;
  std::vector<Stretch> moves;  ///< in order; before the first it stands
};

/// From `at_s` on the walker turns to `heading_deg` (clockwise from y; 90 degrees a second) and
/// walks at this speed.
struct Leg {
  double at_s = 0;
  double heading_deg = 0;
  double speed_mps = 1.2;
};

/// What happens to the camera.
struct Trouble {
  enum class Kind {
    blind,   ///< pictures do not come, or cannot be seen, and seeing knows
    frozen,  ///< the same picture comes again and again
    dark,    ///< pictures come, and hold nothing
  };
  Kind kind = Kind::blind;
  double from_s = 0, until_s = 0;
};

/// A walk and everything around it. Plain values; docs/simulator.md has the file format.
struct World {
  std::string title;
  std::uint64_t seed = 1;  ///< of the sensor's noise
  double seconds = 15;
  Point start;
  std::vector<Leg> legs{Leg{}};  ///< the first at 0 s: the walker begins with its heading
  std::vector<Actor> actors;
  std::vector<Trouble> troubles;
};

/// The walker at a moment.
struct Pose {
  Point at;
  double heading_deg = 0;
  double vx = 0, vy = 0;
};

/// Where the walker is, at any time of a world: legs worked out in steps of 20 ms. The walker walks
/// on whatever is said and whatever is hit.
class Walk {
 public:
  explicit Walk(const World& world);
  /// Between 0 and the world's end; beyond, the last.
  [[nodiscard]] Pose at(double t_s) const;

 private:
  std::vector<Pose> poses_;
};

/// 0, `step_s`, twice that, and so on up to `until_s`.
[[nodiscard]] std::vector<double> moments(double until_s, double step_s);

/// Where an actor's middle is.
[[nodiscard]] Point place(const Actor& actor, double t_s);
/// Its velocity, m/s.
[[nodiscard]] Point velocity(const Actor& actor, double t_s);

/// A convex piece of an actor: a box turned about the vertical. Metres; z up, 0 the ground.
struct Solid {
  Point middle;
  double sin_yaw = 0, cos_yaw = 1;
  double half_width = 0, half_length = 0;
  double low = 0, high = 0;  ///< of a pit: its floor and 0
  bool pit = false;
  int actor = 0;  ///< index into World::actors
};

/// The pieces of actor number `index` at a moment.
void add_solids(const World& world, std::size_t index, double t_s, std::vector<Solid>& to);

/// Distance over the ground from the point to the piece; 0 inside.
[[nodiscard]] double distance(const Solid& solid, const Point& from);

}  // namespace lazarillo::simulate
