#include "show/events.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "error.h"
#include "show/write_all.h"

namespace lazarillo {
namespace {

std::string message(int error) { return std::generic_category().message(error); }

/// Appends the members of one JSON object, in order and with fixed decimals: the same values give
/// the same bytes.
class Object {
 public:
  explicit Object(std::string& out) : out_(out) { out_ += '{'; }
  ~Object() { out_ += '}'; }
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  void key(const char* name) {
    if (out_.back() != '{') out_ += ',';
    out_ += '"';
    out_ += name;
    out_ += "\":";
  }
  void string(const char* name, std::string_view value) {
    key(name);
    // Text that is not UTF-8 becomes U+FFFD: a line is always valid JSON.
    out_ += nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  void integer(const char* name, std::int64_t value) {
    key(name);
    fmt::format_to(std::back_inserter(out_), "{}", value);
  }
  void integers(const char* name, const std::vector<int>& values) {
    key(name);
    fmt::format_to(std::back_inserter(out_), "[{}]", fmt::join(values, ","));
  }
  void truth(const char* name, bool value) {
    key(name);
    out_ += value ? "true" : "false";
  }
  void null(const char* name) {
    key(name);
    out_ += "null";
  }
  void number(const char* name, std::optional<double> value, int decimals) {
    key(name);
    append(value, decimals);
  }
  void box(const Box& box) {
    key("box");
    char before = '[';
    for (const float value : {box.x1, box.y1, box.x2, box.y2}) {
      out_ += before;
      append(static_cast<double>(value), 2);
      before = ',';
    }
    out_ += ']';
  }

 private:
  void append(std::optional<double> value, int decimals) {
    if (!value || !std::isfinite(*value)) {
      out_ += "null";
      return;
    }
    const std::size_t start = out_.size();
    fmt::format_to(std::back_inserter(out_), "{:.{}f}", *value, decimals);
    // -0.000 and 0.000 are the same number.
    if (out_[start] == '-' && out_.find_first_not_of("-0.", start) == std::string::npos) {
      out_.erase(start, 1);
    }
  }

  std::string& out_;
};

/// Sigma has no meaning without the distance it belongs to.
std::optional<double> with(const std::optional<double>& distance, double value) {
  return distance ? std::optional(value) : std::nullopt;
}

void append_detections(std::string& line, Object& object, const Detections& detections) {
  object.key("detections");
  char before = '[';
  for (const Detection& d : detections.items) {
    line += before;
    before = ',';
    Object item(line);
    item.string("label", detections.label(d));
    item.number("score", static_cast<double>(d.score), 4);
    item.box(d.box);
  }
  line += before == '[' ? "[]" : "]";
}

std::string_view name_of(int camera, const OtherCameras& others) {
  const auto index = static_cast<std::size_t>(camera);
  return camera >= 0 && index < others.names.size() ? std::string_view(others.names[index]) : "";
}

/// Where the last whole line of a file ends: what a process that was killed wrote after it is lost.
std::int64_t end_of_whole_lines(int descriptor) {
  std::array<char, 65536> block{};
  std::int64_t end = ::lseek(descriptor, 0, SEEK_END);
  while (end > 0) {
    const std::int64_t begin =
        std::max<std::int64_t>(0, end - static_cast<std::int64_t>(block.size()));
    const auto got =
        ::pread(descriptor, block.data(), static_cast<std::size_t>(end - begin), begin);
    if (got <= 0) return 0;
    const std::string_view text(block.data(), static_cast<std::size_t>(got));
    const auto newline = text.rfind('\n');
    if (newline != std::string_view::npos) return begin + static_cast<std::int64_t>(newline) + 1;
    end = begin;
  }
  return 0;
}

}  // namespace

EventsWriter::EventsWriter(const std::filesystem::path& file, const RunInfo& run, bool go_on,
                           Copy copy)
    : file_(file), copy_(std::move(copy)) {
  if (!file_.empty()) open(go_on);
  if (written_ > 0) return;
  {
    Object o(line_);
    o.string("type", "run");
    o.integer("schema", kEventsSchema);
    o.string("program", "lazarillo");
    o.string("version", run.version);
    o.string("source", run.source);
    o.string("models", run.models);
    o.string("language", run.language);
  }
  write_line();
  if (!fault_.empty()) {
    close();
    throw Error(ExitCode::output, fault_);
  }
}

EventsWriter::~EventsWriter() { close(); }

void EventsWriter::open(bool go_on) {
  const mode_t mode = S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH;
  const int flags = go_on ? O_RDWR : O_WRONLY | O_TRUNC;
  descriptor_ = ::open(file_.c_str(), flags | O_CREAT | O_CLOEXEC, mode);
  if (descriptor_ < 0) {
    throw Error(ExitCode::output,
                fmt::format("cannot create {}: {}", file_.string(), message(errno)));
  }
  if (!go_on) return;
  written_ = end_of_whole_lines(descriptor_);
  if (::ftruncate(descriptor_, written_) != 0 || ::lseek(descriptor_, 0, SEEK_END) != written_) {
    throw Error(ExitCode::output,
                fmt::format("cannot write on {}: {}", file_.string(), message(errno)));
  }
}

void EventsWriter::frame(const Detections& detections, const Tracks& tracks,
                         const std::string& fault, int width, int height, std::int64_t decision_ns,
                         Look look, const OtherCameras* others) {
  if (!wanted()) return;
  {
    const FrameStamp& stamp = detections.stamp;
    Object o(line_);
    o.string("type", look == Look::late ? "sighting" : "frame");
    o.integer("sequence", static_cast<std::int64_t>(stamp.sequence));
    o.integer("camera", stamp.camera);
    o.integer("stream_ns", stamp.stream_ns);
    o.integer("capture_ns", stamp.capture_ns);
    o.integer("decision_ns", decision_ns);
    o.integer("width", width);
    o.integer("height", height);
    o.truth("looked_at", look != Look::never);
    if (others != nullptr) o.string("camera_name", name_of(stamp.camera, *others));
    append_detections(line_, o, detections);
    if (others != nullptr) {
      o.key("beside");
      line_ += '[';
      for (const CameraBoxes& camera : others->beside) {
        if (line_.back() != '[') line_ += ',';
        Object one(line_);
        one.integer("camera", camera.stamp.camera);
        one.string("camera_name", name_of(camera.stamp.camera, *others));
        one.integer("sequence", static_cast<std::int64_t>(camera.stamp.sequence));
        one.integer("stream_ns", camera.stamp.stream_ns);
        one.integer("capture_ns", camera.stamp.capture_ns);
        one.integer("width", camera.width);
        one.integer("height", camera.height);
        append_detections(line_, one, camera.detections);
        if (!camera.fault.empty()) one.string("fault", camera.fault);
      }
      line_ += ']';
    }
    o.key("tracks");
    char before = '[';
    for (const Track& t : tracks.items) {
      line_ += before;
      before = ',';
      Object item(line_);
      item.integer("track", t.id);
      item.string("label", t.label);
      item.box(t.box);
      item.number("score", static_cast<double>(t.score), 4);
      item.number("certainty", t.certainty, 4);
      item.truth("observed", t.observed);
      item.number("distance_m", t.distance_m, 3);
      item.number("distance_sigma_m", with(t.distance_m, t.distance_sigma_m), 3);
      item.number("bearing_deg", t.bearing_deg, 3);
      item.number("closing_speed_mps", with(t.distance_m, t.closing_speed_mps), 3);
      item.number("ttc_s", t.ttc_s, 3);
      if (others != nullptr) item.string("camera_name", name_of(t.camera, *others));
    }
    line_ += before == '[' ? "[]" : "]";
    if (!fault.empty()) o.string("fault", fault);
  }
  write_line();
}

void EventsWriter::cue(const Cue& cue, const std::string& text, std::int64_t decision_ns) {
  if (!wanted()) return;
  {
    const bool about_object = cue.track != 0;
    // The system itself is nowhere, and so is a clear path.
    const bool placed = about_object || (is_of_path(cue.kind) && cue.kind != CueKind::path_clear);
    Object o(line_);
    o.string("type", "cue");
    o.integer("stream_ns", cue.stamp.stream_ns);
    o.integer("capture_ns", cue.stamp.capture_ns);
    o.integer("decision_ns", decision_ns);
    o.integer("sequence", static_cast<std::int64_t>(cue.stamp.sequence));
    o.string("kind", to_string(cue.kind));
    if (about_object) {
      o.integer("track", cue.track);
      o.string("label", cue.label);
      o.truth("maybe", cue.maybe);
    } else {
      o.null("track");
      o.null("label");
      o.null("maybe");
    }
    o.number("distance_m", cue.distance_m, 3);
    o.number("distance_sigma_m", with(cue.distance_m, cue.distance_sigma_m), 3);
    if (placed) {
      o.number("bearing_deg", cue.bearing_deg, 3);
      o.string("side", to_string(cue.side));
      o.integer("clock", cue.clock_hour);
    } else {
      o.null("bearing_deg");
      o.null("side");
      o.null("clock");
    }
    o.number("ttc_s", cue.ttc_s, 3);
    if (cue.way_round) {
      o.string("way_round", to_string(*cue.way_round));
    } else {
      o.null("way_round");
    }
    o.string("priority", to_string(cue.priority));
    o.string("text", text);
    if (!cue.others.empty()) o.integers("others", cue.others);
    if (cue.kind == CueKind::around) {
      o.key("parts");
      char before = '[';
      for (const Cue& part : cue.parts) {
        line_ += before;
        before = ',';
        Object item(line_);
        item.string("kind", to_string(part.kind));
        if (part.track != 0) {
          item.integer("track", part.track);
          item.string("label", part.label);
        } else {
          item.null("track");
          item.null("label");
        }
        item.integers("others", part.others);
        item.string("side", to_string(part.side));
        item.number("distance_m", part.distance_m, 3);
      }
      line_ += before == '[' ? "[]" : "]";
    }
  }
  write_line();
}

void EventsWriter::command(Command command, const FrameStamp& stamp, std::int64_t decision_ns) {
  if (!wanted()) return;
  {
    Object o(line_);
    o.string("type", "command");
    o.integer("stream_ns", stamp.stream_ns);
    o.integer("capture_ns", stamp.capture_ns);
    o.integer("decision_ns", decision_ns);
    o.integer("sequence", static_cast<std::int64_t>(stamp.sequence));
    o.string("command", to_string(command));
  }
  write_line();
}

void EventsWriter::write_line() {
  if (copy_) copy_(line_);
  if (file_.empty() || !fault_.empty()) {
    line_.clear();
    return;
  }
  line_ += '\n';
  const Written written = write_all(descriptor_, line_);
  if (written.error == 0) {
    written_ += static_cast<std::int64_t>(line_.size());
  } else {
    fault_ = fmt::format("cannot write on {}: {}", file_.string(), message(written.error));
    if (written.bytes > 0 && ::ftruncate(descriptor_, written_) != 0) {
      fault_ += "; its last line is not whole";
    }
  }
  line_.clear();
}

void EventsWriter::close() {
  if (descriptor_ < 0) return;
  if (::close(descriptor_) != 0 && errno != EINTR && fault_.empty()) {
    fault_ = fmt::format("cannot write on {}: {}", file_.string(), message(errno));
  }
  descriptor_ = -1;
}

}  // namespace lazarillo
