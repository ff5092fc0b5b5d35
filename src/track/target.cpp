#include "track/target.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lazarillo {
namespace {

// Noise as parts of the box height, the scale of the object in the picture (as in ByteTrack). A
// walking person covers about 0.8 of its height a second and turns within half a second.
constexpr double kBoxSigma = 0.04;
constexpr double kStartVelocitySigma = 0.8;
constexpr double kAccelerationSigma = 0.8;
constexpr double kSizeSigma = 0.06;
constexpr double kSizeVelocitySigma = 0.3;
constexpr double kSizeAccelerationSigma = 0.3;
// The part of a range measurement's error that changes from frame to frame, as first guess; the
// rest (wrong height assumed, bias of the network) stays and is added to the published sigma.
constexpr double kRangeJitter = 0.35;
constexpr double kLeastJitter = 0.03;
constexpr double kJitterMemory = 0.1;  // weight of a new innovation in the measured jitter
// The weight of a new score. A network's errors last: more of the same picture is no more proof.
constexpr double kCertaintyMemory = 0.1;
constexpr double kOutlier = 9;   // normalised innovation squared: three sigma
constexpr double kAnother = 16;  // normalised innovation squared, of a range of something else
constexpr int kAnotherInARow = 2;
constexpr double kOtherKind = 2;  // sigmas that differ by this factor are of different kinds
constexpr double kPatienceWithWorseS = 1.5;
constexpr double kLeastClosingSpeed = 0.2;
constexpr double kSignificance = 1.5;  // sigmas an approach must exceed

constexpr double kMostAngle_deg = 80;  // beyond, a flat picture goes to infinity

// Of a ray over the ground: what lies straight below the camera has no bearing.
constexpr double kLeastFlat = 0.05;

constexpr double kNsPerS = 1e9;
constexpr double kRadPerDeg = std::numbers::pi / 180;

/// How a kind of object moves relative to a walker.
struct Motion {
  double speed;         ///< standard deviation, m/s
  double acceleration;  ///< standard deviation, m/s^2
  double fastest;       ///< an approach faster than this is a measurement error, m/s
};
Motion motion_of(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::vehicle:
    case ObjectKind::motorcycle:
      return {8.0, 2.5, 35};
    case ObjectKind::cycle:
      return {4.0, 1.5, 15};
    case ObjectKind::person:
      return {2.0, 1.0, 5};
    case ObjectKind::animal:
      return {2.0, 1.0, 10};
    case ObjectKind::furniture:
    case ObjectKind::door:
    case ObjectKind::thing:
      return {1.5, 0.8, 2.5};  // the walker's own speed
  }
  return {2.0, 1.0, 5};
}

/// What becomes of a direction over the ground when its ray changes by so much: how far it turns to
/// the right (rad), and by what part what lies there is farther.
struct Motion2d {
  double turn, away;
};
Motion2d motion_over_ground(const OverGround& at, const OverGround& change) {
  const double square = std::pow(std::max(at.distance(), kLeastFlat), 2);
  return {(at.ahead * change.right - at.right * change.ahead) / square,
          (at.ahead * change.ahead + at.right * change.right) / square};
}

}  // namespace

Target::Target(const Detection& detection, const ObjectClass& object, std::int64_t stream_ns)
    : object_(object),
      now_ns_(stream_ns),
      first_seen_ns_(stream_ns),
      last_seen_ns_(stream_ns),
      last_strong_ns_(stream_ns),
      camera_(detection.camera),
      score_(detection.score),
      certainty_(detection.score) {
  const Box& box = detection.box;
  const double h = std::max(box.height(), 4.0F);
  state_.x = {box.centre_x(), kBoxSigma * h, kStartVelocitySigma * h};
  state_.y = {box.centre_y(), kBoxSigma * h, kStartVelocitySigma * h};
  state_.width = {box.width(), kSizeSigma * h, kSizeVelocitySigma * h};
  state_.height = {box.height(), kSizeSigma * h, kSizeVelocitySigma * h};
  votes_[object.name] = detection.score;
}

void Target::State::predict(double dt_s, ObjectKind kind, const View& view) {
  const double h = std::max(height.value(), 4.0);
  // What moves straight on seems to turn faster the nearer it comes. With depth Z, Z'/Z = u: a
  // place x = f X / Z goes on by x' dt k and moves with x' k^2 then, where k = 1 / (1 + u dt); u
  // becomes u k.
  const double rate = log_depth ? log_depth->velocity() : 0;
  const double k = 1 / (1 + std::clamp(rate * dt_s, -0.5, 1.0));
  const auto straight_on = [&](ConstantVelocity& c, double acceleration) {
    c.scale_velocity(k);
    c.predict(dt_s, acceleration);
    c.scale_velocity(k);
  };
  straight_on(x, kAccelerationSigma * h);
  straight_on(y, kAccelerationSigma * h);
  straight_on(width, kSizeAccelerationSigma * h);
  straight_on(height, kSizeAccelerationSigma * h);
  if (log_depth) {
    const double depth = std::max(std::exp(log_depth->value()), 0.5);
    // log(1 + a) is a / sqrt(1 + a) but for terms of third order.
    // Seen around, what passes by stops coming nearer: d' grows by d w^2 for a turn rate of w.
    if (view.around) {
      const double turn_rad_s = x.velocity() / view.camera.fx;
      log_depth->change_velocity(std::min(turn_rad_s * turn_rad_s * std::abs(dt_s), 1.0));
    }
    log_depth->scale_velocity(std::sqrt(k));
    log_depth->predict(dt_s, motion_of(kind).acceleration / depth);
    log_depth->scale_velocity(std::sqrt(k));
  }
}

void Target::State::turn(const CameraTurn& turn, const View& view) {
  const Intrinsics& intrinsics = view.camera;
  if (view.around) {
    const double bearing = view.bearing_deg(x.value()) * kRadPerDeg;
    x.shift(-intrinsics.fx * turn.right_deg * kRadPerDeg);
    // What is at the side does not go down when the head looks up.
    const double elevation = view.elevation_deg(y.value()) * kRadPerDeg;
    const double tilted = std::clamp(elevation - turn.up_deg * kRadPerDeg * std::cos(bearing),
                                     -kMostAngle_deg * kRadPerDeg, kMostAngle_deg * kRadPerDeg);
    y.shift(intrinsics.fy * (std::tan(elevation) - std::tan(tilted)));
    if (log_depth) log_depth->shift(std::log(std::cos(tilted) / std::cos(elevation)));
    return;
  }
  const auto in_view = [](double angle_deg) {
    return std::clamp(angle_deg, -kMostAngle_deg, kMostAngle_deg) * kRadPerDeg;
  };
  const double bearing = in_view(intrinsics.bearing_deg(x.value()));
  const double turned = in_view(bearing / kRadPerDeg - turn.right_deg);
  x.shift(intrinsics.fx * (std::tan(turned) - std::tan(bearing)));
  const double elevation = in_view(intrinsics.elevation_deg(y.value()));
  const double tilted = in_view(elevation / kRadPerDeg - turn.up_deg);
  y.shift(intrinsics.fy * (std::tan(elevation) - std::tan(tilted)));
  // What stays is the distance from the camera.
  const auto length = [](double across, double down) {
    return std::hypot(1, std::tan(across), std::tan(down));
  };
  if (log_depth) log_depth->shift(std::log(length(bearing, elevation) / length(turned, tilted)));
}

Target::State Target::at(std::int64_t stream_ns, const View& view) const {
  State state = state_;
  const double dt = static_cast<double>(stream_ns - now_ns_) / kNsPerS;
  if (dt > 0) state.predict(dt, object_.kind, view);
  return state;
}

void Target::predict(std::int64_t stream_ns, const View& view, const TurnHistory& turns) {
  state_ = at(stream_ns, view);
  state_.turn(turns.between(now_ns_, stream_ns), view);
  now_ns_ = stream_ns;
}

void Target::correct(const Detection& detection, const ObjectClass& object, const View& view,
                     bool strong) {
  const Box& box = detection.box;
  const double h = std::max(box.height(), 4.0F);
  // A weak box is a less certain place.
  const double doubt = 1.5 - 0.5 * std::clamp(static_cast<double>(detection.score), 0.0, 1.0);
  const auto measure = [&](double low, double high, bool cut_low, bool cut_high,
                           ConstantVelocity& middle, ConstantVelocity& size) {
    if (cut_low == cut_high) {
      const double sigma = doubt * kSizeSigma * h;
      const double innovation = high - low - size.value();
      if (innovation * innovation > kAnother * (size.value_variance() + sigma * sigma)) {
        // What hid a part of it went, or came: a step, not motion.
        size = {high - low, kSizeSigma * h, kSizeVelocitySigma * h};
        middle.shift((low + high) / 2 - middle.value());
        stepped_ = true;
        return;
      }
      middle.correct((low + high) / 2, doubt * kBoxSigma * h);
      size.correct(high - low, sigma);
      return;
    }
    const double whole = std::max(size.value(), high - low);
    middle.correct(cut_low ? high - whole / 2 : low + whole / 2, doubt * kBoxSigma * h);
  };
  const CutSides cut = detection.cut.value_or(cut_sides(box, view.camera));
  measure(box.x1, box.x2, cut.left, cut.right, state_.x, state_.width);
  measure(box.y1, box.y2, cut.top, cut.bottom, state_.y, state_.height);
  last_seen_ns_ = now_ns_;
  if (strong) last_strong_ns_ = now_ns_;
  score_ = detection.score;
  camera_ = detection.camera;
  ++hits_;
  double& vote = votes_[object.name];
  vote += detection.score;
  if (object.name != object_.name && vote > votes_[object_.name]) object_ = object;
  // What is half hidden scores low and stays what it was.
  if (!strong) return;
  const double agrees = object.name == object_.name ? detection.score : 0.0;
  certainty_ += kCertaintyMemory * (agrees - certainty_);
}

void Target::restart_range(const Range& range) {
  jitter_variance_ = std::pow(std::max(kRangeJitter * range.sigma_relative, kLeastJitter), 2);
  // An old range says where it was; how far it went since is as unknown as its speed.
  const double rate_sigma = motion_of(object_.kind).speed / range.depth_m;
  const double value_sigma = std::hypot(std::sqrt(jitter_variance_), rate_sigma * range.age_s);
  state_.log_depth = ConstantVelocity(std::log(range.depth_m), value_sigma, rate_sigma);
  range_sigma_ = range.sigma_relative;
  range_ns_ = now_ns_;
  far_off_ = 0;
  stepped_ = false;
}

void Target::correct_range(const Range& range) {
  const bool worse = range.sigma_relative > kOtherKind * range_sigma_;
  if (!state_.log_depth || (stepped_ && !worse)) return restart_range(range);
  ConstantVelocity& filter = *state_.log_depth;
  const double innovation =
      std::log(range.depth_m) - filter.value() + range.age_s * filter.velocity();
  // Ranges of different kinds (a depth map, a known height) differ by lasting errors. Going from
  // one to the other is a step, not motion: the better kind takes over, the worse one waits.
  if (std::abs(innovation) > 2 * range.sigma_relative) {
    if (range.sigma_relative * kOtherKind < range_sigma_) return restart_range(range);
    if (worse) {
      const double waited_s = static_cast<double>(now_ns_ - range_ns_) / kNsPerS;
      if (waited_s > kPatienceWithWorseS) restart_range(range);
      return;
    }
  }
  range_ns_ = now_ns_;

  // Ranges that again and again lie far off are of another object (one parked behind the other): a
  // step, too, and so is the size of its box.
  const double expected = filter.value_variance() + jitter_variance_;
  far_off_ = innovation * innovation > kAnother * expected ? far_off_ + 1 : 0;
  if (far_off_ >= kAnotherInARow) {
    const double h = std::max(state_.height.value(), 4.0);
    state_.height = {h, kSizeSigma * h, kSizeVelocitySigma * h};
    return restart_range(range);
  }

  // The jitter is measured from the innovations: a detector whose boxes breathe must not look like
  // somebody who runs. A single outlier counts for three sigma at most.
  const double squared = std::min(innovation * innovation, kOutlier * expected);
  const double jitter = std::max(squared - filter.value_variance(), kLeastJitter * kLeastJitter);
  jitter_variance_ += kJitterMemory * (jitter - jitter_variance_);
  const double outlier = std::max(1.0, innovation * innovation / (kOutlier * expected));
  // What acceleration may have done since (the filter's own model, kalman.h).
  const double acceleration =
      motion_of(object_.kind).acceleration / std::max(std::exp(filter.value()), 0.5);
  const double since = acceleration * acceleration * std::pow(range.age_s, 3) / 3;
  filter.correct(std::log(range.depth_m), std::sqrt(jitter_variance_ * outlier + since),
                 range.age_s);
  range_sigma_ += 0.2 * (range.sigma_relative - range_sigma_);
}

bool Target::is_other(const Range& range) const {
  // Those of different kinds differ by lasting errors.
  const double ratio = range.sigma_relative / range_sigma_;
  if (!state_.log_depth || ratio > kOtherKind || ratio < 1 / kOtherKind) return false;
  const double off = std::log(range.depth_m) - state_.log_depth->value();
  return off * off > kAnother * (state_.log_depth->value_variance() + jitter_variance_);
}

Box Target::State::box() const {
  const double half_width = std::max(width.value(), 1.0) / 2;
  const double half_height = std::max(height.value(), 1.0) / 2;
  return {static_cast<float>(x.value() - half_width), static_cast<float>(y.value() - half_height),
          static_cast<float>(x.value() + half_width), static_cast<float>(y.value() + half_height)};
}

Box Target::box_before(std::int64_t stream_ns, const View& view, const TurnHistory& turns) const {
  State before = state_;
  before.turn(turns.between(now_ns_, stream_ns), view);
  const double age_s = static_cast<double>(now_ns_ - stream_ns) / kNsPerS;
  for (ConstantVelocity* c : {&before.x, &before.y, &before.width, &before.height}) {
    *c = {c->value() - age_s * c->velocity(), 0, 0};
  }
  return before.box();
}

double Target::doubt(std::int64_t stream_ns) const {
  const State state = at(stream_ns, {});
  return std::sqrt(std::max(state.x.value_variance(), state.y.value_variance())) /
         std::max(state.height.value(), 4.0);
}

double Target::weak_s() const { return static_cast<double>(now_ns_ - last_strong_ns_) / kNsPerS; }

double Target::unseen_s() const { return static_cast<double>(now_ns_ - last_seen_ns_) / kNsPerS; }

Target::Rate Target::approach(const State& state) {
  const Rate by_range{state.log_depth->velocity(), state.log_depth->velocity_variance()};
  const double height = std::max(state.height.value(), 4.0);
  const Rate by_size{-state.height.velocity() / height,
                     state.height.velocity_variance() / (height * height)};
  const double weight = by_size.variance / (by_range.variance + by_size.variance);
  const double off = by_range.value - by_size.value;
  // Where the two contradict each other, both are doubted (Birge ratio).
  const double doubt = std::max(1.0, off * off / (by_range.variance + by_size.variance));
  return {by_size.value + weight * off, weight * by_range.variance * doubt};
}

Track Target::publish(std::int64_t stream_ns, const View& view, const TurnHistory& turns,
                      double focal_sigma) const {
  State state = at(stream_ns, view);
  state.turn(turns.between(now_ns_, stream_ns), view);
  Track track;
  track.id = id_;
  track.label = object_.name;
  track.kind = object_.kind;
  const Box whole = state.box();
  track.box = clipped(whole, view.camera.width, view.camera.height);
  track.score = score_;
  track.observed = stream_ns == last_seen_ns_;
  track.first_seen_ns = first_seen_ns_;
  track.last_seen_ns = last_seen_ns_;
  track.hits = hits_;
  track.camera = camera_;
  const double x = state.x.value();
  const double y = state.y.value();
  const OverGround middle = view.over_ground_at(x, y);
  track.bearing_deg = middle.bearing_rad() / kRadPerDeg;
  // Per pixel, where it is: over a whole second a pixel turns by less and less.
  const Motion2d by_column = motion_over_ground(middle, view.over_ground(view.ray_by_column(x)));
  const Motion2d by_row = motion_over_ground(middle, view.over_ground(view.ray_by_row()));
  track.bearing_rate_deg_s =
      (state.x.velocity() * by_column.turn + state.y.velocity() * by_row.turn) / kRadPerDeg;
  track.bearing_rate_sigma_deg_s =
      std::hypot(std::sqrt(state.x.velocity_variance()) * by_column.turn,
                 std::sqrt(state.y.velocity_variance()) * by_row.turn) /
      kRadPerDeg;
  const double width = view.over_ground_at(whole.x2, y).bearing_rad() -
                       view.over_ground_at(whole.x1, y).bearing_rad();
  track.angular_width_deg = (width < 0 ? width + 2 * std::numbers::pi : width) / kRadPerDeg;
  track.angular_height_deg = (std::atan(view.over_ground_at(x, whole.y1).rise()) -
                              std::atan(view.over_ground_at(x, whole.y2).rise())) /
                             kRadPerDeg;
  if (!state.log_depth) return track;

  const double distance =
      std::exp(state.log_depth->value()) * std::max(middle.distance(), kLeastFlat);
  const double lean = view.lean(middle);
  const double relative_sigma =
      std::sqrt(state.log_depth->value_variance() + range_sigma_ * range_sigma_ +
                focal_sigma * focal_sigma + lean * lean);
  track.distance_m = distance;
  track.distance_sigma_m = relative_sigma * distance;
  const Rate rate = approach(state);
  // d = Z |r|, where r is the ray over the ground, so d'/d = Z'/Z + r r' / r^2.
  const double range_rate =
      rate.value + state.x.velocity() * by_column.away + state.y.velocity() * by_row.away;
  // By rows only a camera that is not level has any of it.
  const double row_variance = state.y.velocity_variance() * by_row.away * by_row.away;
  track.closing_speed_mps = std::min(-range_rate * distance, motion_of(object_.kind).fastest);
  track.closing_speed_sigma_mps = std::sqrt(rate.variance + row_variance) * distance;
  if (track.closing_speed_mps > kLeastClosingSpeed &&
      track.closing_speed_mps > kSignificance * track.closing_speed_sigma_mps) {
    track.ttc_s = distance / track.closing_speed_mps;
  }
  return track;
}

}  // namespace lazarillo
