#include "source/gstreamer_support.h"

#include <algorithm>
#include <mutex>
#include <string_view>

#include "error.h"

namespace lazarillo::gstreamer {

void init() {
  static std::once_flag once;
  std::call_once(once, [] {
    GError* raw = nullptr;
    if (gst_init_check(nullptr, nullptr, &raw) == FALSE) {
      const Ptr<GError> error(raw);
      throw Error(ExitCode::internal, std::string("GStreamer does not start: ") +
                                          (error ? error->message : "no reason given"));
    }
  });
}

bool has_element(const char* factory) {
  return Ptr<GstElementFactory>(gst_element_factory_find(factory)) != nullptr;
}

bool is_demuxer(GstElement* element) {
  GstElementFactory* factory = gst_element_get_factory(element);
  return factory != nullptr &&
         gst_element_factory_list_is_type(factory, GST_ELEMENT_FACTORY_TYPE_DEMUXER) != FALSE;
}

GstElement* make_element(const char* factory) {
  GstElement* element = gst_element_factory_make(factory, nullptr);
  if (element == nullptr) {
    throw Error(ExitCode::internal, std::string("GStreamer's element '") + factory +
                                        "' is missing: install gstreamer1.0-plugins-base and "
                                        "gstreamer1.0-plugins-good");
  }
  return element;
}

void set_if_known(GstElement* element, const char* property, const char* value) {
  if (g_object_class_find_property(G_OBJECT_GET_CLASS(element), property) == nullptr) return;
  gst_util_set_object_arg(reinterpret_cast<GObject*>(element), property, value);
}

std::string reason(GstMessage* error_message) {
  GError* raw_error = nullptr;
  char* raw_debug = nullptr;
  gst_message_parse_error(error_message, &raw_error, &raw_debug);
  const Ptr<GError> error(raw_error);
  const Ptr<char> debug(raw_debug);
  std::string line = error ? error->message : "unknown error";
  // The debug text is "file.c(123): function (): /path/of:element:" and, after a line break, at
  // times one sentence more.
  if (debug) {
    const std::string_view text = debug.get();
    const auto start = text.find('\n');
    if (start != std::string_view::npos) {
      const auto detail = text.substr(start + 1);
      if (!detail.empty()) line += " (" + std::string(detail) + ")";
    }
  }
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

std::string package_for(const GstCaps* caps) {
  const std::string_view name = gst_caps_is_empty(caps) != FALSE || gst_caps_is_any(caps) != FALSE
                                    ? ""
                                    : gst_structure_get_name(gst_caps_get_structure(caps, 0));
  struct Known {
    std::string_view name;
    const char* package;
  };
  static constexpr Known kKnown[] = {
      {"video/x-theora", "gstreamer1.0-plugins-base"},
      {"application/ogg", "gstreamer1.0-plugins-base"},
      {"video/x-vp8", "gstreamer1.0-plugins-good"},
      {"video/x-vp9", "gstreamer1.0-plugins-good"},
      {"image/jpeg", "gstreamer1.0-plugins-good"},
      {"image/png", "gstreamer1.0-plugins-good"},
      {"video/quicktime", "gstreamer1.0-plugins-good"},
      {"video/x-matroska", "gstreamer1.0-plugins-good"},
      {"video/webm", "gstreamer1.0-plugins-good"},
      {"video/x-msvideo", "gstreamer1.0-plugins-good"},
      {"video/x-flv", "gstreamer1.0-plugins-good"},
      {"video/mpegts", "gstreamer1.0-plugins-bad"},
      {"video/x-av1", "gstreamer1.0-plugins-bad"},
      {"video/x-ms-asf", "gstreamer1.0-plugins-ugly"},
  };
  const auto* const known = std::find_if(std::begin(kKnown), std::end(kKnown),
                                         [&](const Known& k) { return k.name == name; });
  return known != std::end(kKnown) ? known->package : "gstreamer1.0-libav";
}

}  // namespace lazarillo::gstreamer
