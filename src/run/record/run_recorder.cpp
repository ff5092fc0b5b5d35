#include "run/record/run_recorder.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <utility>

#include "clock.h"
#include "run/thread_role.h"
#include "source/live_address.h"
#include "version.h"

namespace lazarillo {
namespace {

using Json = nlohmann::json;

/// What may wait for the disk: seconds of any stream, and memory that a machine can spare.
constexpr std::size_t kMost_bytes = 64 << 20;
constexpr std::int64_t kUnknownStep_ns = 33'000'000;

std::string text_of(const Json& line) {
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// The calibration file that a run was told of, as it is.
std::optional<std::string> calibration_line(const std::string& setting) {
  if (setting.empty()) return std::nullopt;
  const auto mark = setting.rfind('#');
  const bool named = !std::filesystem::exists(setting) && mark != std::string::npos;
  const std::filesystem::path file = named ? setting.substr(0, mark) : setting;
  std::ifstream stream(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  return text_of({{"type", "calibration"},
                  {"file", file.filename().string()},
                  {"camera", named ? setting.substr(mark + 1) : ""},
                  {"text", text}});
}

}  // namespace

std::string RunRecorder::header(const RunOptions& options, const ModelSet& models) {
  const NetworkManifest& finder = finder_of(models);
  Json networks = Json::array();
  for (const NetworkManifest& network : models.networks) {
    networks.push_back({{"name", network.name},
                        {"file", network.file.filename().string()},
                        {"sha256", network.sha256},
                        {"weights_sha256", network.weights_sha256}});
  }
  return text_of({{"type", "recording"},
                  {"format", kRecordingFormat},
                  {"program", "lazarillo"},
                  {"version", kVersion},
                  {"source", without_secrets(options.source)},
                  {"live", options.realtime},
                  {"models",
                   {{"name", models.name},
                    {"networks", networks},
                    {"labels", finder.labels},
                    {"calibrated", finder.calibrated},
                    {"score_threshold", finder.score_threshold}}},
                  {"config", to_toml(options.config)}});
}

RunRecorder::RunRecorder(const RunOptions& options, const ModelSet& models, Tell tell,
                         std::function<void()> on_failure)
    : file_(options.record),
      live_(options.realtime),
      tell_(std::move(tell)),
      on_failure_(std::move(on_failure)),
      writer_(file_) {
  push(Plain{header(options, models)});
  if (auto calibration = calibration_line(options.config.calibration)) {
    push(Plain{std::move(*calibration)});
  }
  thread_ = std::thread([this] {
    begin_thread("lz-record", ThreadRole::background);
    work();
  });
}

RunRecorder::~RunRecorder() { finish(); }

// ---- what comes in

void RunRecorder::coded(CodedPicture picture) {
  {
    const std::lock_guard lock(mutex_);
    if (skip_to_whole_ && !picture.whole) {
      ++lost_pictures_;
      return;
    }
  }
  // Others than the guide never wait, and in a replay there is no need to: it holds them back.
  const bool taken = push(std::move(picture));
  const std::lock_guard lock(mutex_);
  skip_to_whole_ = !taken;
}

void RunRecorder::picture(const Frame& frame) {
  {
    const std::lock_guard lock(mutex_);
    if (live_ && picture_bytes_ > kMost_bytes) {
      lose(lost_pictures_, "pictures");
      return;
    }
  }
  // Its own copy: the source has few places for pictures.
  const std::size_t size =
      static_cast<std::size_t>(frame.stride_bytes) * static_cast<std::size_t>(frame.height);
  const std::shared_ptr<std::uint8_t[]> copy(new std::uint8_t[size]);
  std::copy_n(frame.pixels.get(), size, copy.get());
  Frame own = frame;
  own.pixels = std::shared_ptr<const std::uint8_t>(copy, copy.get());
  push(std::move(own));
}

void RunRecorder::calibration(const std::string& json) {
  push(Plain{
      text_of({{"type", "calibration"}, {"file", "device.json"}, {"camera", ""}, {"text", json}})});
}

void RunRecorder::motion(std::uint32_t unit, std::span<const ImuSample> samples) {
  Json rows = Json::array();
  for (const ImuSample& s : samples) {
    rows.push_back({s.capture_ns, s.device_ns, s.gyro_rad_s[0], s.gyro_rad_s[1], s.gyro_rad_s[2],
                    s.accel_m_s2[0], s.accel_m_s2[1], s.accel_m_s2[2], s.flags});
  }
  push(Plain{text_of({{"type", "imu"}, {"unit", unit}, {"samples", std::move(rows)}})});
}

void RunRecorder::begin(const GuideCall& call) {
  step_.emplace();
  step_->call.emplace();
  step_->call->number = next_call_++;
  step_->call->value = without_pixels(call);
}

std::int64_t RunRecorder::now() { return step_->call->clock.emplace_back(GuideWitness::now()); }

Tracks RunRecorder::followed(Tracks own) {
  return step_->call->tracks.emplace_back(std::move(own));
}

std::optional<CorridorView> RunRecorder::along(const std::function<CorridorView()>& look) {
  return step_->call->views.emplace_back(look());
}

LastSaid RunRecorder::said(LastSaid own) {
  step_->call->said = own;
  return own;
}

void RunRecorder::line(const std::string& line) {
  if (step_) {
    step_->lines.push_back(line);
  } else {
    push(Plain{line});
  }
}

void RunRecorder::end() {
  push(std::move(*step_));
  step_.reset();
}

bool RunRecorder::is_picture(const Entry& entry) {
  return std::holds_alternative<CodedPicture>(entry) || std::holds_alternative<Frame>(entry);
}

std::size_t RunRecorder::bytes_of(const Entry& entry) {
  if (const auto* coded = std::get_if<CodedPicture>(&entry)) return coded->bytes;
  if (const auto* frame = std::get_if<Frame>(&entry)) {
    return static_cast<std::size_t>(frame->stride_bytes) * static_cast<std::size_t>(frame->height);
  }
  if (const auto* plain = std::get_if<Plain>(&entry)) return plain->text.size();
  const auto& step = std::get<Step>(entry);
  std::size_t bytes = step.call ? lazarillo::bytes_of(*step.call) : 0;
  for (const std::string& line : step.lines) bytes += line.size();
  return bytes;
}

/// False when it found no room.
bool RunRecorder::push(Entry entry) {
  const bool picture = is_picture(entry);
  const std::size_t bytes = bytes_of(entry);
  std::unique_lock lock(mutex_);
  if (closing_) return false;
  std::size_t& waiting = picture ? picture_bytes_ : other_bytes_;
  if (waiting > kMost_bytes && live_) {
    if (picture) {
      lose(lost_pictures_, "pictures");
    } else {
      lose(lost_calls_, "what the guide was given");
    }
    return false;
  }
  if (!picture && !live_) {
    changed_.wait(lock, [this] { return other_bytes_ <= kMost_bytes || closing_; });
  }
  waiting += bytes;
  entries_.push_back(std::move(entry));
  lock.unlock();
  changed_.notify_all();
  return true;
}

/// Under the lock.
void RunRecorder::lose(std::uint64_t& count, const std::string& what) {
  ++count;
  if (std::exchange(told_, true)) return;
  tell_(fmt::format("'{}' is too slow: {} that do not fit are not recorded; guiding goes on",
                    file_.string(), what));
}

// ---- the recording thread

void RunRecorder::work() {
  using std::chrono::milliseconds;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return closing_ || !entries_.empty(); });
    if (entries_.empty()) return;
    // What the writer was given and has not written is memory, too.
    while (!closing_ && writer_.waiting_bytes() > kMost_bytes && writer_.fault().empty()) {
      changed_.wait_for(lock, milliseconds(10));
    }
    Entry entry = std::move(entries_.front());
    entries_.pop_front();
    (is_picture(entry) ? picture_bytes_ : other_bytes_) -= bytes_of(entry);
    lock.unlock();
    changed_.notify_all();
    write(std::move(entry));
    if (on_failure_ && !writer_.fault().empty()) {
      tell_(writer_.fault());
      std::exchange(on_failure_, nullptr)();
    }
    lock.lock();
  }
}

void RunRecorder::write(Entry entry) {
  std::visit(
      [this](auto& value) {
        using T = std::remove_cvref_t<decltype(value)>;
        if constexpr (std::is_same_v<T, Plain>) {
          writer_.line(value.text, now_ns_);
        } else if constexpr (std::is_same_v<T, Frame>) {
          writer_.picture(value, value.stamp.stream_ns);
        } else {
          write(std::move(value));
        }
      },
      entry);
}

void RunRecorder::write(CodedPicture picture) {
  if (picture.live && !origin_ns_) {
    early_.push_back(std::move(picture));
    return;
  }
  std::int64_t stream_ns = last_picture_ns_ + kUnknownStep_ns;
  if (picture.time_ns) stream_ns = *picture.time_ns - (picture.live ? *origin_ns_ : 0);
  last_picture_ns_ = std::max(last_picture_ns_, stream_ns);
  writer_.coded(picture, stream_ns);
}

/// Where in the stream a call belongs.
void RunRecorder::note_time(const RecordedCall& call) {
  if (const auto* frame = std::get_if<Frame>(&call.value)) {
    if (!origin_ns_) origin_ns_ = frame->stamp.capture_ns - frame->stamp.stream_ns;
    now_ns_ = std::max(now_ns_, frame->stamp.stream_ns);
  } else if (live_ && origin_ns_ && !call.clock.empty()) {
    now_ns_ = std::max(now_ns_, call.clock.back() - *origin_ns_);
  }
}

void RunRecorder::write(Step step) {
  if (step.call) {
    note_time(*step.call);
    if (origin_ns_) {
      for (CodedPicture& picture : std::exchange(early_, {})) write(std::move(picture));
    }
    writer_.line(line_of(*step.call), now_ns_);
  }
  for (const std::string& line : step.lines) writer_.line(line, now_ns_);
}

// ---- the end

void RunRecorder::finish() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    entries_.emplace_back(Plain{text_of({{"type", "end"},
                                         {"calls", next_call_},
                                         {"lost_calls", lost_calls_},
                                         {"lost_pictures", lost_pictures_}})});
    other_bytes_ += bytes_of(entries_.back());
    closing_ = true;
  }
  changed_.notify_all();
  thread_.join();
  writer_.finish();
}

std::string RunRecorder::fault() const {
  if (const std::string fault = writer_.fault(); !fault.empty()) return fault;
  const std::lock_guard lock(mutex_);
  if (lost_calls_ == 0 && lost_pictures_ == 0) return "";
  return fmt::format("'{}' lacks {} pictures and {} calls of the guide: the disk was too slow",
                     file_.string(), lost_pictures_, lost_calls_);
}

}  // namespace lazarillo
