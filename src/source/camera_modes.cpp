#include "source/camera_modes.h"

#include <fmt/format.h>
#include <gst/gst.h>
#include <gst/video/video.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <regex>
#include <string_view>

#include "error.h"
#include "source/gstreamer_support.h"

namespace lazarillo {
namespace {

using gstreamer::Ptr;

constexpr double kEnoughFps = 60;
constexpr double kEnoughPixels = 1280 * 720;

/// The values of a field that is one or a list.
template <typename Take>
void each(const GValue* value, const Take& take) {
  if (value == nullptr) return;
  if (!GST_VALUE_HOLDS_LIST(value)) return take(value);
  for (guint i = 0; i < gst_value_list_get_size(value); ++i) {
    each(gst_value_list_get_value(value, i), take);
  }
}

struct Rates {
  double least = 0, most = 0;
};

std::vector<Rates> rates_of(const GstStructure* structure) {
  const auto number = [](const GValue* value) {
    const int over = gst_value_get_fraction_denominator(value);
    return over > 0 ? 1.0 * gst_value_get_fraction_numerator(value) / over : 0.0;
  };
  std::vector<Rates> rates;
  each(gst_structure_get_value(structure, "framerate"), [&](const GValue* value) {
    if (GST_VALUE_HOLDS_FRACTION_RANGE(value)) {
      rates.push_back({number(gst_value_get_fraction_range_min(value)),
                       number(gst_value_get_fraction_range_max(value))});
    } else if (GST_VALUE_HOLDS_FRACTION(value)) {
      rates.push_back({number(value), number(value)});
    }
  });
  if (rates.empty()) rates.emplace_back();
  return rates;
}

/// Sizes to choose from: those that are listed; of ranges those that people know.
std::vector<std::pair<int, int>> sizes_of(const GstStructure* structure) {
  int width = 0;
  int height = 0;
  if (gst_structure_get_int(structure, "width", &width) != FALSE &&
      gst_structure_get_int(structure, "height", &height) != FALSE) {
    return {{width, height}};
  }
  const GValue* widths = gst_structure_get_value(structure, "width");
  const GValue* heights = gst_structure_get_value(structure, "height");
  if (widths == nullptr || heights == nullptr) return {};
  std::vector<std::pair<int, int>> sizes;
  for (const auto& [w, h] :
       {std::pair{320, 240}, {640, 480}, {800, 600}, {1280, 720}, {1920, 1080}}) {
    GValue wanted = G_VALUE_INIT;
    g_value_init(&wanted, G_TYPE_INT);
    g_value_set_int(&wanted, w);
    const bool wide = gst_value_intersect(nullptr, &wanted, widths) != FALSE;
    g_value_set_int(&wanted, h);
    if (wide && gst_value_intersect(nullptr, &wanted, heights) != FALSE) sizes.emplace_back(w, h);
    g_value_unset(&wanted);
  }
  return sizes;
}

std::vector<std::string> formats_of(const GstStructure* structure) {
  const std::string_view name = gst_structure_get_name(structure);
  if (name == "image/jpeg") return {"JPEG"};
  if (name == "video/x-h264") return {"H264"};
  std::vector<std::string> formats;
  if (name != "video/x-raw") return formats;
  each(gst_structure_get_value(structure, "format"), [&](const GValue* value) {
    if (!G_VALUE_HOLDS_STRING(value)) return;
    const char* format = g_value_get_string(value);
    if (gst_video_format_from_string(format) != GST_VIDEO_FORMAT_UNKNOWN)
      formats.emplace_back(format);
  });
  return formats;
}

bool is_rate(double rate, double wish) {
  constexpr double kSameFps = 0.5;  // 29.97 is 30
  return std::abs(rate - wish) < kSameFps;
}

bool fits(const CameraMode& mode, const ModeWish& wish) {
  return (wish.width == 0 || (mode.width == wish.width && mode.height == wish.height)) &&
         (wish.fps == 0 || is_rate(mode.fps, wish.fps) ||
          (mode.least_fps <= wish.fps && wish.fps < mode.fps)) &&
         (wish.format.empty() || mode.format == wish.format) &&
         (!wish.compressed_only || mode.is_compressed());
}

double worth(const CameraMode& mode) {
  return std::min(mode.fps, kEnoughFps) *
         std::sqrt(std::min(1.0 * mode.width * mode.height, kEnoughPixels));
}

}  // namespace

std::string CameraMode::text() const {
  return fmt::format("{}x{} {}, {:.4g} a second", width, height, format, fps);
}

std::vector<CameraMode> camera_modes(const std::string& caps) {
  gstreamer::init();
  std::vector<CameraMode> modes;
  const Ptr<GstCaps> parsed(gst_caps_from_string(caps.c_str()));
  if (!parsed || gst_caps_is_any(parsed.get()) != FALSE) return modes;
  for (guint i = 0; i < gst_caps_get_size(parsed.get()); ++i) {
    const GstStructure* structure = gst_caps_get_structure(parsed.get(), i);
    // Pictures in two fields, or in memory of another device.
    if (gst_caps_features_is_equal(gst_caps_get_features(parsed.get(), i),
                                   GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY) == FALSE) {
      continue;
    }
    for (const std::string& format : formats_of(structure)) {
      for (const auto& [width, height] : sizes_of(structure)) {
        for (const Rates& rates : rates_of(structure)) {
          const CameraMode mode{format, width, height, rates.most, rates.least};
          if (std::find(modes.begin(), modes.end(), mode) == modes.end()) modes.push_back(mode);
        }
      }
    }
  }
  return modes;
}

std::vector<CameraMode> modes_of(const std::string& device) {
  gstreamer::init();
  const Ptr<GstElement> camera(gstreamer::make_element("v4l2src"));
  gst_object_ref_sink(camera.get());
  g_object_set(camera.get(), "device", device.c_str(), nullptr);
  const Ptr<GstBus> bus(gst_bus_new());
  gst_element_set_bus(camera.get(), bus.get());
  const bool opened =
      gst_element_set_state(camera.get(), GST_STATE_READY) != GST_STATE_CHANGE_FAILURE;
  std::vector<CameraMode> modes;
  if (opened) {
    const Ptr<GstPad> pad(gst_element_get_static_pad(camera.get(), "src"));
    const Ptr<GstCaps> caps(gst_pad_query_caps(pad.get(), nullptr));
    const Ptr<char> text(gst_caps_to_string(caps.get()));
    modes = camera_modes(text.get());
  }
  std::string why = "no reason given";
  if (!opened) {
    if (GstMessage* message = gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR)) {
      why = gstreamer::reason(message);
      gst_message_unref(message);
    }
  }
  gst_element_set_state(camera.get(), GST_STATE_NULL);
  if (!opened) {
    throw Error(ExitCode::source, "the camera '" + device + "' cannot be opened: " + why);
  }
  return modes;
}

ModeWish mode_wish(const std::string& text) {
  ModeWish wish;
  if (text == "auto") return wish;
  static const std::regex pattern(
      R"((?:(\d{1,5})x(\d{1,5}))?(?:@(\d{1,3}(?:\.\d+)?))?(?: ?((?!x\d)[A-Za-z]\w*))?)");
  std::smatch match;
  if (text.empty() || !std::regex_match(text, match, pattern)) {
    throw Error(ExitCode::usage,
                "source.mode is '" + text +
                    "', must be auto or like \"1280x720@30 JPEG\", each part of it "
                    "left out at will");
  }
  if (match[1].matched) {
    wish.width = std::stoi(match[1]);
    wish.height = std::stoi(match[2]);
  }
  if (match[3].matched) wish.fps = std::stod(match[3]);
  wish.format = match[4];
  std::transform(wish.format.begin(), wish.format.end(), wish.format.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (wish.format == "MJPG" || wish.format == "MJPEG") wish.format = "JPEG";
  if (wish.format == "YUYV") wish.format = "YUY2";
  return wish;
}

std::optional<CameraMode> best_mode(const std::vector<CameraMode>& modes, const ModeWish& wish) {
  std::optional<CameraMode> best;
  for (const CameraMode& offered : modes) {
    if (!fits(offered, wish)) continue;
    CameraMode mode = offered;
    if (wish.fps > 0 && !is_rate(mode.fps, wish.fps)) mode.fps = wish.fps;
    const auto rank = [](const CameraMode& m) {
      return std::tuple(worth(m), !m.is_compressed(), -m.width * m.height);
    };
    if (!best || rank(mode) > rank(*best)) best = mode;
  }
  return best;
}

std::string caps_of(const CameraMode& mode) {
  gstreamer::init();
  int n = 0;
  int d = 1;
  gst_util_double_to_fraction(mode.fps, &n, &d);
  const std::string kind = mode.format == "JPEG"   ? "image/jpeg"
                           : mode.format == "H264" ? "video/x-h264"
                                                   : "video/x-raw,format=" + mode.format;
  std::string caps = fmt::format("{},width={},height={}", kind, mode.width, mode.height);
  if (mode.fps > 0) caps += fmt::format(",framerate={}/{}", n, d);
  return caps;
}

}  // namespace lazarillo
