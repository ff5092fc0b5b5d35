#include "fetch/golden_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "error.h"
#include "see/perception.h"

namespace lazarillo {
namespace {

constexpr int kWidth = 640;
constexpr int kHeight = 480;

struct Patch {
  int left, top, right, bottom;
  std::array<int, 3> bgr;
};

/// What stands on the road, the later before the earlier.
constexpr std::array<Patch, 5> kThings{{{60, 150, 190, 330, {90, 110, 140}},
                                        {250, 200, 300, 340, {40, 60, 170}},
                                        {265, 175, 286, 200, {130, 160, 210}},
                                        {400, 240, 590, 360, {160, 70, 40}},
                                        {330, 120, 340, 360, {60, 60, 60}}}};

std::array<int, 3> background(int x, int y) {
  constexpr int kHorizon = 210;
  if (y < kHorizon) return {230 - y / 4, 190 - y / 5, 150};
  const int shade = 70 + (y - kHorizon) / 4;
  const bool stripe = std::abs(x - kWidth / 2) * 12 < (y - kHorizon) && y / 20 % 2 == 0;
  return stripe ? std::array<int, 3>{220, 225, 225} : std::array<int, 3>{shade, shade, shade + 6};
}

[[noreturn]] void refuse(const ModelSet& set, const std::string& what) {
  throw Error(ExitCode::vision, "'" + set.name + "' was tried on a known picture: " + what);
}

void check_scores(const ModelSet& set, const Detections& seen) {
  // A little above 1 is rounding; logits are not.
  for (const Detection& d : seen.items) {
    if (d.score <= 1.001F) continue;
    refuse(set, fmt::format("it gives a score of {:.3g}, the contract says 0 to 1", d.score));
  }
}

void check_depth(const ModelSet& set, const Depth& depth) {
  const auto* metric = std::get_if<std::shared_ptr<const MetricDepth>>(&depth);
  if (metric == nullptr) return;
  const std::vector<float>& metres = (*metric)->depth_m.values;
  const float least = *std::min_element(metres.begin(), metres.end());
  if (least < 0) refuse(set, fmt::format("it gives {:.3g} m, a distance cannot be below 0", least));
}

bool same(const Detections& a, const Detections& b) {
  return std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(),
                    [](const Detection& x, const Detection& y) {
                      return x.score == y.score && x.class_id == y.class_id &&
                             x.box.x1 == y.box.x1 && x.box.y2 == y.box.y2;
                    });
}

}  // namespace

Frame known_picture() {
  Frame frame;
  frame.width = kWidth;
  frame.height = kHeight;
  frame.stride_bytes = std::ptrdiff_t{3} * kWidth;
  frame.intrinsics = {640, 640, kWidth / 2.0, kHeight / 2.0, kWidth, kHeight, true};
  const std::shared_ptr<std::uint8_t> pixels(new std::uint8_t[std::size_t{3} * kWidth * kHeight],
                                             std::default_delete<std::uint8_t[]>());
  std::uint8_t* at = pixels.get();
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      std::array<int, 3> bgr = background(x, y);
      for (const Patch& p : kThings) {
        if (x >= p.left && x < p.right && y >= p.top && y < p.bottom) bgr = p.bgr;
      }
      const int texture = (x * 7 + y * 13 + x * y % 17) % 23 - 11;
      for (const int level : bgr) {
        *at++ = static_cast<std::uint8_t>(std::clamp(level + texture, 0, 255));
      }
    }
  }
  frame.pixels = pixels;
  return frame;
}

void golden_check(const ModelSet& set) {
  PerceptionOptions options;
  options.score_threshold = 0;  // whatever the network says is looked at
  Perception perception(set, options);
  const Frame picture = known_picture();
  const Sighting seen = perception.see(picture);
  if (!seen.fault.empty()) refuse(set, seen.fault);
  check_scores(set, seen.detections);
  check_depth(set, seen.depth);
  const Sighting again = perception.see(picture);
  if (!again.fault.empty() || !same(seen.detections, again.detections)) {
    refuse(set, "it gives another answer the second time");
  }
  if (!perception.has_depth_network()) return;
  const DepthSighting depth = perception.measure_depth(picture);
  if (!depth.fault.empty()) refuse(set, depth.fault);
  check_depth(set, depth.depth);
}

}  // namespace lazarillo
