#include "run/isolate/codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <span>
#include <vector>

#include "run/isolate/picture_codec.h"
#include "run/isolate/report_codec.h"

namespace lazarillo {
namespace {

/// Random values of every field, so that one forgotten or swapped shows.
class CodecTest : public testing::Test {
 protected:
  double real() { return std::uniform_real_distribution<double>(-1e3, 1e3)(random); }
  float small() { return static_cast<float>(real()); }
  int whole() { return std::uniform_int_distribution<int>(0, 1'000'000)(random); }

  FrameStamp stamp() {
    return {whole() % 8, static_cast<std::uint64_t>(whole()) << 20, std::int64_t{whole()} << 30,
            std::int64_t{whole()} << 25};
  }
  Box box() { return {small(), small(), small(), small()}; }
  DepthGrid grid(int width, int height) {
    DepthGrid g{width, height, real(), real(), real(), {}};
    for (int i = 0; i < width * height; ++i) g.values.push_back(small());
    return g;
  }
  Depth metric() {
    auto depth = std::make_shared<MetricDepth>();
    depth->stamp = stamp();
    depth->depth_m = grid(13, 7);
    for (int i = 0; i < 13 * 7; ++i) depth->sigma_relative.push_back(small());
    return std::shared_ptr<const MetricDepth>(depth);
  }
  Frame frame() {
    Frame f;
    f.stamp = stamp();
    f.width = 640;
    f.height = 480;
    f.stride_bytes = 1920;
    f.intrinsics = {real(), real(), real(), real(), 640, 480, whole() % 2 == 0};
    if (whole() % 2 == 0) f.turned = CameraTurn{small(), small()};
    if (whole() % 2 == 0) {
      f.head = HeadMotion{small(), small(), small(), static_cast<Gait>(whole() % 3), small()};
    }
    f.state = static_cast<PictureState>(whole() % 4);
    return f;
  }
  Sighting sighting() {
    Sighting s;
    s.detections.stamp = stamp();
    s.detections.labels = labels;
    for (int i = 0; i < 5; ++i) s.detections.items.push_back({box(), small(), whole() % 3});
    s.fault = "the output 'ñ' is not finite";
    return s;
  }
  Track track() {
    Track t;
    t.id = whole();
    t.label = "person";
    t.kind = ObjectKind::cycle;
    t.box = box();
    t.score = small();
    t.certainty = small();
    t.observed = false;
    t.first_seen_ns = whole();
    t.last_seen_ns = whole();
    t.hits = whole();
    t.bearing_deg = real();
    t.bearing_rate_deg_s = real();
    t.bearing_rate_sigma_deg_s = real();
    t.angular_width_deg = real();
    t.angular_height_deg = real();
    t.distance_m = real();
    t.distance_sigma_m = real();
    t.closing_speed_mps = real();
    t.closing_speed_sigma_mps = real();
    return t;
  }
  Cue cue() {
    Cue c;
    c.kind = CueKind::approaching;
    c.priority = Priority::warning;
    c.stamp = stamp();
    c.track = whole();
    c.label = "car";
    c.maybe = true;
    c.bearing_deg = real();
    c.side = Side::right;
    c.clock_hour = 2;
    c.distance_sigma_m = real();
    c.ttc_s = real();
    c.others = {whole(), whole()};
    return c;
  }

  std::mt19937 random{5};
  KnownCameras cameras{SourceOptions{}};
  Labels labels = std::make_shared<const std::vector<std::string>>(
      std::vector<std::string>{"tree", "person", "car"});
  std::vector<std::byte> slot = std::vector<std::byte>(1 << 16);
};

void expect_same(const FrameStamp& a, const FrameStamp& b) {
  EXPECT_EQ(a.camera, b.camera);
  EXPECT_EQ(a.sequence, b.sequence);
  EXPECT_EQ(a.capture_ns, b.capture_ns);
  EXPECT_EQ(a.stream_ns, b.stream_ns);
}

void expect_same(const Box& a, const Box& b) {
  EXPECT_EQ(std::tuple(a.x1, a.y1, a.x2, a.y2), std::tuple(b.x1, b.y1, b.x2, b.y2));
}

void expect_same(const DepthGrid& a, const DepthGrid& b) {
  EXPECT_EQ(std::tuple(a.width, a.height, a.scale, a.offset_x, a.offset_y, a.values),
            std::tuple(b.width, b.height, b.scale, b.offset_x, b.offset_y, b.values));
}

void expect_same(const Depth& a, const Depth& b) {
  ASSERT_EQ(a.index(), b.index());
  if (a.index() == 1) {
    const MetricDepth& x = *std::get<1>(a);
    const MetricDepth& y = *std::get<1>(b);
    expect_same(x.stamp, y.stamp);
    expect_same(x.depth_m, y.depth_m);
    EXPECT_EQ(x.sigma_relative, y.sigma_relative);
  }
  if (a.index() == 2) {
    expect_same(std::get<2>(a)->stamp, std::get<2>(b)->stamp);
    expect_same(std::get<2>(a)->inverse, std::get<2>(b)->inverse);
  }
}

void expect_same(const Sighting& a, const Sighting& b) {
  expect_same(a.detections.stamp, b.detections.stamp);
  EXPECT_EQ(a.detections.labels, b.detections.labels);
  ASSERT_EQ(a.detections.items.size(), b.detections.items.size());
  for (std::size_t i = 0; i < a.detections.items.size(); ++i) {
    expect_same(a.detections.items[i].box, b.detections.items[i].box);
    EXPECT_EQ(a.detections.items[i].score, b.detections.items[i].score);
    EXPECT_EQ(a.detections.items[i].class_id, b.detections.items[i].class_id);
  }
  expect_same(a.depth, b.depth);
  EXPECT_EQ(a.fault, b.fault);
}

void expect_same_but_pixels(const Frame& a, const Frame& b) {
  expect_same(a.stamp, b.stamp);
  EXPECT_EQ(std::tuple(a.width, a.height, a.stride_bytes, a.format),
            std::tuple(b.width, b.height, b.stride_bytes, b.format));
  const Intrinsics& x = a.intrinsics;
  const Intrinsics& y = b.intrinsics;
  EXPECT_EQ(std::tuple(x.fx, x.fy, x.cx, x.cy, x.width, x.height, x.assumed),
            std::tuple(y.fx, y.fy, y.cx, y.cy, y.width, y.height, y.assumed));
  EXPECT_EQ(a.state, b.state);
  ASSERT_EQ(a.head.has_value(), b.head.has_value());
  if (a.head) {
    EXPECT_EQ(std::tuple(a.head->pitch_deg, a.head->roll_deg, a.head->deviation_deg, a.head->gait,
                         a.head->steps_per_min),
              std::tuple(b.head->pitch_deg, b.head->roll_deg, b.head->deviation_deg, b.head->gait,
                         b.head->steps_per_min));
  }
  ASSERT_EQ(a.turned.has_value(), b.turned.has_value());
  if (!a.turned) return;
  EXPECT_FLOAT_EQ(static_cast<float>(a.turned->right_deg), static_cast<float>(b.turned->right_deg));
  EXPECT_FLOAT_EQ(static_cast<float>(a.turned->up_deg), static_cast<float>(b.turned->up_deg));
}

TEST_F(CodecTest, SeenComesBackAsItWent) {
  for (const bool with_depth : {true, false}) {
    Seen seen{frame(), Seen::Outcome::skipped, sighting()};
    if (with_depth) seen.sighting.depth = metric();
    const auto size = encode(seen, slot);
    ASSERT_TRUE(size);
    const Seen back =
        decode_seen(record_of(seen.frame), std::span(slot).first(*size), labels, cameras);
    expect_same_but_pixels(back.frame, seen.frame);
    EXPECT_EQ(back.outcome, seen.outcome);
    expect_same(back.sighting, seen.sighting);
  }
}

TEST_F(CodecTest, AFrameOfALensGetsTheLensThatAllInherit) {
  SourceOptions options;
  options.lens = std::make_shared<const Lens>(Intrinsics{600, 600, 639.5, 479.5, 1280, 960, false},
                                              KannalaBrandt{{0.1}}, LensMounting{1});
  CameraViews source(options);
  KnownCameras reader(options);
  Frame sent = frame();
  sent.intrinsics = source.of(640, 480).intrinsics;
  sent.lens = source.of(640, 480).lens;
  const Frame back = frame_of(record_of(sent), {}, reader);
  expect_same_but_pixels(back, sent);
  EXPECT_EQ(back.intrinsics.width, 480) << "its camera lies on its side";
  ASSERT_TRUE(back.lens);
  EXPECT_EQ(back.lens->camera(), sent.lens->camera());
  EXPECT_EQ(back.lens->mounting().quarter_turns, 1);
  EXPECT_EQ(frame_of(record_of(sent), {}, reader).lens, back.lens) << "one map for all frames";
}

/// Three cameras as one view, with lenses; the middle one has none.
KnownCameras three_cameras(const std::shared_ptr<const Rig>& rig) {
  const auto lens = [](int width, int height, int turns) {
    return std::make_shared<const Lens>(
        Intrinsics{300, 300, 0.5 * width, 0.5 * height, width, height, false}, KannalaBrandt{{0.1}},
        LensMounting{turns});
  };
  const std::array<std::shared_ptr<const Lens>, 3> lenses{lens(64, 64, 1), nullptr,
                                                          lens(40, 30, 3)};
  return {SourceOptions{}, rig, lenses};
}

std::shared_ptr<const Rig> rig_of_three() {
  CameraPlace aside;
  aside.position_m = {0.1, 0.02, -0.03};
  return std::make_shared<const Rig>(Rig{{{"rgb", {}}, {"left", aside}, {"right", aside}}, 500});
}

/// A picture as one of those cameras gives it; every level another.
Frame picture_by(KnownCameras& source, int camera, PixelFormat format, std::uint64_t sequence) {
  const std::array<std::pair<int, int>, 3> sizes{{{64, 64}, {50, 20}, {40, 30}}};
  Frame f;
  std::tie(f.width, f.height) = sizes.at(static_cast<std::size_t>(camera));
  f.stamp = {camera, sequence, 1'000 + camera, 500 + camera};
  f.format = format;
  f.stride_bytes = (format == PixelFormat::bgr8 ? 3 : 1) * f.width + 5;
  f.lens = source.of(camera, f.width, f.height).lens;
  f.intrinsics = source.of(camera, f.width, f.height).intrinsics;
  f.turned = CameraTurn{0.5 * camera, -1};
  const auto bytes = std::make_shared<std::vector<std::uint8_t>>();
  for (int i = 0; i < f.height * static_cast<int>(f.stride_bytes); ++i) {
    bytes->push_back(static_cast<std::uint8_t>(i * 7 + camera * 31));
  }
  f.pixels = {bytes, bytes->data()};
  return f;
}

Frame moment_by(KnownCameras& source, std::vector<Frame> others) {
  Frame frame = picture_by(source, 0, PixelFormat::bgr8, 9);
  frame.set = std::make_shared<const FrameSet>(FrameSet{source.rig(), std::move(others)});
  return frame;
}

TEST_F(CodecTest, AMomentOfSeveralCamerasComesBackAsItWent) {
  KnownCameras source = three_cameras(rig_of_three()), reader = three_cameras(rig_of_three());
  Seen seen{moment_by(source, {picture_by(source, 1, PixelFormat::gray8, 4),
                               picture_by(source, 2, PixelFormat::bgr8, 5)}),
            Seen::Outcome::seen, sighting()};
  seen.sighting.depth = metric();
  seen.beside = {sighting(), sighting()};
  seen.beside[1].depth = metric();
  seen.beside[0].fault = "dark";
  const auto size = encode(seen, slot);
  ASSERT_TRUE(size);
  const Seen back =
      decode_seen(record_of(seen.frame), std::span(slot).first(*size), labels, reader);
  expect_same_but_pixels(back.frame, seen.frame);
  expect_same(back.sighting, seen.sighting);
  ASSERT_TRUE(back.frame.set);
  EXPECT_EQ(back.frame.set->rig, reader.rig());
  ASSERT_EQ(back.frame.set->others.size(), 2U);
  ASSERT_EQ(back.beside.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    expect_same_but_pixels(back.frame.set->others[i], seen.frame.set->others[i]);
    EXPECT_EQ(back.frame.set->others[i].lens != nullptr, i == 1) << "each has its own lens";
    expect_same(back.beside[i], seen.beside[i]);
  }
  EXPECT_EQ(back.frame.set->others[1].lens->mounting().quarter_turns, 3);

  Scene scene;
  scene.frame = seen.frame;
  const auto scene_size = encode(scene, true, slot);
  ASSERT_TRUE(scene_size);
  const Scene shown =
      decode_scene(record_of(scene.frame), std::span(slot).first(*scene_size), labels, reader);
  ASSERT_EQ(shown.frame.set->others.size(), 2U);
  expect_same_but_pixels(shown.frame.set->others[1], seen.frame.set->others[1]);
}

void expect_same_pixels(const Frame& a, const Frame& b) {
  ASSERT_EQ(std::tuple(a.width, a.height, a.format), std::tuple(b.width, b.height, b.format));
  const int row = (a.format == PixelFormat::bgr8 ? 3 : 1) * a.width;
  for (int y = 0; y < a.height; ++y) {
    const std::span left(a.pixels.get() + y * a.stride_bytes, row);
    const std::span right(b.pixels.get() + y * b.stride_bytes, row);
    ASSERT_TRUE(std::equal(left.begin(), left.end(), right.begin())) << "row " << y;
  }
}

TEST_F(CodecTest, ThePicturesOfAMomentAreOneValue) {
  KnownCameras source = three_cameras(rig_of_three()), reader = three_cameras(rig_of_three());
  const std::vector<std::vector<Frame>> all_others{
      {},
      {picture_by(source, 2, PixelFormat::gray8, 5)},
      {picture_by(source, 1, PixelFormat::gray8, 4), picture_by(source, 2, PixelFormat::bgr8, 5)}};
  const auto held = std::make_shared<int>(0);
  // No larger than what is asked for when the ring is made.
  const std::size_t room = picture_bytes(64, 64) + picture_bytes(50, 20) + picture_bytes(40, 30);
  for (const auto& others : all_others) {
    const Frame sent = moment_by(source, others);
    SlotRecord record = record_of(sent);
    ASSERT_TRUE(encode_pictures(sent, record, std::span(slot).first(room)));
    const auto bytes = std::span<const std::byte>(slot).first(record.payload_bytes);
    const Frame back = decode_pictures(record, bytes, held, reader);
    expect_same_pixels(back, sent);
    ASSERT_EQ(back.set->others.size(), others.size());
    for (std::size_t i = 0; i < others.size(); ++i) {
      expect_same(back.set->others[i].stamp, others[i].stamp);
      EXPECT_EQ(back.set->others[i].intrinsics, others[i].intrinsics);
      expect_same_pixels(back.set->others[i], others[i]);
    }
    const Frame bare = decode_pictures(record, bytes, nullptr, reader);
    EXPECT_FALSE(bare.pixels);
    EXPECT_EQ(bare.set->others.size(), others.size());
  }
}

TEST_F(CodecTest, AMomentWithoutRoomIsRefused) {
  KnownCameras source = three_cameras(rig_of_three());
  const Frame sent = moment_by(source, {picture_by(source, 2, PixelFormat::bgr8, 5)});
  SlotRecord record = record_of(sent);
  const std::size_t most = picture_bytes(64, 64) + picture_bytes(40, 30);
  EXPECT_TRUE(encode_pictures(sent, record, std::span(slot).first(most)));
  for (const std::size_t less : {std::size_t{100}, picture_bytes(64, 64) - 128, most - 500}) {
    EXPECT_FALSE(encode_pictures(sent, record, std::span(slot).first(less))) << less;
  }
}

TEST_F(CodecTest, DepthComesBackAsItWent) {
  DepthSighting depth;
  depth.stamp = stamp();
  depth.fault = "none";
  depth.depth = std::make_shared<const RelativeDepth>(RelativeDepth{stamp(), grid(9, 4)});
  const auto size = encode(depth, slot);
  ASSERT_TRUE(size);
  const DepthSighting back = decode_depth(std::span(slot).first(*size));
  expect_same(back.stamp, depth.stamp);
  EXPECT_EQ(back.fault, depth.fault);
  expect_same(back.depth, depth.depth);
}

TEST_F(CodecTest, ASceneComesBackAsItWent) {
  Scene scene;
  scene.frame = frame();
  scene.look = Look::never;
  scene.sighting = sighting();
  scene.sighting.depth = metric();
  scene.tracks = {scene.frame.stamp, {track(), track()}};
  scene.cues = {cue()};
  scene.cues[0].parts = {cue(), cue()};
  scene.caption = "Persona a la izquierda";
  scene.caption_track = 3;
  scene.fps = real();
  scene.latency_ms = real();
  const auto size = encode(scene, true, slot);
  ASSERT_TRUE(size);
  const Scene back =
      decode_scene(record_of(scene.frame), std::span(slot).first(*size), labels, cameras);
  expect_same_but_pixels(back.frame, scene.frame);
  EXPECT_EQ(back.look, scene.look);
  expect_same(back.sighting, scene.sighting);
  expect_same(back.tracks.stamp, scene.tracks.stamp);
  ASSERT_EQ(back.tracks.items.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    const Track& a = back.tracks.items[i];
    const Track& b = scene.tracks.items[i];
    expect_same(a.box, b.box);
    EXPECT_EQ(
        std::tuple(a.id, a.label, a.kind, a.score, a.observed, a.first_seen_ns, a.last_seen_ns,
                   a.hits, a.bearing_deg, a.bearing_rate_deg_s, a.bearing_rate_sigma_deg_s),
        std::tuple(b.id, b.label, b.kind, b.score, b.observed, b.first_seen_ns, b.last_seen_ns,
                   b.hits, b.bearing_deg, b.bearing_rate_deg_s, b.bearing_rate_sigma_deg_s));
    EXPECT_EQ(
        std::tuple(a.certainty, a.angular_width_deg, a.angular_height_deg, a.distance_m,
                   a.distance_sigma_m, a.closing_speed_mps, a.closing_speed_sigma_mps, a.ttc_s),
        std::tuple(b.certainty, b.angular_width_deg, b.angular_height_deg, b.distance_m,
                   b.distance_sigma_m, b.closing_speed_mps, b.closing_speed_sigma_mps, b.ttc_s));
  }
  ASSERT_EQ(back.cues.size(), 1U);
  const Cue& a = back.cues[0];
  const Cue& b = scene.cues[0];
  expect_same(a.stamp, b.stamp);
  EXPECT_EQ(std::tuple(a.kind, a.priority, a.track, a.label, a.maybe, a.bearing_deg, a.side,
                       a.clock_hour, a.distance_m, a.distance_sigma_m, a.ttc_s),
            std::tuple(b.kind, b.priority, b.track, b.label, b.maybe, b.bearing_deg, b.side,
                       b.clock_hour, b.distance_m, b.distance_sigma_m, b.ttc_s));
  EXPECT_EQ(a.others, b.others);
  ASSERT_EQ(a.parts.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(a.parts[i].track, b.parts[i].track);
    EXPECT_EQ(a.parts[i].others, b.parts[i].others);
    EXPECT_EQ(a.parts[i].distance_sigma_m, b.parts[i].distance_sigma_m);
  }
  EXPECT_EQ(std::tuple(back.caption, back.caption_track, back.fps, back.latency_ms),
            std::tuple(scene.caption, scene.caption_track, scene.fps, scene.latency_ms));
}

TEST_F(CodecTest, ForesightComesBackAsItWent) {
  const Foresight foresight{77, 12345, {{box(), small()}, {box(), 0}, {box(), small()}}};
  SlotRecord record;
  const std::size_t size = encode(foresight, record, slot);
  const Foresight back = decode_foresight(record, std::span(slot).first(size));
  EXPECT_EQ(back.sequence, foresight.sequence);
  EXPECT_EQ(back.holds_until_ns, foresight.holds_until_ns);
  ASSERT_EQ(back.objects.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    expect_same(back.objects[i].box, foresight.objects[i].box);
    EXPECT_EQ(back.objects[i].distance_m, foresight.objects[i].distance_m);
  }
}

TEST_F(CodecTest, WhatDoesNotFitIsRefused) {
  Seen seen{frame(), Seen::Outcome::seen, sighting()};
  seen.sighting.depth = metric();
  EXPECT_FALSE(encode(seen, std::span(slot).first(300)));
}

TEST(ReportCodec, NumbersOfTheProcessesAddUp) {
  const auto stored = [](std::uint64_t frames, double ms) {
    Report report;
    report.frames = frames;
    report.copies = frames;
    report.rss_mib = 10;
    report.drops["late"] = 2;
    report.cores = {{"all", 0.5}, {"lz-see", 0.4}};
    LatencyHistogram histogram;
    for (int i = 1; i <= 100; ++i) histogram.add(ms * i);
    report.stages.emplace_back("stage", histogram);
    report.capture_to_decision = histogram;
    auto part = std::make_unique<SharedState::Part>();
    store_report(report, *part);
    return part;
  };
  Report report;
  merge_report(PartName::see, *stored(5, 1), report);
  merge_report(PartName::guide, *stored(7, 2), report);
  merge_report(PartName::show, *std::make_unique<SharedState::Part>(), report);  // died
  EXPECT_EQ(report.frames, 7U);  // the guide's: it answers for every frame
  EXPECT_EQ(report.copies, 12U);
  EXPECT_EQ(report.rss_mib, 20);
  EXPECT_EQ(report.drops["late"], 4U);
  EXPECT_DOUBLE_EQ(report.cores["all"], 1.0);
  EXPECT_DOUBLE_EQ(report.cores["process see"], 0.5);
  ASSERT_EQ(report.stages.size(), 2U);
  EXPECT_NEAR(report.capture_to_decision.percentile_ms(50), 100, 1);
  EXPECT_DOUBLE_EQ(report.capture_to_decision.mean_ms(), 101);
  EXPECT_DOUBLE_EQ(report.capture_to_decision.max_ms(), 200);
  EXPECT_EQ(report.capture_to_decision.count(), 100U);
}

}  // namespace
}  // namespace lazarillo
