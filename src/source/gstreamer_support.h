#pragma once

#include <gst/gst.h>

#include <memory>
#include <string>

/// What the files that speak to GStreamer share. Private to the .cpp files: no public header
/// includes this one.
namespace lazarillo::gstreamer {

/// Initialises GStreamer once for the process. Thread-safe. Throws Error(internal).
void init();

struct Unref {
  void operator()(GstElement* p) const { gst_object_unref(p); }
  void operator()(GstPad* p) const { gst_object_unref(p); }
  void operator()(GstBus* p) const { gst_object_unref(p); }
  void operator()(GstClock* p) const { gst_object_unref(p); }
  void operator()(GstElementFactory* p) const { gst_object_unref(p); }
  void operator()(GstCaps* p) const { gst_caps_unref(p); }
  void operator()(GstContext* p) const { gst_context_unref(p); }
  void operator()(GstEvent* p) const { gst_event_unref(p); }
  void operator()(GstSample* p) const { gst_sample_unref(p); }
  void operator()(GError* p) const { g_error_free(p); }
  void operator()(char* p) const { g_free(p); }
};
/// Owns one reference.
template <typename T>
using Ptr = std::unique_ptr<T, Unref>;

[[nodiscard]] bool has_element(const char* factory);

/// A new element, owned by nobody until it is put into a bin. Throws Error(internal) naming the
/// Debian package when its plug-in is not installed; every caller names elements of the sets the
/// program depends on.
[[nodiscard]] GstElement* make_element(const char* factory);

/// Sets a property, its value as text, where the element has it: not every decoder and source does.
void set_if_known(GstElement* element, const char* property, const char* value);

[[nodiscard]] bool is_demuxer(GstElement* element);

/// Why an ERROR message was posted: GStreamer's text and, where it says more, its detail. One line.
[[nodiscard]] std::string reason(GstMessage* error_message);

/// Debian package that brings what handles these caps, e.g. "gstreamer1.0-libav".
[[nodiscard]] std::string package_for(const GstCaps* caps);

}  // namespace lazarillo::gstreamer
