#include "run/detector_gate.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <vector>

#include "see/motion.h"
#include "see/rectify.h"
#include "source/rig.h"
#include "track/common_view.h"

namespace lazarillo {

struct DetectorGate::Impl {
  GateOptions options;
  ForesightBoard& board;
  bool exact;

  struct Camera {
    MotionMeter meter;
    bool any = false;
    std::int64_t looked_ns = 0;  ///< stream time of the last frame the detector ran on
  };
  std::map<int, Camera> cameras;
  std::uint64_t looked_sequence = 0;

  /// The foresight that counts for a frame; one that holds nothing while the tracker does not know
  /// of the last detection yet.
  Foresight foresight(std::uint64_t sequence) {
    if (exact) return sequence > 0 ? board.await(sequence - 1) : Foresight{};
    Foresight newest = board.newest();
    return newest.sequence >= looked_sequence ? newest : Foresight{};
  }

  /// A picture and how it differs from its camera's reference.
  struct Compared {
    const Frame* picture;
    Camera* camera;
    Motion motion;
  };

  [[nodiscard]] bool wants_anyway(const Compared& c) const {
    if (!c.camera->any || c.motion.scene_change) return true;
    const std::int64_t rested_ns = c.picture->stamp.stream_ns - c.camera->looked_ns;
    return static_cast<double>(rested_ns) / 1e9 >= options.longest_s;
  }

  /// `frame`: that which carries the moment.
  bool wants(const Frame& frame, const std::vector<Compared>& pictures) {
    const auto anyway = [this](const Compared& c) { return wants_anyway(c); };
    if (std::any_of(pictures.begin(), pictures.end(), anyway)) return true;
    const Foresight ahead = foresight(frame.stamp.sequence);
    if (frame.stamp.stream_ns >= ahead.holds_until_ns) return true;
    return std::any_of(pictures.begin(), pictures.end(), [&](const Compared& c) {
      return unexplained(c.motion, foreseen_in(*c.picture, frame.set.get(), ahead)) >
             options.changed;
    });
  }

  /// Where the tracks are in a picture, in its own pixels: motion is measured there. `set`: of its
  /// moment; null: there is one camera.
  static std::vector<Box> foreseen_in(const Frame& picture, const FrameSet* set,
                                      const Foresight& ahead) {
    std::vector<Box> boxes;
    for (const Foresight::Object& object : ahead.objects) {
      Box box = object.box;
      if (set != nullptr) {
        const auto camera = static_cast<std::size_t>(picture.stamp.camera);
        const auto distance_m =
            object.distance_m > 0 ? std::optional<double>(object.distance_m) : std::nullopt;
        box = box_in_picture(box, distance_m, View::cylinder(set->rig->px_per_rad),
                             set->rig->cameras.at(camera).place, picture.intrinsics);
        if (!(box.width() > 0 && box.height() > 0)) continue;  // it is elsewhere
      }
      boxes.push_back(in_own_pixels(picture, box));
    }
    return boxes;
  }

  /// Part of the picture that changed where no track is or was a moment ago.
  static double unexplained(const Motion& motion, const std::vector<Box>& boxes) {
    auto cells = motion.cells;
    const double cell_width = static_cast<double>(motion.frame_width) / Motion::columns;
    const double cell_height = static_cast<double>(motion.frame_height) / Motion::rows;
    for (const Box& box : boxes) {
      // Half a cell around it, for what a walker's arms and shadow move.
      const auto index = [](double at, double size, int count) {
        return std::clamp(static_cast<int>(std::floor(at / size)), 0, count - 1);
      };
      const int left = index(box.x1 - cell_width / 2, cell_width, Motion::columns);
      const int right = index(box.x2 + cell_width / 2, cell_width, Motion::columns);
      const int top = index(box.y1 - cell_height / 2, cell_height, Motion::rows);
      const int bottom = index(box.y2 + cell_height / 2, cell_height, Motion::rows);
      for (int row = top; row <= bottom; ++row) {
        for (int column = left; column <= right; ++column) {
          cells.reset(static_cast<std::size_t>(row) * Motion::columns +
                      static_cast<std::size_t>(column));
        }
      }
    }
    return static_cast<double>(cells.count()) / static_cast<double>(cells.size());
  }
};

DetectorGate::DetectorGate(GateOptions options, ForesightBoard& board, bool exact)
    : impl_(new Impl{options, board, exact, {}, 0}) {}
DetectorGate::~DetectorGate() = default;

bool DetectorGate::wants(const Frame& frame) {
  std::vector<Impl::Compared> pictures;
  const auto compare = [&](const Frame& picture) {
    Impl::Camera& camera = impl_->cameras[picture.stamp.camera];
    pictures.push_back({&picture, &camera, camera.meter.measure(picture)});
  };
  compare(frame);
  if (frame.set) {
    for (const Frame& other : frame.set->others) compare(other);
  }
  if (!impl_->wants(frame, pictures)) return false;
  for (const Impl::Compared& c : pictures) {
    c.camera->meter.set_reference();
    c.camera->any = true;
    c.camera->looked_ns = c.picture->stamp.stream_ns;
  }
  impl_->looked_sequence = frame.stamp.sequence;
  return true;
}

}  // namespace lazarillo
