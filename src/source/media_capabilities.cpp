#include "source/media_capabilities.h"

#include <algorithm>

#include "source/gstreamer_support.h"

namespace lazarillo {
namespace {

struct Wanted {
  const char* purpose;
  std::vector<const char*> elements;  ///< the best first; any of them will do
  const char* package;
};

const std::vector<Wanted>& wanted() {
  static const std::vector<Wanted> list = {
      {"reads H.264 video (phones, most cameras)",
       {"avdec_h264", "openh264dec", "vah264dec", "vaapih264dec", "nvh264dec", "v4l2h264dec"},
       "gstreamer1.0-libav"},
      {"reads H.265 video (newer phones)",
       {"avdec_h265", "libde265dec", "vah265dec", "vaapih265dec", "nvh265dec", "v4l2h265dec"},
       "gstreamer1.0-libav"},
      {"reads VP9 video (.webm)", {"vp9dec", "avdec_vp9", "vavp9dec"}, "gstreamer1.0-plugins-good"},
      {"reads MPEG-4 video (older .avi)", {"avdec_mpeg4"}, "gstreamer1.0-libav"},
      {"reads MS-MPEG-4 video (the demo's)", {"avdec_msmpeg4"}, "gstreamer1.0-libav"},
      {"reads Motion JPEG (USB cameras)", {"jpegdec", "avdec_mjpeg"}, "gstreamer1.0-plugins-good"},
      {"decodes H.264 on an NVIDIA GPU", {"nvh264dec"}, "gstreamer1.0-plugins-bad"},
      {"writes H.264, so that overlay.mp4 plays everywhere (else .mkv)",
       {"x264enc"},
       "gstreamer1.0-plugins-ugly"},
      {"writes AAC sound into overlay.mp4 (else .mkv)",
       {"avenc_aac", "fdkaacenc", "voaacenc"},
       "gstreamer1.0-libav"},
      {"writes .mp4 files", {"mp4mux"}, "gstreamer1.0-plugins-good"},
      {"writes .mkv files", {"matroskamux"}, "gstreamer1.0-plugins-good"},
      {"reads USB and built-in cameras", {"v4l2src"}, "gstreamer1.0-plugins-good"},
      {"reads network cameras (RTSP)", {"rtspsrc"}, "gstreamer1.0-plugins-good"},
  };
  return list;
}

}  // namespace

std::vector<MediaElement> media_capabilities() {
  gstreamer::init();
  std::vector<MediaElement> found;
  for (const Wanted& w : wanted()) {
    const auto element = std::find_if(w.elements.begin(), w.elements.end(), gstreamer::has_element);
    const bool present = element != w.elements.end();
    found.push_back({w.purpose, present ? *element : w.elements.front(), present, w.package});
  }
  return found;
}

}  // namespace lazarillo
