#include "run/config.h"

#include <toml++/toml.h>

#include <algorithm>
#include <sstream>
#include <type_traits>

#include "error.h"
#include "nearest.h"

namespace lazarillo {
namespace {

struct Where {
  std::string file;
  std::size_t line;
};

[[noreturn]] void refuse(const Where& where, const std::string& problem) {
  throw Error(ExitCode::usage,
              "'" + where.file + "' line " + std::to_string(where.line) + ": " + problem);
}

std::string number(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

template <class T>
void assign(const Setting& setting, T* target, const toml::node& node, const Where& where) {
  if constexpr (std::is_same_v<T, double> || std::is_same_v<T, int>) {
    const bool fits = std::is_same_v<T, double> ? node.is_number() : node.is_integer();
    if (!fits) {
      refuse(where, "'" + setting.key + "' must be a " +
                        (std::is_same_v<T, double> ? "number" : "whole number"));
    }
    const double value = node.value<double>().value();
    if (!(value >= setting.least && value <= setting.most)) {
      refuse(where, "'" + setting.key + "' is " + number(value) + ", must be from " +
                        number(setting.least) + " to " + number(setting.most));
    }
    *target = static_cast<T>(value);
  } else {
    const auto value = node.value_exact<T>();
    if (!value) {
      refuse(where, "'" + setting.key + "' must be " +
                        (std::is_same_v<T, bool> ? "true or false" : "a text in quotes"));
    }
    *target = *value;
  }
}

void read_table(const toml::table& table, const std::string& prefix,
                const std::vector<Setting>& settings, const std::string& file) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    const Where where{file, node.source().begin.line};
    const auto begins = [&](const Setting& s) { return s.key.starts_with(name + "."); };
    if (node.is_table() && std::any_of(settings.begin(), settings.end(), begins)) {
      read_table(*node.as_table(), name + ".", settings, file);
      continue;
    }
    const auto setting = std::find_if(settings.begin(), settings.end(),
                                      [&](const Setting& s) { return s.key == name; });
    if (setting == settings.end()) {
      std::vector<std::string> known;
      known.reserve(settings.size());
      for (const Setting& each : settings) known.push_back(each.key);
      refuse(where, "there is no setting '" + name + "'; the nearest is '" + nearest(name, known) +
                        "' (all: lazarillo config)");
    }
    std::visit([&, n = &node](auto* target) { assign(*setting, target, *n, where); },
               setting->value);
  }
}

toml::table parsed(const std::filesystem::path& file) {
  try {
    return toml::parse_file(file.string());
  } catch (const toml::parse_error& error) {
    const std::size_t line = error.source().begin.line;
    if (line == 0) {
      throw Error(ExitCode::usage, "cannot read the configuration '" + file.string() +
                                       "': " + std::string(error.description()));
    }
    refuse({file.string(), line}, std::string(error.description()));
  }
}

TunedFor read_tuned(const toml::table& document, const std::filesystem::path& file) {
  TunedFor tuned;
  const std::vector<Setting> settings = {{"tuned.processor", "", &tuned.processor},
                                         {"tuned.models", "", &tuned.models}};
  if (const toml::node* node = document.get("tuned")) {
    if (!node->is_table()) {
      refuse({file.string(), node->source().begin.line}, "'tuned' must be a table");
    }
    read_table(*node->as_table(), "tuned.", settings, file.string());
  }
  return tuned;
}

}  // namespace

std::vector<Setting> settings_of(Config& c) {
  GuideOptions& g = c.guiding;
  CorridorOptions& way = c.corridor;
  TrackerOptions& t = c.tracking;
  PerceptionOptions& p = c.seeing;
  SpeakerOptions& s = c.speaking;
  return {
      {"models", "networks to see with: a name from `lazarillo models list`, or a manifest",
       &c.models},
      {"language", "language of the sentences: a file in data/lang", &c.language},
      {"camera.hfov_deg", "horizontal field of view where no calibration is known, degrees",
       &c.hfov_deg, 5, 170},
      {"camera.hfov_assumed", "false: the field of view is measured; distances get surer",
       &c.hfov_assumed},

      {"source.calibration",
       "calibration of the camera: a file of OpenCV, Kalibr or JSON, FILE#NAME for one of several",
       &c.calibration},
      {"source.decoder",
       "where videos are decoded: processor, or nvdec (the NVIDIA card; with see.engine tensorrt)",
       &c.decoder},
      {"source.dma_buf",
       "cameras (/dev/video0): the NVIDIA card fetches their pictures; with see.engine tensorrt",
       &c.dma_buf},
      {"source.mode",
       "cameras: auto (the best), or like \"1280x720@30 JPEG\", each part left out at will",
       &c.camera_mode},
      {"source.camera",
       "Aria: which camera to look through: rgb, slam-left, slam-right, ..., or all at once: all",
       &c.camera},
      {"source.aria_bridge", "Aria: the program that reads glasses and recordings", &c.aria_bridge},
      {"source.jitter_ms", "network streams: how long packets that are late are waited for, ms",
       &c.jitter_ms, 0, 5000},
      {"source.wait_s",
       "cameras and streams: one that is not there at the start is looked for so long, seconds",
       &c.wait_s, 0, 86400},

      {"see.score_threshold", "boxes below are dropped at once", &p.score_threshold, 0, 1},
      {"see.nms_iou", "boxes that overlap more are one; 0: the model's own", &p.nms_iou, 0, 1},
      {"see.depth_interval", "a separate depth network runs on every n-th frame looked at",
       &c.pace.depth_interval, 1, 60},
      {"see.deadline_ms", "live: a frame older than this when its turn comes is not looked at",
       &c.pace.deadline_ms, 1, 10000},
      {"see.threads", "threads of the detector or joint network; 0: a share of the cores",
       &p.threads, 0, 256},
      {"see.depth_threads", "threads of a separate depth network; 0: a share of the cores",
       &p.depth_threads, 0, 256},
      {"see.precision", "arithmetic of the networks: f32, or bf16 where the processor has it",
       &p.precision},
      {"see.batch", "a replay's frames in one call of the detector", &p.batch, 1, 4},
      {"see.engine", "what networks run on: openvino (the processor) or tensorrt (an NVIDIA card)",
       &p.engine},
      {"see.gpu_memory_mb", "tensorrt: no more of the card's memory than this; 0: all",
       &p.gpu_memory_mb, 0, 1'000'000},

      {"picture.watch",
       "look at every picture whether it shows anything, and how the camera turned", &c.watch},
      {"picture.dark",
       "too dark: mean plus twice the spread of the grey levels (0 to 255) is below this",
       &c.pictures.dark, 0, 255},
      {"picture.spread", "blocked: the spread of the levels is below this", &c.pictures.spread, 0,
       255},
      {"picture.detail", "blocked: and so is the mean gradient, levels a pixel of 160 x 120",
       &c.pictures.detail, 0, 255},

      {"picture.bright", "too bright: mean less the spread of the levels is above this",
       &c.pictures.bright, 0, 256},
      {"picture.softness",
       "blurred: halving the picture changes its gradients as if it were smooth, so nearly; 2: "
       "never",
       &c.pictures.softness, 0, 2},
      {"skip.enabled", "rest the detector where nothing changed that a prediction does not cover",
       &c.skipping.enabled},
      {"skip.changed",
       "part of the picture that may change unlooked at, beside what tracks explain",
       &c.skipping.changed, 0, 1},
      {"skip.longest_s", "the detector runs at least so often", &c.skipping.longest_s, 0, 5},
      {"skip.doubt", "doubt in a predicted place, part of the box height, that wakes the detector",
       &c.skipping.doubt, 0, 1},

      {"run.lockstep", "one frame at a time: nothing overlaps (slow; for comparison)",
       &c.running.lockstep},
      {"run.streams", "a replay's frames looked at side by side; 0: one per core",
       &c.running.streams, 0, 64},
      {"run.stream_threads",
       "threads of each network of these; 0: see.threads and see.depth_threads",
       &c.running.stream_threads, 0, 256},
      {"run.priorities", "live: guiding and sound go before everything else, where allowed",
       &c.running.priorities},
      {"run.spare",
       "--isolate: networks loaded twice, so that seeing goes on at once after a crash",
       &c.running.spare},

      {"track.high_score", "boxes this good are matched first; 0: the model's own score",
       &t.high_score, 0, 1},
      {"track.new_margin", "a new track needs a score this much higher", &t.new_margin, 0, 1},
      {"track.low_score", "weaker boxes never continue a track", &t.low_score, 0, 1},
      {"track.confirm_hits", "detections before a track counts", &t.confirm_hits, 1, 100},
      {"track.lost_after_s", "a track not detected for longer is dropped", &t.lost_after_s, 0, 60},
      {"track.predict_s", "a track counts so long on prediction alone", &t.predict_s, 0, 10},
      {"track.assumed_focal_sigma", "doubt in an assumed field of view, as a part of the distance",
       &t.assumed_focal_sigma, 0, 1},

      {"path.enabled", "tell of what is in the way whatever it is, of drops and stairs", &c.path},
      {"path.half_width_m", "half the width a walker needs, with a margin", &way.half_width_m, 0.2,
       3},
      {"path.height_m", "what hangs higher is in nobody's way", &way.height_m, 1, 3},
      {"path.head_from_m", "from this height on it is told as at head height", &way.head_from_m,
       0.5, 3},
      {"path.least_height_m", "what is lower is left to the cane", &way.least_height_m, 0.05, 1},
      {"path.least_drop_m", "ground that goes down by less is left to the cane", &way.least_drop_m,
       0.05, 2},
      {"path.reach_m", "how far the way is looked along", &way.reach_m, 1, 20},
      {"path.least_camera_m", "height of the camera over the ground, at least",
       &c.ground.least_height_m, 0.1, 5},
      {"path.most_camera_m", "the same, at most", &c.ground.most_height_m, 0.2, 20},
      {"path.worn_m",
       "no camera is worn higher: depth that finds the ground deeper is corrected; 0: never",
       &c.worn_m, 0, 20},
      {"path.camera_m", "height of the camera where the ground was never seen",
       &c.ground.assumed_height_m, 0.1, 20},

      {"guide.ahead_deg", "bearing up to which something is ahead", &g.ahead_deg, 0, 90},
      {"guide.critical_half_width_m", "half the width in which something will be touched",
       &g.critical_half_width_m, 0.1, 5},
      {"guide.corridor_half_width_m", "half the width a walker needs", &g.corridor_half_width_m,
       0.2, 5},
      {"guide.critical_ttc_s", "contact sooner than this is critical", &g.critical_ttc_s, 0, 60},
      {"guide.critical_distance_m", "anything in the way nearer than this is critical",
       &g.critical_distance_m, 0, 20},
      {"guide.warning_ttc_s", "contact sooner than this is warned of", &g.warning_ttc_s, 0, 60},
      {"guide.warning_distance_m", "anything in the way nearer than this is warned of",
       &g.warning_distance_m, 0, 50},
      {"guide.obstacle_critical_m",
       "something without a name in the way nearer than this is critical", &g.obstacle_critical_m,
       0, 20},
      {"guide.drop_critical_m", "ground that goes down nearer than this is critical",
       &g.drop_critical_m, 0, 20},
      {"guide.drop_warning_m", "ground that goes down, or stairs up, nearer than this: a warning",
       &g.drop_warning_m, 0, 50},
      {"guide.clear_s", "the way is free for so long before that is said", &g.clear_s, 0, 60},
      {"guide.info_distance_m",
       "things nearer than this are told; people, cycles and vehicles farther", &g.info_distance_m,
       0, 200},
      {"guide.approach_factor", "what comes nearer is told from so much farther",
       &g.approach_factor, 1, 20},
      {"guide.persistence_s", "a track speaks only after it lasted so long", &g.persistence_s, 0,
       10},
      {"guide.soon_s", "a warning of what is met sooner needs no more than critical ones",
       &g.soon_s, 0, 60},
      {"guide.persistence_critical_s", "the same for critical ones", &g.persistence_critical_s, 0,
       10},
      {"guide.standing_s",
       "who has stood for so long is told of what stands, too, in warnings at most (an IMU tells)",
       &g.standing_s, 0, 1e9},
      {"guide.stale_s", "a track not detected for so long stays silent", &g.stale_s, 0, 10},
      {"guide.stale_critical_s", "the same for critical ones", &g.stale_critical_s, 0, 10},
      {"guide.repeat_critical_s", "a danger that closes in is told again after",
       &g.repeat_critical_s, 0.1, 600},
      {"guide.repeat_s", "anything else that changed is told again after", &g.repeat_s, 0.1, 600},
      {"guide.nearer_factor", "changed: distance fell below this part of what was told",
       &g.nearer_factor, 0, 1},
      {"guide.gap_info_s", "silence before an informative cue", &g.gap_info_s, 0, 600},
      {"guide.gap_warning_s", "time between urgent cues before a warning", &g.gap_warning_s, 0,
       600},
      {"guide.gap_critical_s", "time between critical cues", &g.gap_critical_s, 0, 60},
      {"guide.words_per_minute",
       "said in any minute, what is critical apart; critical-only 0, calm 30, normal 60, dense 120",
       &g.words_per_minute, 0, 1000},
      {"guide.groups", "several alike near each other are told in one sentence", &g.groups},
      {"guide.maybe_below",
       "less certain to be what it is called: \"maybe\" (networks with calibrated scores)",
       &g.maybe_below, 0, 1},
      {"guide.vision_lost_s", "pictures that cannot be seen for so long: say so", &g.vision_lost_s,
       0, 60},
      {"guide.vision_slow_s", "what is seen is so old when it is told: say so; 0: never",
       &g.vision_slow_s, 0, 10},

      {"speak.speech", "say sentences", &s.speech},
      {"speak.earcons", "play a short sound from the direction of the object", &s.earcons},
      {"speak.heartbeat_s", "while all is seen and nothing said, a tick so often; 0: none",
       &s.heartbeat_s, 0, 60},
      {"speak.way_tone", "a soft tone goes on from where the way is free", &s.way_tone},
      {"speak.distance", "how distances are said: metres or steps", &c.wording.distance},
      {"speak.step_m", "length of the walker's step, for distances in steps", &c.wording.step_m,
       0.3, 1.2},
      {"speak.direction", "how directions are said: side, clock, or both", &c.wording.direction},
      {"speak.words_per_minute", "speaking rate", &s.words_per_minute, 80, 450},
      {"speak.grace_ms", "how long a lesser sentence may go on once a critical cue came",
       &s.grace_ms, 0, 5000},
      {"speak.expire_s", "a sentence that waited longer is dropped", &s.expire_s, 0, 60},

      {"commands.socket",
       "live: where `lazarillo tell` reaches the run; \"\": $XDG_RUNTIME_DIR/lazarillo.sock, or "
       "none",
       &c.commands.socket},
      {"commands.headset", "live: input device whose media keys give commands (/dev/input/event7)",
       &c.commands.headset},
  };
}

TunedFor tuned_for(const std::filesystem::path& file) {
  const toml::table document = parsed(file);
  TunedFor tuned = read_tuned(document, file);
  tuned.chosen = document.contains("models");
  return tuned;
}

void read_config_text(const std::string& text, const std::string& origin, Config& config) {
  toml::table document;
  try {
    document = toml::parse(text);
  } catch (const toml::parse_error& error) {
    refuse({origin, error.source().begin.line}, std::string(error.description()));
  }
  read_table(document, "", settings_of(config), origin);
}

void read_setting(const std::string& setting, Config& config) {
  const auto equals = setting.find('=');
  if (equals == std::string::npos) {
    throw Error(ExitCode::usage,
                "--set " + setting + ": say KEY=VALUE, as --set guide.critical_ttc_s=3");
  }
  const std::string key = setting.substr(0, equals);
  const std::string value = setting.substr(equals + 1);
  const auto known = settings_of(config);
  const auto found =
      std::find_if(known.begin(), known.end(), [&](const Setting& s) { return s.key == key; });
  const bool text = found != known.end() && std::holds_alternative<std::string*>(found->value);
  std::ostringstream line;
  line << key << " = ";
  if (text) {
    line << toml::value<std::string>(value);
  } else {
    line << value;
  }
  read_config_text(line.str(), "--set " + setting, config);
}

void read_config(const std::filesystem::path& file, Config& config) {
  toml::table document = parsed(file);
  (void)read_tuned(document, file);
  document.erase("tuned");
  read_table(document, "", settings_of(config), file.string());
}

std::string to_toml(Config config) {
  std::ostringstream text;
  text << "# Lazarillo's settings with their values. Keep what you change, drop the rest:\n"
          "# lazarillo run SOURCE --config THIS_FILE\n";
  std::string section;
  for (const Setting& setting : settings_of(config)) {
    const auto dot = setting.key.find('.');
    const std::string own = dot == std::string::npos ? "" : setting.key.substr(0, dot);
    if (own != section) {
      section = own;
      text << "\n[" << section << "]\n";
    }
    text << "# " << setting.description << "\n"
         << setting.key.substr(dot == std::string::npos ? 0 : dot + 1) << " = ";
    std::visit(
        [&](const auto* value) {
          using T = std::remove_cvref_t<decltype(*value)>;
          if constexpr (std::is_same_v<T, std::string>) {
            text << toml::value<std::string>(*value);
          } else if constexpr (std::is_same_v<T, bool>) {
            text << (*value ? "true" : "false");
          } else if constexpr (std::is_same_v<T, double>) {
            text << toml::value<double>(*value);
          } else {
            text << *value;
          }
        },
        setting.value);
    text << "\n";
  }
  return text.str();
}

}  // namespace lazarillo
