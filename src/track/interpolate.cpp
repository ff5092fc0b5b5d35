#include "track/interpolate.h"

#include <algorithm>
#include <cmath>

namespace lazarillo {
namespace {

const Track* find(const Tracks& tracks, int id) {
  const auto found = std::find_if(tracks.items.begin(), tracks.items.end(),
                                  [id](const Track& track) { return track.id == id; });
  return found == tracks.items.end() ? nullptr : &*found;
}

}  // namespace

Tracks interpolate(const Tracks& before, const Tracks& after, Tracks predicted) {
  const auto span = static_cast<double>(after.stamp.stream_ns - before.stamp.stream_ns);
  const double part =
      static_cast<double>(predicted.stamp.stream_ns - before.stamp.stream_ns) / span;
  if (!(span > 0) || part < 0 || part > 1) return predicted;
  const auto between = [part](auto a, auto b) {
    return static_cast<decltype(a)>(
        std::lerp(static_cast<double>(a), static_cast<double>(b), part));
  };
  for (Track& track : predicted.items) {
    const Track* a = find(before, track.id);
    const Track* b = find(after, track.id);
    if (a == nullptr || b == nullptr) continue;
    track.box = {between(a->box.x1, b->box.x1), between(a->box.y1, b->box.y1),
                 between(a->box.x2, b->box.x2), between(a->box.y2, b->box.y2)};
    track.bearing_deg = between(a->bearing_deg, b->bearing_deg);
    if (!a->distance_m || !b->distance_m) continue;
    track.distance_m = between(*a->distance_m, *b->distance_m);
    track.distance_sigma_m = between(a->distance_sigma_m, b->distance_sigma_m);
  }
  return predicted;
}

}  // namespace lazarillo
