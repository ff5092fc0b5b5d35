#include "track/interpolate.h"

#include <gtest/gtest.h>

namespace lazarillo {
namespace {

Track track(int id, float x, std::optional<double> distance_m) {
  Track t;
  t.id = id;
  t.box = {x, 10, x + 20, 70};
  t.bearing_deg = x / 10;
  t.distance_m = distance_m;
  t.distance_sigma_m = 1;
  t.label = "person";
  return t;
}

Tracks at(std::int64_t stream_ns, std::vector<Track> items) {
  Tracks tracks;
  tracks.stamp.stream_ns = stream_ns;
  tracks.items = std::move(items);
  return tracks;
}

TEST(Interpolate, WhatIsAtBothEndsLiesInBetween) {
  const Tracks before = at(1000, {track(1, 100, 8.0), track(2, 0, std::nullopt)});
  const Tracks after = at(2000, {track(2, 40, 3.0), track(1, 200, 6.0)});
  // Predicted wrongly on purpose.
  const Tracks found =
      interpolate(before, after, at(1250, {track(1, 500, 1.0), track(2, 500, 1.0)}));
  EXPECT_EQ(found.stamp.stream_ns, 1250);
  ASSERT_EQ(found.items.size(), 2U);
  EXPECT_FLOAT_EQ(found.items[0].box.x1, 125);
  EXPECT_FLOAT_EQ(found.items[0].box.x2, 145);
  EXPECT_DOUBLE_EQ(found.items[0].bearing_deg, 12.5);
  EXPECT_DOUBLE_EQ(found.items[0].distance_m.value(), 7.5);
  EXPECT_EQ(found.items[0].label, "person");
  EXPECT_FLOAT_EQ(found.items[1].box.x1, 10);
  EXPECT_DOUBLE_EQ(found.items[1].distance_m.value(), 1.0) << "one end does not know it";
}

TEST(Interpolate, WhatIsAtOneEndOnlyStaysPredicted) {
  const Tracks found = interpolate(at(0, {track(1, 0, 5.0)}), at(100, {track(2, 0, 5.0)}),
                                   at(50, {track(1, 33, 4.0), track(2, 44, 4.0)}));
  EXPECT_FLOAT_EQ(found.items[0].box.x1, 33);
  EXPECT_FLOAT_EQ(found.items[1].box.x1, 44);
}

TEST(Interpolate, MomentsOutsideStayPredicted) {
  const Tracks a = at(100, {track(1, 0, 5.0)});
  const Tracks b = at(200, {track(1, 100, 5.0)});
  EXPECT_FLOAT_EQ(interpolate(a, b, at(250, {track(1, 7, 5.0)})).items[0].box.x1, 7);
  EXPECT_FLOAT_EQ(interpolate(a, b, at(50, {track(1, 7, 5.0)})).items[0].box.x1, 7);
  EXPECT_FLOAT_EQ(interpolate(a, a, at(100, {track(1, 7, 5.0)})).items[0].box.x1, 7);
}

}  // namespace
}  // namespace lazarillo
