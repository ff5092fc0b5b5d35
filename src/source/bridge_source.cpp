#include "source/bridge_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <utility>

#include "clock.h"
#include "error.h"
#include "ring/ring_reader.h"
#include "source/bridge_process.h"
#include "source/calibration_file.h"
#include "source/camera_view.h"
#include "source/frame_sets.h"
#include "source/growing_pause.h"
#include "source/imu_watch.h"

namespace lazarillo {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kOpening{60};
constexpr milliseconds kLook{50};
/// A bridge beats every 20 ms.
constexpr std::int64_t kStuck_ns = 300'000'000;
/// Glasses: no picture for so long is told, though the bridge lives and looks for them.
constexpr std::int64_t kSilent_ns = 2'000'000'000;
const char* const kForward = "rgb";
const char* const kRemedy =
    "Aria glasses and their recordings need the bridge: pip install 'bridges/aria[tools]' "
    "(docs/cameras.md)";

/// A running bridge and what it said of itself.
struct Bridge {
  Bridge(const std::vector<std::string>& command, const std::string& name,
         const std::stop_token& stop)
      : process(command, kRemedy) {
    const auto line = process.hello(kOpening, stop);
    if (!line) {
      throw Error(ExitCode::source,
                  name + (stop.stop_requested() ? " was stopped while opening"
                                                : " cannot be opened: the bridge said why"));
    }
    try {
      const json hello = json::parse(*line);
      if (hello.at("lazarillo_bridge") != 1) {
        throw Error(ExitCode::source,
                    "the bridge is of another version: install the one beside this "
                    "program");
      }
      live = hello.at("live");
      const auto& cameras = hello.at("cameras");
      for (const auto& one : cameras) names.push_back(one.at("name"));
      sensors.emplace(Ring::open(std::filesystem::path(hello.at("sensors").get<std::string>())));
      frames.emplace(Ring::open(std::filesystem::path(hello.at("frames").get<std::string>())));
    } catch (const json::exception& error) {
      throw Error(ExitCode::source,
                  "the bridge's first line cannot be understood: " + std::string(error.what()));
    }
  }

  [[nodiscard]] bool stuck() const {
    return !frames->ring().closed() && frames->ring().heartbeat_age_ns(steady_now_ns()) > kStuck_ns;
  }

  BridgeProcess process;
  bool live = false;
  std::vector<std::string> names;  ///< of its cameras, by their index in the ring
  // Signed in to in this order (docs/ring.md).
  std::optional<RingReader> sensors;
  std::optional<RingReader> frames;
};

class AriaSource final : public Source {
 public:
  AriaSource(const AriaAddress& address, const SourceOptions& options)
      : options_(options),
        several_(options.camera == kAllCameras),
        name_(address.recording.empty() ? "the glasses" : "'" + address.recording + "'"),
        command_(command_for(address, options)),
        began_ns_(options.origin_ns),
        numbers_before_(options.first_sequence) {
    bridge_.emplace(command_, name_, stop_.get_token());
    choose_cameras();
    first_ = take();
    if (!first_) {
      throw Error(ExitCode::source, fault_.empty() ? name_ + " gave no picture" : fault_);
    }
    for (Eye& eye : eyes_) cameras_.push_back({eye.name, eye.intrinsics(), eye.lens});
    cameras_.at(static_cast<std::size_t>(first_->stamp.camera)).intrinsics = first_->intrinsics;
  }

  ~AriaSource() override {
    stop_.request_stop();
    first_.reset();
  }

  [[nodiscard]] const std::vector<CameraInfo>& cameras() const override { return cameras_; }

  [[nodiscard]] std::optional<Frame> next() override {
    if (first_) return std::exchange(first_, std::nullopt);
    while (!stop_.stop_requested()) {
      if (bridge_) {
        if (auto frame = take()) {
          if (std::exchange(lost_, false)) tell(name_ + " are back");
          return frame;
        }
        if (stop_.stop_requested() || !bridge_->live) return std::nullopt;
        bridge_.reset();
        pause_.begin_again();
      }
      again();
    }
    return std::nullopt;
  }

  [[nodiscard]] std::string fault() const override { return stop_.stop_requested() ? "" : fault_; }
  [[nodiscard]] std::optional<std::int64_t> duration_ns() const override { return std::nullopt; }
  void stop() override { stop_.request_stop(); }

 private:
  /// A camera that is looked through.
  struct Eye {
    std::string name;
    std::optional<CameraViews> views{};  ///< once the calibration is known
    std::shared_ptr<const Lens> lens{};
    std::int64_t offset_ns = 0;  ///< from its clock to the device's

    [[nodiscard]] Intrinsics intrinsics() {
      return views->of(lens->camera().width, lens->camera().height).intrinsics;
    }
  };

  /// One, or all; the colour camera first.
  void choose_cameras() {
    if (!several_) {
      eyes_.push_back({options_.camera});
      return;
    }
    for (const std::string& name : bridge_->names) eyes_.push_back({name});
    std::stable_partition(eyes_.begin(), eyes_.end(),
                          [](const Eye& eye) { return eye.name == kForward; });
    if (eyes_.empty() || eyes_.front().name != kForward) {
      throw Error(ExitCode::source,
                  name_ +
                      ": the colour camera, which says where ahead is, is not there: name one "
                      "camera with source.camera");
    }
  }

  static std::vector<std::string> command_for(const AriaAddress& address,
                                              const SourceOptions& options) {
    std::vector<std::string> words{options.aria_bridge};
    if (address.recording.empty()) {
      words.emplace_back("live");
    } else {
      words.insert(words.end(), {"replay", address.recording});
      if (!options.realtime) words.emplace_back("--fast");
    }
    // Without names: all that look at the world.
    if (options.camera != kAllCameras) {
      words.insert(words.end(), {"--streams", options.camera + ",imu"});
    }
    return words;
  }

  /// The next picture of the camera; nullopt when the bridge has ended, hangs or a stop was asked
  /// for; fault_ then says why.
  std::optional<Frame> take() {
    std::int64_t last_ns = steady_now_ns();
    while (!stop_.stop_requested()) {
      read_sensors();
      RingReader& frames = *bridge_->frames;
      const bool more = frames.wait(kLook);
      // Only glasses: of a recording every picture counts, and of several cameras.
      while (auto pin = bridge_->live && !several_ ? frames.newest() : frames.next()) {
        const auto eye = eye_of(pin->record());
        if (!eye) continue;
        if (auto frame = frame_of(std::move(*pin), *eye)) {
          if (!several_) return began(std::move(*frame));
          if (auto moment = moment_with(std::move(*frame))) return moment;
        }
      }
      if (more) continue;
      if (auto moment = waiting_moment()) return moment;
      if (frames.ring().closed() || bridge_->process.ended(milliseconds(0))) {
        end();
        return std::nullopt;
      }
      if (bridge_->stuck()) {
        fault_ = name_ + " give nothing any more: the bridge hangs";
        lose();
        return std::nullopt;
      }
      if (bridge_->live && !lost_ && steady_now_ns() - last_ns > kSilent_ns) {
        fault_ = name_ + " give no picture";
        lose();
      }
    }
    return std::nullopt;
  }

  void end() {
    constexpr milliseconds kPatience{3000};
    const auto code = bridge_->process.ended(kPatience);
    if (code && *code == 0) return;
    fault_ = name_ + (code ? fmt::format(" ended early: the bridge ended with code {}", *code)
                           : " ended: the bridge does not");
    lose();
  }

  void lose() {
    if (bridge_->live && !std::exchange(lost_, true)) tell(fault_ + ": trying again");
  }

  void again() {
    if (!pause_.wait(stop_.get_token())) return;
    try {
      bridge_.emplace(command_, name_, stop_.get_token());
      numbers_before_ = next_number_;
    } catch (const Error& error) {
      if (!stop_.stop_requested()) fault_ = error.what();
    }
  }

  void read_sensors() {
    while (auto pin = bridge_->sensors->next()) {
      if (pin->record().kind == ValueKind::calibration_json && !calibrated_) calibrate(*pin);
      if (pin->record().kind != ValueKind::imu_batch) continue;
      const std::vector<ImuSample> samples = samples_of(*pin);
      if (options_.tap != nullptr) options_.tap->motion(pin->record().camera, samples);
      if (pin->record().camera == 0 && imu_) imu_->add(samples);
    }
  }

  void calibrate(const Pin& pin) {
    const std::string text(reinterpret_cast<const char*>(pin.bytes().data()), pin.bytes().size());
    if (options_.tap != nullptr) options_.tap->calibration(text);
    calibrated_ = true;
    const std::vector<CameraCalibration> known = calibrations_from_json(text, name_);
    const CameraCalibration* forward = nullptr;
    Rig rig;
    for (Eye& eye : eyes_) {
      const auto camera = std::find_if(known.begin(), known.end(), [&](const auto& calibration) {
        return calibration.name == eye.name;
      });
      if (camera == known.end()) continue;  // its pictures are passed over
      SourceOptions view = options_;
      eye.lens = camera->lens;
      set_lens(view, camera->lens);
      eye.views.emplace(view);
      eye.offset_ns = std::llround(camera->time_offset_s * 1e9);
      if (forward == nullptr) {
        forward = &*camera;
        rig.px_per_rad = eye.intrinsics().fx;
      }
      rig.cameras.push_back({eye.name, place_of(*forward, *camera)});
    }
    if (forward == nullptr) return;
    if (several_) {
      if (rig.cameras.size() != eyes_.size()) {
        throw Error(ExitCode::source, name_ + ": there is no calibration of some cameras");
      }
      sets_.emplace(std::make_shared<const Rig>(std::move(rig)), options_.first_sequence);
    }
    if (const auto imu = imu_pose(text)) {
      imu_.emplace(upright_camera_from_imu(forward->device_from_camera,
                                           forward->lens->mounting().quarter_turns, *imu));
    }
  }

  /// T_device_imu of the first IMU; nullopt: there is none.
  static std::optional<std::array<double, 12>> imu_pose(const std::string& text) {
    try {
      std::array<double, 12> pose{};
      std::size_t i = 0;
      const json calibration = json::parse(text);
      for (const auto& row : calibration.at("imus").at(0).at("T_device_imu")) {
        for (const auto& value : row) pose.at(i++) = value;
      }
      if (i == pose.size()) return pose;
    } catch (const std::exception&) {  // none, or not described as we know it
    }
    return std::nullopt;
  }

  static std::vector<ImuSample> samples_of(const Pin& pin) {
    std::vector<ImuSample> samples(pin.bytes().size() / sizeof(ImuSample));
    if (!samples.empty()) {
      std::memcpy(samples.data(), pin.bytes().data(), samples.size() * sizeof(ImuSample));
    }
    return samples;
  }

  /// Which of eyes_ a value is a picture of.
  std::optional<std::size_t> eye_of(const SlotRecord& record) const {
    if (record.kind != ValueKind::frame) return std::nullopt;
    if (!several_) {
      // Where the bridge has not the one that was asked for it says so; what it has is taken.
      const auto found = std::find(bridge_->names.begin(), bridge_->names.end(), options_.camera);
      const bool there = found != bridge_->names.end();
      const auto wanted = there ? static_cast<std::uint32_t>(found - bridge_->names.begin()) : 0;
      if (record.camera != wanted) return std::nullopt;
      return 0;
    }
    if (record.camera >= bridge_->names.size()) return std::nullopt;
    for (std::size_t i = 0; i < eyes_.size(); ++i) {
      if (eyes_[i].name == bridge_->names[record.camera]) return i;
    }
    return std::nullopt;  // it was not there when the others were opened
  }

  /// The next moment of several cameras, once this picture is there.
  std::optional<Frame> moment_with(Frame frame) {
    // The clock of glasses may be set; this computer's is not.
    const std::int64_t moment_ns = bridge_->live ? frame.stamp.capture_ns : device_ns_;
    sets_->add(std::move(frame), moment_ns);
    std::optional<Frame> moment = sets_->take();
    // Glasses: what waits behind it is newer.
    while (bridge_->live && moment) {
      auto newer = sets_->take();
      if (!newer) break;
      moment = std::move(newer);
    }
    if (!moment) return std::nullopt;
    return began(std::move(*moment));
  }

  /// A moment that waits while nothing comes: of glasses for too long, of a recording at its end.
  std::optional<Frame> waiting_moment() {
    if (!sets_) return std::nullopt;
    std::optional<Frame> moment;
    if (bridge_->live) {
      moment = sets_->overdue(steady_now_ns());
    } else if (bridge_->frames->ring().closed() || bridge_->process.ended(milliseconds(0))) {
      moment = sets_->finish();
    }
    if (!moment) return std::nullopt;
    return began(std::move(*moment));
  }

  /// Stream time counts from the first frame that is given out.
  Frame began(Frame frame) {
    if (!began_ns_) began_ns_ = frame.stamp.stream_ns;
    frame.stamp.stream_ns -= *began_ns_;
    if (frame.set) {
      auto set = std::make_shared<FrameSet>(*frame.set);
      for (Frame& other : set->others) other.stamp.stream_ns -= *began_ns_;
      frame.set = std::move(set);
    }
    // A recording holds the pictures of one camera.
    if (options_.tap != nullptr && frame.stamp.camera == 0) {
      Frame alone = frame;
      alone.set.reset();
      options_.tap->picture(alone);
    }
    return frame;
  }

  std::optional<Frame> frame_of(Pin pin, std::size_t index) {
    read_sensors();
    std::optional<CameraViews>& views = eyes_[index].views;
    const SlotRecord record = pin.record();
    const auto format = static_cast<RingPixelFormat>(record.pixel_format);
    const std::size_t channels = format == RingPixelFormat::bgr8 ? 3 : 1;
    const std::size_t size = std::size_t{record.stride_bytes} * record.height;
    if (!views || record.width == 0 || record.height == 0 || size > pin.bytes().size() ||
        record.stride_bytes < channels * record.width ||
        (format != RingPixelFormat::bgr8 && format != RingPixelFormat::gray8)) {
      return std::nullopt;
    }
    Frame frame;
    frame.width = static_cast<int>(record.width);
    frame.height = static_cast<int>(record.height);
    frame.stride_bytes = record.stride_bytes;
    frame.format = format == RingPixelFormat::bgr8 ? PixelFormat::bgr8 : PixelFormat::gray8;
    const CameraView& view = views->of(frame.width, frame.height);
    frame.intrinsics = view.intrinsics;
    frame.lens = view.lens;
    frame.stamp.camera = static_cast<int>(index);
    // By the clock that all cameras share.
    const std::int64_t offset_ns = eyes_[index].offset_ns;
    frame.stamp.capture_ns = record.capture_ns + offset_ns;
    frame.stamp.sequence = numbers_before_ + record.frame_sequence;
    next_number_ = std::max(next_number_, frame.stamp.sequence + 1);
    frame.stamp.stream_ns = bridge_->live ? frame.stamp.capture_ns : record.stream_ns + offset_ns;
    device_ns_ = record.device_ns + offset_ns;
    if (imu_) {
      frame.turned = imu_->turned_at(device_ns_);
      frame.head = imu_->head_at(device_ns_);
      // Gravity is told in the forward camera's frame.
      if (frame.head && index != 0) frame.head->deviation_deg = 180;
    }
    frame.pixels = pixels_of(std::move(pin), size);
    return frame;
  }

  /// In the ring as long as this reader may hold one more; else a copy.
  std::shared_ptr<const std::uint8_t> pixels_of(Pin pin, std::size_t size) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(pin.bytes().data());
    if (bridge_->frames->can_pin()) {
      const auto held = std::make_shared<Pin>(std::move(pin));
      return {held, bytes};
    }
    const auto copy = std::make_shared<std::vector<std::uint8_t>>(bytes, bytes + size);
    return {copy, copy->data()};
  }

  void tell(const std::string& line) const {
    if (options_.tell) options_.tell(line);
  }

  const SourceOptions options_;
  const bool several_;
  const std::string name_;
  const std::vector<std::string> command_;
  std::stop_source stop_;
  std::optional<Bridge> bridge_;
  bool calibrated_ = false;
  std::vector<Eye> eyes_;
  std::optional<FrameSets> sets_;  ///< of several cameras
  std::int64_t device_ns_ = 0;     ///< of the newest picture, by the device's clock
  std::optional<ImuWatch> imu_;
  std::vector<CameraInfo> cameras_;
  std::optional<Frame> first_;  ///< taken while opening
  std::optional<std::int64_t> began_ns_;
  std::uint64_t numbers_before_ = 0;
  std::uint64_t next_number_ = 0;
  std::string fault_;
  bool lost_ = false;
  GrowingPause pause_;
};

}  // namespace

std::optional<AriaAddress> aria_address(const std::string& source) {
  constexpr std::string_view kAria = "aria:";
  if (source.starts_with(kAria)) return AriaAddress{source.substr(kAria.size())};
  if (source.ends_with(".vrs")) return AriaAddress{source};
  return std::nullopt;
}

std::unique_ptr<Source> open_aria(const AriaAddress& address, const SourceOptions& options) {
  const std::string name = address.recording.empty() ? "aria:" : "'" + address.recording + "'";
  if (address.recording.empty() && !options.realtime) {
    throw Error(ExitCode::usage,
                "aria: is live: it cannot be played --fast (with --out, add "
                "--realtime)");
  }
  if (options.feed_fps > 0 || options.loop || options.start_ns > 0) {
    throw Error(ExitCode::usage, name + " is played at its own rate, once, from its beginning");
  }
  if (options.on_card || options.dma_buf) {
    throw Error(ExitCode::usage, name +
                                     " is decoded by the bridge: leave out source.decoder and "
                                     "source.dma_buf");
  }
  return std::make_unique<AriaSource>(address, options);
}

}  // namespace lazarillo
