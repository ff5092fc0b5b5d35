#include "run/isolate/children.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <deque>
#include <thread>
#include <utility>

#include "clock.h"
#include "error.h"
#include "gpu/device.h"
#include "ring/ring_reader.h"
#include "run/isolate/codec.h"
#include "run/isolate/known_cameras.h"
#include "run/isolate/links.h"
#include "run/isolate/picture_codec.h"
#include "run/isolate/report_codec.h"
#include "run/isolate/succession.h"
#include "run/parts.h"
#include "run/thread_role.h"
#include "source/rig.h"
#include "source/source.h"

namespace lazarillo {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kWatch{5};
constexpr milliseconds kWait{100};
// What the eyes may hold at once: a frame waiting and one being looked at, the same for depth, and
// one just taken.
constexpr std::uint32_t kPins = 5;
constexpr std::uint32_t kReaders = 4;  // see, guide, show, and one that died a moment ago
constexpr std::uint32_t kSlots = kReaders * kPins + 2;
constexpr std::uint32_t kValueSlots = 32;  // half a second at 60 frames a second
// Of several cameras as one view: who looks at n pictures gives fewer values, each n times as
// large.
constexpr std::uint32_t kLeastValueSlots = 8;

Labels labels_of(const ModelSet& models) {
  return std::make_shared<const std::vector<std::string>>(finder_of(models).labels);
}

/// A frame whose pixels are a ring's slot, or lie on the card where the slot says; held until the
/// last copy of the frame is gone.
Frame frame_in_place(Pin pin, KnownCameras& cameras) {
  const auto held = std::make_shared<Pin>(std::move(pin));
  if (held->record().pixel_format != RingPixelFormat::nv12_on_card) {
    return decode_pictures(held->record(), held->bytes(), held, cameras);
  }
  Frame frame = frame_of(held->record(), {}, cameras);
  SharedPicture shared;
  std::memcpy(&shared, held->bytes().data(), sizeof shared);
  try {
    frame.device = import_picture(shared, held);
  } catch (const Error&) {
    // Its exporter died just now: a frame without pixels, that cannot be seen.
  }
  return frame;
}

/// Calls `look` every few milliseconds until it is destroyed.
class Watch {
 public:
  template <class Look>
  explicit Watch(Look look)
      : thread_([look = std::move(look)](const std::stop_token& stop) mutable {
          begin_thread("lz-watch", ThreadRole::normal);
          while (!stop.stop_requested()) {
            look();
            std::this_thread::sleep_for(kWatch);
          }
        }) {}

 private:
  std::jthread thread_;
};

/// What every process needs: its numbers, its place in the shared state, its failures.
struct Process {
  Process(PartName part, SharedState& shared) : state(shared), own(shared.of(part)) {}

  SharedState& state;
  SharedState::Part& own;
  Metrics metrics;
  std::uint32_t steady_seen = 0;

  [[nodiscard]] OnFailure on_failure() {
    // A fault of the program itself: die, and be started anew.
    return [](const std::exception_ptr&) { _exit(static_cast<int>(ExitCode::internal)); };
  }
  void note(ExitCode code, const std::string& line) {
    if (line.empty()) return;
    own.fault_code = static_cast<int>(code);
    own.fault.set(line);
  }
  /// The numbers begin anew when the warm-up is over.
  void watch_steady() {
    const std::uint32_t steady = state.steady;
    if (steady == steady_seen) return;
    steady_seen = steady;
    metrics.begin();
  }
  [[nodiscard]] bool orphaned() const { return ::getppid() != state.supervisor; }

  void ready() { own.ready = true; }
  void done(const std::vector<std::string>& files = {}) {
    Report report;
    metrics.fill(report);
    report.files = files;
    store_report(report, own);
    own.done = true;
  }
};

/// Takes every value of a ring in order, beginning after the frame `after` (-1: the first), until
/// the writer is done, or everything stops and nothing comes any more.
template <class Take>
void pump(const Ring& ring, const SharedState& state, std::int64_t after, const Take& take) {
  RingReader reader(ring);
  for (;;) {
    const bool more = reader.wait(kWait);
    while (auto pin = reader.next()) {
      // What another process had dealt with before it died still lies in the ring.
      if (static_cast<std::int64_t>(pin->record().frame_sequence) > after) take(std::move(*pin));
    }
    if (!more && (ring.closed() || state.abandoned)) return;
  }
}

constexpr std::uint64_t kNotGivenAgain = 256;  // more than a ring holds

void run_capture(const RunOptions& given, const Rings& rings, SharedState& state, Start start) {
  Process process(PartName::capture, state);
  RunOptions options = given;
  if (start == Start::restarted && state.origin_ns != 0) {
    options.origin_ns = state.origin_ns;
    if (is_live(options.source)) {
      // Numbers of frames that are still on the way are not given again.
      options.first_sequence = static_cast<std::uint64_t>(state.last_frame + 1) + kNotGivenAgain;
    } else {
      options.start_ns = std::max<std::int64_t>(0, steady_now_ns() - state.origin_ns);
    }
  }
  CapturePart part(options, nullptr, process.metrics);
  check_cameras(part.source(), state);
  std::unique_ptr<DevicePictureExporter> on_card;
  if (options.config.decoder == "nvdec" || options.config.dma_buf) {
    on_card = std::make_unique<DevicePictureExporter>(
        rings.frames.geometry().slots, state.cameras[0].width, state.cameras[0].height);
  }
  FrameLink frames(rings.frames, std::move(on_card), process.metrics);
  NoSink<GuideInput> guide;  // reads the ring of frames itself
  part.start(
      {guide, frames}, nullptr,
      [&] {
        if (state.spare_loads) return false;
        process.metrics.begin();
        ++state.steady;
        process.steady_seen = state.steady;
        return true;
      },
      process.on_failure());
  process.ready();
  {
    const Watch watch([&] {
      if (state.stopping) part.stop();
    });
    part.join();
  }
  process.metrics.end();
  process.note(ExitCode::source, part.source().fault());
  state.stream_ended = true;
  frames.close();
  process.done();
}

void run_see(const RunOptions& options, const ModelSet& models, const Rings& rings,
             SharedState& state, Start start) {
  Process process(PartName::see, state);
  ForesightBoard board;
  std::optional<SeenLink> seen;
  struct Late final : Sink<GuideInput> {
    std::optional<SeenLink>& link;
    explicit Late(std::optional<SeenLink>& l) : link(l) {}
    bool push(GuideInput value) override { return link->push(std::move(value)); }
  } output(seen);
  std::optional<GivingWay> behind_those_at_work;
  if (start == Start::spare) behind_those_at_work.emplace();
  SeePart part(options, models, board, process.metrics, output);
  behind_those_at_work.reset();
  if (start == Start::spare) {
    state.spare_ready = true;
    state.spare_loads = false;
    while (state.spare_called != ::getpid()) {
      if (state.abandoned || state.stream_ended) return;
      std::this_thread::sleep_for(kWatch);
    }
  }
  // From here on it takes part: a dead one before it has left the ring.
  seen.emplace(rings.seen, process.metrics);
  part.start(process.on_failure());
  std::jthread foresights([&](const std::stop_token& stop) {
    RingReader reader(rings.foresights);
    while (!stop.stop_requested()) {
      (void)reader.wait(kWait);
      if (auto pin = reader.newest()) {
        board.push(decode_foresight(pin->record(), pin->bytes()));
      }
    }
  });
  process.ready();
  RingReader reader(rings.frames);
  KnownCameras cameras = known_cameras(source_options_of(options), state);
  const Watch watch([&] {
    process.watch_steady();
    // Eyes that lost the card stay blind; the next pair starts with a fresh hold of it.
    if (!gpu_lost()) return;
    process.own.error.set("lost the NVIDIA card");
    process.own.error_code = static_cast<int>(ExitCode::vision);
    _exit(static_cast<int>(ExitCode::vision));
  });
  for (;;) {
    const bool more = reader.wait(kWait);
    if (auto pin = reader.newest()) {
      part.input().push(frame_in_place(std::move(*pin), cameras));
    }
    if (!more && (rings.frames.closed() || state.abandoned)) break;
  }
  process.metrics.end();
  part.finish();
  process.metrics.drop("detector_busy", reader.dropped());
  if (process.metrics.faults() > 0) {
    process.note(ExitCode::vision,
                 std::to_string(process.metrics.faults()) +
                     " frames could not be seen: " + process.metrics.first_fault());
  }
  seen->close();
  process.done();
}

void run_guide(const RunOptions& given, const ModelSet& models, const Rings& rings,
               SharedState& state, Start start) {
  Process process(PartName::guide, state);
  RunOptions options = given;
  const bool restarted = start == Start::restarted;
  const std::int64_t after = restarted ? state.last_frame.load() : -1;
  if (restarted) {
    options.resume.files = true;
    options.resume.last_track = state.last_track;
    if (state.origin_ns != 0) options.resume.stream_ns = steady_now_ns() - state.origin_ns;
  }
  // Also of a run before this one (succession.h).
  options.resume.manner = state.manner();
  SceneLink scenes(rings.scenes, process.metrics, state);
  ForesightLink foresights(rings.foresights);
  std::optional<SoundLink> sound;
  GuidePart part(
      options, models, process.metrics, scenes, foresights,
      [&](std::span<const float> samples) {
        if (sound) sound->push(samples);
      },
      [] {}, [&state](const Manner& manner) { state.keep(manner); });
  sound.emplace(rings.sound, part.first_sound_frame());
  part.start(process.on_failure());
  process.ready();

  const Labels labels = labels_of(models);
  std::atomic<std::uint32_t> breaks_told = state.breaks.load();
  std::atomic<bool> broken = false;
  const auto break_vision = [&] {
    broken = true;
    part.input().push(VisionBreak{true});
  };
  if (restarted && state.blind) break_vision();
  std::atomic<bool> orphan = false;
  {
    const Watch watch([&] {
      process.watch_steady();
      state.take_commands([&](Command command) { part.input().push(command); });
      if (state.breaks != breaks_told) {
        breaks_told = state.breaks.load();
        break_vision();
      }
      if (!orphan && process.orphaned()) {
        orphan = true;
        state.abandoned = true;
        break_vision();
      }
    });
    std::jthread frames([&] {
      KnownCameras cameras = known_cameras(source_options_of(options), state);
      pump(rings.frames, state, after, [&](const Pin& pin) {
        const Frame frame = decode_pictures(pin.record(), pin.bytes(), nullptr, cameras);
        if (state.origin_ns == 0) state.origin_ns = frame.stamp.capture_ns - frame.stamp.stream_ns;
        part.input().push(frame);
      });
    });
    KnownCameras cameras = known_cameras(source_options_of(options), state);
    pump(rings.seen, state, after, [&](const Pin& pin) {
      if (static_cast<InternalKind>(pin.record().kind) == InternalKind::depth) {
        part.input().push(decode_depth(pin.bytes()));
        return;
      }
      Seen value = decode_seen(pin.record(), pin.bytes(), labels, cameras);
      if (broken && value.frame.stamp.capture_ns > state.broken_ns) {
        broken = false;
        state.blind = false;
        part.input().push(VisionBreak{false});
      }
      part.input().push(std::move(value));
    });
    frames.join();
  }
  process.metrics.end();
  part.finish();
  for (const std::string& line : part.faults()) process.note(ExitCode::output, line);
  scenes.close();
  sound->close();
  process.done(part.files());
  if (!orphan || state.stopping || state.stream_ended) return;
  // The files are closed and everybody else ends with the supervisor: the run can go on anew.
  start_successor(
      {state.origin_ns, state.last_track, state.last_frame, state.generation + 1, state.manner()});
}

/// The frames a scene may still ask for, held in place.
class RecentFrames {
 public:
  RecentFrames(const Ring& ring, KnownCameras& cameras) : reader_(ring), cameras_(cameras) {}

  /// The pixels of this frame; without any when they are gone, or as many frames as this process
  /// may hold wait to be drawn.
  void complete(Frame& frame) {
    const std::uint64_t wanted = frame.stamp.sequence;
    std::erase_if(pins_, [&](const Pin& pin) { return pin.record().frame_sequence < wanted; });
    while (pins_.empty() || pins_.back().record().frame_sequence < wanted) {
      auto pin = reader_.next();
      if (!pin) break;
      if (pin->record().frame_sequence >= wanted) pins_.push_back(std::move(*pin));
    }
    if (pins_.empty() || pins_.front().record().frame_sequence != wanted) return;
    Frame whole = frame_in_place(std::move(pins_.front()), cameras_);
    pins_.pop_front();
    frame.pixels = std::move(whole.pixels);
    frame.device = std::move(whole.device);
    frame.stride_bytes = whole.stride_bytes;
  }

 private:
  RingReader reader_;
  KnownCameras& cameras_;
  std::deque<Pin> pins_;
};

void run_show(const RunOptions& given, const ModelSet& models, const Rings& rings,
              SharedState& state, Start start) {
  Process process(PartName::show, state);
  RunOptions options = given;
  options.resume.files = start == Start::restarted;
  std::optional<std::int64_t> duration_ns;
  if (state.duration_ns >= 0) duration_ns = state.duration_ns;
  // Frames are drawn as they come: those that wait would hold slots of the ring.
  ShowPart part(options, state.camera, duration_ns, 0, process.metrics, [] {});
  part.start(process.on_failure());
  process.ready();
  const Watch watch([&] { process.watch_steady(); });
  const Labels labels = labels_of(models);
  std::jthread sound([&] {
    std::int64_t next_frame = 0;
    pump(rings.sound, state, -1, [&](const Pin& pin) {
      // What was lost on the way is silence: sound stays in step with the pictures.
      const std::int64_t lost = pin.record().stream_ns - next_frame;
      if (lost > 0) part.sound(std::vector<float>(static_cast<std::size_t>(2 * lost)));
      const auto* samples = reinterpret_cast<const float*>(pin.bytes().data());
      const std::size_t count = pin.bytes().size() / sizeof(float);
      part.sound({samples, count});
      next_frame = pin.record().stream_ns + static_cast<std::int64_t>(count / 2);
    });
  });
  Depth depth;
  KnownCameras cameras = known_cameras(source_options_of(options), state);
  RecentFrames frames(rings.frames, cameras);
  pump(rings.scenes, state, start == Start::restarted ? state.last_frame.load() : -1,
       [&](const Pin& pin) {
         Scene scene = decode_scene(pin.record(), pin.bytes(), labels, cameras);
         if (std::holds_alternative<std::monostate>(scene.sighting.depth)) {
           scene.sighting.depth = depth;
         } else {
           depth = scene.sighting.depth;
         }
         if (scene.look != Look::late) {
           frames.complete(scene.frame);
           if (!scene.frame.pixels && !scene.frame.device) {
             process.metrics.drop("picture_not_drawn");
             return;
           }
         }
         part.input().push(std::move(scene));
       });
  sound.join();
  part.finish();
  part.close_video();
  process.note(ExitCode::output, part.fault());
  process.done(part.files());
}

}  // namespace

const char* to_string(PartName part) {
  constexpr std::array<const char*, kParts> names{"capture", "see", "guide", "show"};
  return names[static_cast<std::size_t>(part)];
}

void SharedText::set(const std::string& text) noexcept {
  std::uint32_t empty = 0;
  if (!state_.compare_exchange_strong(empty, 1)) return;
  const std::size_t length = std::min(text.size(), text_.size() - 1);
  std::copy_n(text.begin(), length, text_.begin());
  text_[length] = '\0';
  state_ = 2;
}

std::string SharedText::get() const { return state_ == 2 ? std::string(text_.data()) : ""; }

Rings make_rings(const SharedState& state, const ModelSet& models) {
  std::uint64_t pictures = 0;
  for (std::size_t i = 0; i < state.camera_count; ++i) {
    pictures += picture_bytes(state.cameras[i].width, state.cameras[i].height);
  }
  std::uint64_t cells = 0;
  for (const NetworkManifest& network : models.networks) {
    cells = std::max(cells, static_cast<std::uint64_t>(network.input_width) *
                                static_cast<std::uint64_t>(network.input_height));
  }
  const std::uint64_t value = value_bytes(cells);
  const auto cameras = static_cast<std::uint32_t>(state.camera_count);
  return {
      Ring::create({"lazarillo frames", kSlots, pictures, kReaders, kPins}),
      Ring::create({"lazarillo seen", std::max(kLeastValueSlots, kValueSlots / cameras),
                    value * cameras, 3, 1}),
      Ring::create({"lazarillo scenes", kValueSlots, value, 3, 1}),
      Ring::create({"lazarillo foresights", 8, sizeof(Foresight::Object) * 300, 3, 1}),
      Ring::create({"lazarillo sound", 128, 2 * sizeof(float) * SoundLink::kBlockFrames, 3, 1})};
}

void probe_source(const RunOptions& options, SharedState& state) {
  Metrics metrics;
  CapturePart part(options, nullptr, metrics);
  note_cameras(part.source(), options.lens.get(), options.config.camera == kAllCameras, state);
  state.duration_ns = part.source().duration_ns().value_or(-1);
  part.stop();
  state.probed = true;
}

void run_part(PartName part, const RunOptions& options, const ModelSet& models, const Rings& rings,
              SharedState& state, Start start) {
  switch (part) {
    case PartName::capture:
      return run_capture(options, rings, state, start);
    case PartName::see:
      return run_see(options, models, rings, state, start);
    case PartName::guide:
      return run_guide(options, models, rings, state, start);
    case PartName::show:
      return run_show(options, models, rings, state, start);
  }
}

}  // namespace lazarillo
