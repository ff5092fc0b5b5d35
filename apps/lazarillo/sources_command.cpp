#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "clock.h"
#include "commands.h"
#include "error.h"
#include "source/camera_modes.h"
#include "source/dma_buf_support.h"
#include "source/live_address.h"
#include "source/source.h"

namespace lazarillo {
namespace {

using nlohmann::ordered_json;

struct SourcesArguments {
  std::string source;
  bool all = false;
  bool json = false;
};

struct FoundCamera {
  std::string device;
  std::string name;
  std::vector<CameraMode> modes;
  std::optional<CameraMode> best;
  std::string problem;
};

std::vector<FoundCamera> find_cameras() {
  std::vector<FoundCamera> found;
  for (const CameraSupport& camera : cameras_here()) {
    FoundCamera one{camera.device.string(), camera.name, {}, {}, {}};
    try {
      one.modes = modes_of(one.device);
      one.best = best_mode(one.modes, {});
      if (!one.best) one.problem = "gives no pictures that can be used";
    } catch (const Error& error) {
      one.problem = error.what();
    }
    found.push_back(std::move(one));
  }
  return found;
}

ordered_json to_json(const CameraMode& mode) {
  return {
      {"format", mode.format}, {"width", mode.width}, {"height", mode.height}, {"fps", mode.fps}};
}

int list(const SourcesArguments& a) {
  const std::vector<FoundCamera> cameras = find_cameras();
  if (a.json) {
    ordered_json list = ordered_json::array();
    for (const FoundCamera& camera : cameras) {
      ordered_json modes = ordered_json::array();
      for (const CameraMode& mode : camera.modes) modes.push_back(to_json(mode));
      list.push_back({{"source", camera.device},
                      {"name", camera.name},
                      {"best", camera.best ? to_json(*camera.best) : ordered_json()},
                      {"modes", modes},
                      {"problem", camera.problem}});
    }
    std::cout << ordered_json{{"cameras", list}}.dump(2) << '\n';
    return 0;
  }
  if (cameras.empty()) std::cout << "No camera is plugged in.\n";
  for (const FoundCamera& camera : cameras) {
    std::cout << fmt::format("{:<14} {} ({})\n", camera.device, camera.name,
                             camera.best ? camera.best->text() : camera.problem);
    if (!a.all) continue;
    for (const CameraMode& mode : camera.modes)
      std::cout << "                 " << mode.text() << '\n';
  }
  std::cout
      << "\nBeside cameras: a video file, rtsp://, http://, udp://, srt:// (docs/cameras.md).\n"
         "`lazarillo sources SOURCE` tries one.\n";
  return 0;
}

/// Looks through a source for two seconds and says what came.
int try_source(const SourcesArguments& a) {
  SourceOptions options;
  options.realtime = true;
  options.tell = [](const std::string& line) { std::cerr << "lazarillo: " << line << '\n'; };
  const std::int64_t began_ns = steady_now_ns();
  const auto source = open_source(a.source, options);
  const std::int64_t opened_ns = steady_now_ns();
  constexpr std::int64_t kLook_ns = 2'000'000'000;
  std::uint64_t pictures = 0;
  std::optional<FrameStamp> first;
  FrameStamp last;
  int width = 0;
  int height = 0;
  while (!first || last.capture_ns - first->capture_ns < kLook_ns) {
    const auto frame = source->next();
    if (!frame) break;
    if (!first) first = frame->stamp;
    last = frame->stamp;
    width = frame->width;
    height = frame->height;
    ++pictures;
  }
  if (!first) throw Error(ExitCode::source, source->fault());
  const double seconds = static_cast<double>(last.stream_ns - first->stream_ns) / 1e9;
  const double fps = pictures > 1 && seconds > 0 ? static_cast<double>(pictures - 1) / seconds : 0;
  const double opening = static_cast<double>(opened_ns - began_ns) / 1e9;
  if (a.json) {
    std::cout << ordered_json{{"source", without_secrets(a.source)},
                              {"width", width},
                              {"height", height},
                              {"fps", fps},
                              {"first_picture_s", opening}}
                     .dump(2)
              << '\n';
  } else {
    std::cout << fmt::format("{}: {}x{}, {:.1f} pictures a second, the first after {:.2f} s\n",
                             without_secrets(a.source), width, height, fps, opening);
  }
  return 0;
}

}  // namespace

void add_sources_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<SourcesArguments>();
  SourcesArguments& a = *arguments;
  CLI::App* command =
      app.add_subcommand("sources", "List the cameras of this machine, or try a source");
  command->add_option("SOURCE", a.source,
                      "Look through this one for two seconds: a camera, a stream or a file");
  command->add_flag("--all", a.all, "Every mode of every camera");
  command->add_flag("--json", a.json, "As JSON");
  command->callback([arguments, &exit_code] {
    exit_code = arguments->source.empty() ? list(*arguments) : try_source(*arguments);
  });
}

}  // namespace lazarillo
