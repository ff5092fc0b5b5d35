#pragma once

#include <filesystem>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "control/command_inputs.h"
#include "guide/guide.h"
#include "path/corridor.h"
#include "path/map_scale.h"
#include "run/detector_gate.h"
#include "run/see_stage.h"
#include "see/perception.h"
#include "see/picture_watch.h"
#include "speak/phrasebook.h"
#include "speak/speaker.h"
#include "track/tracker.h"

namespace lazarillo {

/// How the work is spread over the machine.
struct RunningOptions {
  bool lockstep = false;   ///< one frame at a time, nothing overlaps: the plan's starting point
  int streams = 0;         ///< a replay's pairs of eyes, each with its own network; 0: one per core
  int stream_threads = 0;  ///< threads of each of these networks; 0: what seeing has
  bool priorities = true;  ///< urgent threads first, as far as this user may
  bool spare = true;       ///< --isolate: a second pair of eyes waits, its networks loaded
};

/// Everything a user can set, with the values used when nothing is.
struct Config {
  std::string models = "lznet";
  std::string language = "en";
  double hfov_deg = 69;  ///< of a camera without calibration: a usual phone or webcam
  bool hfov_assumed = true;
  std::string calibration;  ///< "FILE" or "FILE#CAMERA" (source/calibration_file.h); "": none
  std::string decoder = "processor";  ///< or "nvdec": on the NVIDIA card, pictures stay there
  std::string camera_mode = "auto";   ///< of cameras (source/camera_modes.h)
  std::string camera = "rgb";         ///< of Aria glasses
  std::string aria_bridge = "lazarillo-aria";  ///< the program that reads them
  bool dma_buf = false;  ///< a camera's pictures are fetched by the NVIDIA card
  int jitter_ms = 50;    ///< streams: how long late packets are waited for
  double wait_s = 0;     ///< cameras, streams: how long one that is not there yet is looked for
  PerceptionOptions seeing;
  SeeingOptions pace;
  bool watch = true;  ///< every picture: whether it shows anything, and how the camera turned
  PictureRules pictures;
  GateOptions skipping;
  RunningOptions running;
  TrackerOptions tracking{.high_score = 0};  ///< 0: the model's own suggestion
  bool path = true;                          ///< watch the corridor, where there is depth in metres
  GroundOptions ground;
  double worn_m = MapScale::kWorn_m;  ///< no camera is worn higher above the ground; 0: not known
  CorridorOptions corridor;
  GuideOptions guiding;
  SpeakerOptions speaking;
  Wording wording;
  CommandOptions commands;
};

/// One key of the configuration file, bound to its place in a Config.
struct Setting {
  std::string key;  ///< "guide.critical_ttc_s"
  std::string description;
  std::variant<double*, int*, bool*, std::string*> value;
  double least = std::numeric_limits<double>::lowest();
  double most = std::numeric_limits<double>::max();
};

/// Every setting there is, bound to `config`, which must outlive the list.
[[nodiscard]] std::vector<Setting> settings_of(Config& config);

/// What the settings of a file were measured on and with (its table [tuned]); empty: they were not.
struct TunedFor {
  std::string processor;
  std::string models;
  bool chosen = false;  ///< these models are what runs when nobody names any
};

/// Reads the table [tuned] of a file. Throws Error(usage) as read_config does.
[[nodiscard]] TunedFor tuned_for(const std::filesystem::path& file);

/// Reads a TOML file over `config`, whatever it is tuned for. Throws Error(usage): unreadable, not
/// TOML, unknown key (the nearest known one named), wrong type, out of range.
void read_config(const std::filesystem::path& file, Config& config);

/// The same for text; `origin` is for messages.
void read_config_text(const std::string& text, const std::string& origin, Config& config);

/// One setting as it is typed, "guide.critical_ttc_s=3": a text needs no quotes. Throws
/// Error(usage).
void read_setting(const std::string& setting, Config& config);

/// The whole configuration as a commented TOML file.
[[nodiscard]] std::string to_toml(Config config);

}  // namespace lazarillo
