#include "simulate/sensor.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numbers>
#include <optional>
#include <utility>

namespace lazarillo::simulate {
namespace {

constexpr int kWidth = 640, kHeight = 480;
constexpr double kNetwork_px = 416;
constexpr double kTurn_s = 1;     ///< a head that looks around
constexpr double kStep_hz = 1.9;  ///< steps a second (Bohannon, Age and Ageing 26, 1997)
constexpr double kBob_m = 0.02;
constexpr double kDrift_s = 2;
constexpr double kTurnError_s = 0.5;
constexpr double kGravityError_s = 5;
// An IMU knows that its wearer stands after so long, and that he does not any more; that he walks.
constexpr double kStands_s = 1.2, kSetsOff_s = 0.2, kWalks_s = 2.2;
constexpr double kStill_mps = 0.1;
constexpr double kLeastShare = 0.25, kHalfHidden = 0.6;
constexpr double kConfused_s = 0.3;
constexpr std::size_t kWarpAcross = 3, kWarpDown = 2;
constexpr double kTruths_per_s = 10;  ///< what is in view is looked up so often without maps
constexpr float kDark_m = 3;  ///< what a depth network makes of a black picture: something smooth

// Streams of random numbers beside those of the actors.
constexpr std::uint64_t kHead = 1U << 20U, kGhosts = kHead + 1, kMaps = kHead + 2,
                        kLoss = kHead + 3, kTurns = kHead + 4, kImu = kHead + 5;

const std::array<const char*, 8> kGhostLabels{"person", "chair", "car",          "bicycle",
                                              "dog",    "bench", "potted plant", "tv"};

/// What a network calls it when it errs; empty: it is rarely taken for something else.
const char* confused_with(const std::string& label) {
  static const std::map<std::string, const char*> kPairs{
      {"car", "truck"},   {"truck", "bus"},          {"bus", "truck"},
      {"chair", "couch"}, {"couch", "bed"},          {"bench", "dining table"},
      {"dog", "cat"},     {"bicycle", "motorcycle"}, {"dining table", "bench"}};
  const auto found = kPairs.find(label);
  return found == kPairs.end() ? "" : found->second;
}

double nearness_of(const std::vector<float>& depths_m) {
  double sum = 0;
  for (const float depth_m : depths_m) sum += depth_m > 0 ? 1 / double{depth_m} : 0;
  return sum / static_cast<double>(std::max<std::size_t>(depths_m.size(), 1));
}

bool is_furniture(const std::string& label) {
  return label == "chair" || label == "couch" || label == "bench" || label == "dining table" ||
         label == "potted plant" || label == "bed";
}

}  // namespace

double size_px(const Box& box, const Intrinsics& camera) {
  return std::max(box.width(), box.height()) * kNetwork_px / camera.width;
}

std::vector<Key> keys_of(SensorOptions& o) {
  return {{"fps", &o.fps, 5, 120},
          {"hfov_deg", &o.hfov_deg, 20, 120},
          {"eye_m", &o.eye_m, 0.8, 2.2},
          {"pitch_deg", &o.pitch_deg, -20, 45},
          {"sway_deg", &o.sway_deg, 0, 20},
          {"turn_known", &o.turn_known, 0, 1},
          {"imu", &o.imu, 0, 1},
          {"gravity_error_deg", &o.gravity_error_deg, 0, 45},
          {"turn_error_deg_s", &o.turn_error_deg_s, 0, 100},
          {"latency_frames", &o.latency_frames, 0, 30},
          {"frame_loss", &o.frame_loss, 0, 1},
          {"miss_small", &o.miss_small, 0, 1},
          {"miss_medium", &o.miss_medium, 0, 1},
          {"miss_large", &o.miss_large, 0, 1},
          {"miss_furniture", &o.miss_furniture, 0, 1},
          {"miss_hidden", &o.miss_hidden, 0, 1},
          {"miss_run_s", &o.miss_run_s, 0.001, 10},
          {"least_px", &o.least_px, 0, 416},
          {"never_doors", &o.never_doors, 0, 1},
          {"never_furniture", &o.never_furniture, 0, 1},
          {"false_boxes", &o.false_boxes, 0, 10},
          {"false_run_s", &o.false_run_s, 0.001, 10},
          {"wrong_label", &o.wrong_label, 0, 0.9},
          {"box_jitter", &o.box_jitter, 0, 0.5},
          {"score_large", &o.score_large, 0, 1},
          {"score_medium", &o.score_medium, 0, 1},
          {"score_small", &o.score_small, 0, 1},
          {"score_sigma", &o.score_sigma, 0, 1},
          {"maps_per_s", &o.maps_per_s, 0, 120},
          {"map_cells", &o.map_cells, 16, 160},
          {"depth_bias", &o.depth_bias, 0, 2},
          {"depth_drift", &o.depth_drift, 0, 2},
          {"depth_warp", &o.depth_warp, 0, 2},
          {"depth_noise", &o.depth_noise, 0, 2},
          {"depth_holes", &o.depth_holes, 0, 1},
          {"depth_states", &o.depth_states, 0.01, 2},
          {"object_share", &o.object_share, 0, 2},
          {"object_drift", &o.object_drift, 0, 2},
          {"object_noise", &o.object_noise, 0, 2}};
}

struct Sensor::Impl {
  /// How the detector fares with one actor.
  struct Watched {
    Random random;
    Drift range, score;
    bool never = false, missed = false, confused = false;
    int label = -1, other = -1;  ///< indices of labels
    /// What is seen of it is so much deeper than its middle; unset where it is too small in view.
    std::optional<double> deeper_m;

    Watched(std::uint64_t seed, int id)
        : random(seed, static_cast<std::uint64_t>(id)), range(random), score(random) {}
  };
  /// A false box.
  struct Ghost {
    Box box;
    float score;
    int label;
  };

  const World& world;
  const Walk& walk;
  SensorOptions o;
  Intrinsics camera;
  Caster caster;
  Random head, ghosts_random, map_random, loss, turns, imu;
  Sway yaw, nod;
  Drift turn_error;
  Drift pitch_error, roll_error;  ///< of gravity
  Drift drift;
  std::vector<Drift> warp;
  double bias;
  std::vector<Watched> watched;
  std::vector<Ghost> ghosts;
  std::shared_ptr<std::vector<std::string>> labels = std::make_shared<std::vector<std::string>>();
  std::vector<ActorView> in_view;  ///< at the last map
  std::vector<Solid> solids;
  double next_map_s = 0, last_s = 0, last_map_s = 0;
  double nearness = 0.2;  ///< of what is in view: mean of 1 / depth, 1/m
  std::optional<Look> frozen;
  std::optional<Eye> before;  ///< of the last picture that came
  CameraTurn turned;

  Impl(const World& w, const Walk& path, const SensorOptions& options)
      : world(w),
        walk(path),
        o(options),
        camera(Intrinsics::from_hfov(options.hfov_deg, kWidth, kHeight, false)),
        caster(camera, static_cast<int>(options.map_cells)),
        head(w.seed, kHead),
        ghosts_random(w.seed, kGhosts),
        map_random(w.seed, kMaps),
        loss(w.seed, kLoss),
        turns(w.seed, kTurns),
        imu(w.seed, kImu),
        yaw(head),
        nod(head),
        turn_error(turns),
        pitch_error(imu),
        roll_error(imu),
        drift(map_random),
        bias(o.depth_bias * map_random.normal()) {
    for (std::size_t i = 0; i < kWarpAcross * kWarpDown; ++i) warp.emplace_back(map_random);
    for (const char* label : kGhostLabels) (void)index_of(label);
    for (const Actor& actor : w.actors) {
      Watched& one = watched.emplace_back(w.seed, actor.id);
      const double never = actor.label == "door"       ? o.never_doors
                           : is_furniture(actor.label) ? o.never_furniture
                                                       : 0;
      one.never = one.random.chance(never);
      if (actor.label.empty()) continue;
      one.label = index_of(actor.label);
      const std::string other = confused_with(actor.label);
      if (!other.empty()) one.other = index_of(other);
    }
    in_view.resize(w.actors.size());
  }

  int index_of(const std::string& label) {
    const auto found = std::find(labels->begin(), labels->end(), label);
    if (found == labels->end()) labels->push_back(label);
    return static_cast<int>(std::find(labels->begin(), labels->end(), label) - labels->begin());
  }

  [[nodiscard]] const Trouble* trouble_at(double t_s) const {
    for (const Trouble& trouble : world.troubles) {
      if (t_s >= trouble.from_s && t_s < trouble.until_s) return &trouble;
    }
    return nullptr;
  }

  Eye eye_at(double t_s, double dt_s) {
    const Pose pose = walk.at(t_s);
    const double stride = 2 * std::numbers::pi * kStep_hz * t_s;
    Eye eye;
    eye.at = pose.at;
    eye.height_m = o.eye_m + kBob_m * std::sin(stride);
    eye.heading_deg = pose.heading_deg + o.sway_deg * yaw.step(dt_s, kTurn_s, head);
    eye.pitch_deg =
        o.pitch_deg + o.sway_deg / 2 * nod.step(dt_s, kTurn_s, head) + 0.5 * std::cos(stride);
    eye.roll_deg = 0.7 * std::sin(stride / 2);
    return eye;
  }

  [[nodiscard]] double miss_of(const Actor& actor, double size, double share) const {
    double miss = size < 32 ? o.miss_small : size < 96 ? o.miss_medium : o.miss_large;
    if (is_furniture(actor.label)) miss += o.miss_furniture;
    if (share < kHalfHidden) miss += o.miss_hidden;
    return std::min(miss, 0.95);
  }

  /// Enters and leaves runs so that it is `true` that part of the time, `run_s` long on average.
  static bool in_run(bool now, double part, double run_s, double dt_s, Random& random) {
    const double leave = std::min(dt_s / run_s, 1.0);
    const double enter = std::min(leave * part / std::max(1 - part, 1e-6), 1.0);
    return random.chance(now ? 1 - leave : enter);
  }

  void detect(double t_s, double dt_s, const Eye& eye, Look& into) {
    std::size_t first = 0;
    for (std::size_t i = 0; i < world.actors.size(); ++i) {
      std::size_t end = first;
      while (end < solids.size() && solids[end].actor == static_cast<int>(i)) ++end;
      const std::vector<Solid> pieces(solids.begin() + static_cast<std::ptrdiff_t>(first),
                                      solids.begin() + static_cast<std::ptrdiff_t>(end));
      first = end;
      Watched& one = watched[i];
      if (one.label < 0) continue;
      detect_one(world.actors[i], one, in_view[i], pieces, t_s, dt_s, eye, into.detections);
      into.actors.resize(into.detections.items.size(), static_cast<int>(i));
    }
  }

  void detect_one(const Actor& actor, Watched& one, const ActorView& seen,
                  const std::vector<Solid>& pieces, double t_s, double dt_s, const Eye& eye,
                  Detections& into) {
    // Always drawn, so that the actor's noise is the same whatever is in view.
    const double range = one.range.step(dt_s, kDrift_s, one.random);
    const double score_drift = one.score.step(dt_s, kDrift_s, one.random);
    std::array<double, 6> noise{};
    for (double& each : noise) each = one.random.quick_normal();
    const auto box = projected(pieces, eye, camera);
    const double size = box ? size_px(*box, camera) : 0;
    // Between two maps what comes into view counts as not hidden.
    const double share = seen.alone > 0 ? seen.share() : 1;
    one.missed = in_run(one.missed, miss_of(actor, size, share), o.miss_run_s, dt_s, one.random);
    one.confused = in_run(one.confused, o.wrong_label, kConfused_s, dt_s, one.random);
    if (!box || size < o.least_px || share < kLeastShare || one.never || one.missed) return;
    // A sliver at the frame's edge is nothing that a network finds.
    const bool cut = box->x1 <= 0 || box->x2 >= static_cast<float>(camera.width - 1);
    if (cut && seen.visible < 2) return;
    Box found = *box;
    if (share < kHalfHidden && seen.right >= seen.left) {
      // What is half hidden has a box around its visible part, as far as cells can tell.
      const auto cell = static_cast<float>(camera.width) / static_cast<float>(o.map_cells);
      const auto cut_at = [cell](float& low, float& high, int first, int last) {
        const float from = static_cast<float>(first) * cell;
        const float to = static_cast<float>(last + 1) * cell;
        if (from - low > cell) low = from;
        if (high - to > cell) high = to;
      };
      cut_at(found.x1, found.x2, seen.left, seen.right);
      cut_at(found.y1, found.y2, seen.top, seen.bottom);
      if (found.x2 - found.x1 < 4 || found.y2 - found.y1 < 4) found = *box;
    }
    const auto jitter = [&](double normal, float side) {
      return static_cast<float>(o.box_jitter * normal) * side;
    };
    found = clipped(
        {found.x1 + jitter(noise[0], found.width()), found.y1 + jitter(noise[1], found.height()),
         found.x2 + jitter(noise[2], found.width()), found.y2 + jitter(noise[3], found.height())},
        camera.width, camera.height);
    const double mean = size < 32 ? o.score_small : size < 96 ? o.score_medium : o.score_large;
    const double score = mean + o.score_sigma * (0.8 * score_drift + 0.6 * noise[4]);
    const double error = o.object_share * (bias + o.depth_drift * drift.value()) +
                         o.object_drift * range + o.object_noise * noise[5];
    Detection detection{found, static_cast<float>(std::clamp(score, 0.1, 0.98)),
                        one.confused && one.other >= 0 ? one.other : one.label};
    if (o.maps_per_s > 0) {
      // Of a small box the nearest face is seen, of a large one what most of it shows.
      const double nearest_m = depth_of(pieces, eye);
      const double shown_m = depth_of(place(actor, t_s), eye) + one.deeper_m.value_or(0);
      const double large = one.deeper_m ? std::clamp((size - 32) / (96 - 32), 0.0, 1.0) : 0;
      const double depth_m = std::max(std::lerp(nearest_m, shown_m, large), 0.2);
      detection.depth = BoxDepth{static_cast<float>(depth_m * std::exp(error)),
                                 static_cast<float>(o.depth_states)};
    }
    into.items.push_back(detection);
  }

  void add_ghosts(double dt_s, Detections& into) {
    Random& random = ghosts_random;
    std::erase_if(ghosts, [&](const Ghost&) { return random.chance(dt_s / o.false_run_s); });
    if (random.chance(std::min(o.false_boxes * dt_s / o.false_run_s, 1.0))) {
      const double height = std::exp(random.uniform(std::log(25.0), std::log(220.0)));
      const double width = height * random.uniform(0.4, 1.6);
      const double x = random.uniform(0, kWidth), y = random.uniform(0, kHeight);
      const Box box{static_cast<float>(x - width / 2), static_cast<float>(y - height / 2),
                    static_cast<float>(x + width / 2), static_cast<float>(y + height / 2)};
      ghosts.push_back({clipped(box, kWidth, kHeight),
                        static_cast<float>(random.uniform(0.35, 0.6)),
                        random.below(static_cast<int>(kGhostLabels.size()))});
    }
    for (const Ghost& ghost : ghosts) into.items.push_back({ghost.box, ghost.score, ghost.label});
  }

  std::shared_ptr<const MetricDepth> map_of(const View& view, const FrameStamp& stamp, double dt_s,
                                            bool dark) {
    auto map = std::make_shared<MetricDepth>();
    map->stamp = stamp;
    DepthGrid& grid = map->depth_m;
    grid.width = view.width;
    grid.height = view.height;
    grid.scale = static_cast<double>(view.width) / camera.width;
    grid.offset_x = grid.offset_y = grid.scale / 2 - 0.5;
    std::array<double, kWarpAcross * kWarpDown> bend{};
    for (std::size_t i = 0; i < bend.size(); ++i) {
      bend[i] = o.depth_warp * warp[i].step(dt_s, kDrift_s, map_random);
    }
    const double common = bias + o.depth_drift * drift.value();
    grid.values.resize(view.depth_m.size());
    std::size_t at = 0;
    for (int row = 0; row < view.height; ++row) {
      const double down = static_cast<double>(row) / (view.height - 1);
      for (int column = 0; column < view.width; ++column, ++at) {
        const double across = static_cast<double>(column) / (view.width - 1) * (kWarpAcross - 1);
        const auto left = std::min(static_cast<std::size_t>(across), kWarpAcross - 2);
        const double part = across - static_cast<double>(left);
        const double bent =
            (1 - down) * std::lerp(bend[left], bend[left + 1], part) +
            down * std::lerp(bend[kWarpAcross + left], bend[kWarpAcross + left + 1], part);
        const float true_m = dark ? kDark_m : view.depth_m[at];
        if (map_random.chance(o.depth_holes)) continue;
        const double far_m = true_m > 0 ? static_cast<double>(true_m) : 100;
        const double error = common + bent + o.depth_noise * map_random.quick_normal();
        grid.values[at] = static_cast<float>(far_m) * std::exp(static_cast<float>(error));
      }
    }
    map->sigma_relative.assign(grid.values.size(), static_cast<float>(o.depth_states));
    return map;
  }

  /// As pictures show it: what does not change does not turn, and a step to the side looks like a
  /// turn, the more the nearer everything is (see/picture_watch.h).
  std::optional<CameraTurn> turn_to(const Look& look, double dt_s, const Trouble* trouble) {
    const double error = o.turn_error_deg_s * dt_s * turn_error.step(dt_s, kTurnError_s, turns);
    if (!look.comes || o.turn_known <= 0) return std::nullopt;
    const std::optional<Eye> last = std::exchange(before, look.eye);
    if (!last || trouble != nullptr) return turned;
    constexpr double kDeg = 180 / std::numbers::pi;
    const double heading = last->heading_deg / kDeg;
    const double aside_m = (look.eye.at.x - last->at.x) * std::cos(heading) -
                           (look.eye.at.y - last->at.y) * std::sin(heading);
    const double up_m = look.eye.height_m - last->height_m;
    turned.right_deg +=
        look.eye.heading_deg - last->heading_deg + aside_m * nearness * kDeg + error;
    turned.up_deg += last->pitch_deg - look.eye.pitch_deg + up_m * nearness * kDeg;
    return turned;
  }

  /// Whether the walker's speed was below or above kStill_mps all the time since then.
  [[nodiscard]] bool all_since(double t_s, double since_s, bool still) const {
    constexpr double kStep_s = 0.1;
    const auto steps = static_cast<int>((t_s - since_s) / kStep_s + 1e-9);
    for (int i = 0; i <= steps; ++i) {
      const Pose pose = walk.at(t_s - i * kStep_s);
      if ((std::hypot(pose.vx, pose.vy) < kStill_mps) != still) return false;
    }
    return true;
  }

  HeadMotion motion_of(const Eye& eye, double t_s, double dt_s) {
    HeadMotion motion;
    motion.pitch_deg = static_cast<float>(
        eye.pitch_deg + o.gravity_error_deg * pitch_error.step(dt_s, kGravityError_s, imu));
    motion.roll_deg = static_cast<float>(
        eye.roll_deg + o.gravity_error_deg * roll_error.step(dt_s, kGravityError_s, imu));
    motion.deviation_deg = static_cast<float>(o.gravity_error_deg);
    if (all_since(t_s - kSetsOff_s, t_s - kStands_s, true)) {
      motion.gait = Gait::standing;
    } else if (all_since(t_s, t_s - kWalks_s, false)) {
      motion.gait = Gait::walking;
      motion.steps_per_min = static_cast<float>(60 * kStep_hz);
    }
    return motion;
  }

  Look look(int frame) {
    const double t_s = frame / o.fps;
    const double dt_s = frame == 0 ? 1 / o.fps : t_s - last_s;
    last_s = t_s;
    Look look;
    look.stamp.sequence = static_cast<std::uint64_t>(frame);
    look.stamp.stream_ns = look.stamp.capture_ns = std::llround(t_s * 1e9);
    look.eye = eye_at(t_s, dt_s);
    const Trouble* trouble = trouble_at(t_s);
    const auto is = [&](Trouble::Kind kind) { return trouble != nullptr && trouble->kind == kind; };
    solids.clear();
    for (std::size_t i = 0; i < world.actors.size(); ++i) add_solids(world, i, t_s, solids);
    (void)drift.step(dt_s, kDrift_s, map_random);
    if (t_s + 1e-9 >= next_map_s) {
      next_map_s += 1 / (o.maps_per_s > 0 ? o.maps_per_s : kTruths_per_s);
      look.truth = &caster.cast(solids, world.actors.size(), look.eye);
      in_view = look.truth->actors;
      nearness = nearness_of(look.truth->depth_m);
      for (std::size_t i = 0; i < in_view.size(); ++i) {
        watched[i].deeper_m.reset();
        if (in_view[i].depth_m <= 0) continue;
        watched[i].deeper_m = in_view[i].depth_m - depth_of(place(world.actors[i], t_s), look.eye);
      }
      look.due = true;
    }
    if (look.truth != nullptr && o.maps_per_s > 0) {
      look.depth = map_of(*look.truth, look.stamp, t_s - last_map_s, is(Trouble::Kind::dark));
      last_map_s = t_s;
    }
    look.detections.stamp = look.stamp;
    look.detections.labels = labels;
    look.detections.items.reserve(world.actors.size() + 2);
    detect(t_s, dt_s, look.eye, look);
    add_ghosts(dt_s, look.detections);
    look.actors.resize(look.detections.items.size(), -1);
    look.comes = !loss.chance(o.frame_loss) && !is(Trouble::Kind::blind);
    if (!look.comes || is(Trouble::Kind::dark)) {
      look.detections.items.clear();
      look.actors.clear();
    }
    if (!look.comes) look.depth.reset();
    look.turned = turn_to(look, dt_s, trouble);
    if (o.imu > 0) look.head = motion_of(look.eye, t_s, dt_s);
    if (is(Trouble::Kind::dark)) look.state = PictureState::dark;
    if (is(Trouble::Kind::frozen) && frozen) look.state = PictureState::repeated;
    if (trouble != nullptr) look.truth = nullptr;
    if (is(Trouble::Kind::frozen) && frozen) {
      look.detections.items = frozen->detections.items;
      look.actors = frozen->actors;
      if (look.depth && frozen->depth) {
        auto same = std::make_shared<MetricDepth>(*frozen->depth);
        same->stamp = look.stamp;
        look.depth = std::move(same);
      }
    } else {
      if (!frozen) frozen.emplace();
      frozen->detections.items = look.detections.items;
      frozen->actors = look.actors;
      if (look.depth) frozen->depth = look.depth;
    }
    return look;
  }
};

Sensor::Sensor(const World& world, const Walk& walk, const SensorOptions& options)
    : impl_(std::make_unique<Impl>(world, walk, options)) {}
Sensor::~Sensor() = default;
Look Sensor::look(int frame) { return impl_->look(frame); }
const Intrinsics& Sensor::camera() const { return impl_->camera; }

}  // namespace lazarillo::simulate
