#include "source/fake_camera.h"

#include <gst/base/gstpushsrc.h>
#include <gst/gst.h>
#include <gst/video/video.h>

#include <atomic>
#include <cstring>
#include <mutex>

namespace lazarillo::test {
namespace {

std::mutex mutex;
FakeCamera fake;
std::atomic<int> starts = 0;

struct Camera {
  GstPushSrc parent;
  gchar* device;
  int given;
  GstVideoInfo video;
};
struct CameraClass {
  GstPushSrcClass parent;
};

GType camera_type();
gpointer parent_class = nullptr;

Camera* self_of(gpointer object) { return static_cast<Camera*>(object); }

FakeCamera current() {
  const std::lock_guard lock(mutex);
  return fake;
}

void set_property(GObject* object, guint, const GValue* value, GParamSpec*) {
  g_free(self_of(object)->device);
  self_of(object)->device = g_value_dup_string(value);
}
void get_property(GObject* object, guint, GValue* value, GParamSpec*) {
  g_value_set_string(value, self_of(object)->device);
}
void finalize(GObject* object) {
  g_free(self_of(object)->device);
  static_cast<GObjectClass*>(parent_class)->finalize(object);
}

/// As v4l2src: the device is opened on the way to READY.
GstStateChangeReturn change_state(GstElement* element, GstStateChange change) {
  if (change == GST_STATE_CHANGE_NULL_TO_READY && current().device != self_of(element)->device) {
    GST_ELEMENT_ERROR(element, RESOURCE, NOT_FOUND,
                      ("Cannot identify device '%s'.", self_of(element)->device), (nullptr));
    return GST_STATE_CHANGE_FAILURE;
  }
  return static_cast<GstElementClass*>(parent_class)->change_state(element, change);
}

GstCaps* get_caps(GstBaseSrc*, GstCaps*) { return gst_caps_from_string(current().caps.c_str()); }
gboolean set_caps(GstBaseSrc* src, GstCaps* caps) {
  return gst_video_info_from_caps(&self_of(src)->video, caps);
}
gboolean start(GstBaseSrc* src) {
  self_of(src)->given = 0;
  ++starts;
  return TRUE;
}

GstFlowReturn create(GstPushSrc* src, GstBuffer** buffer) {
  Camera* self = self_of(src);
  const int most = current().pictures_until_unplugged;
  if (most >= 0 && self->given >= most) {
    GST_ELEMENT_ERROR(src, RESOURCE, READ, ("Could not read from resource."), (nullptr));
    return GST_FLOW_ERROR;
  }
  g_usleep(5'000);
  *buffer = gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&self->video), nullptr);
  gst_buffer_memset(*buffer, 0, static_cast<guint8>(self->given),
                    GST_VIDEO_INFO_SIZE(&self->video));
  ++self->given;
  return GST_FLOW_OK;
}

void class_init(gpointer klass, gpointer) {
  parent_class = g_type_class_peek_parent(klass);
  auto* object = static_cast<GObjectClass*>(klass);
  object->set_property = set_property;
  object->get_property = get_property;
  object->finalize = finalize;
  g_object_class_install_property(
      object, 1, g_param_spec_string("device", "", "", nullptr, G_PARAM_READWRITE));
  auto* element = static_cast<GstElementClass*>(klass);
  gst_element_class_set_static_metadata(element, "Fake camera", "Source/Video", "for tests", "-");
  static GstStaticPadTemplate pads =
      GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
  gst_element_class_add_static_pad_template(element, &pads);
  element->change_state = change_state;
  auto* base = static_cast<GstBaseSrcClass*>(klass);
  base->get_caps = get_caps;
  base->set_caps = set_caps;
  base->start = start;
  static_cast<GstPushSrcClass*>(klass)->create = create;
}

void instance_init(GTypeInstance* instance, gpointer) {
  auto* src = reinterpret_cast<GstBaseSrc*>(instance);
  gst_base_src_set_live(src, TRUE);
  gst_base_src_set_format(src, GST_FORMAT_TIME);
  gst_base_src_set_do_timestamp(src, TRUE);
}

GType camera_type() {
  static const GType type =
      g_type_register_static_simple(GST_TYPE_PUSH_SRC, "LazarilloFakeCamera", sizeof(CameraClass),
                                    class_init, sizeof(Camera), instance_init, GTypeFlags{});
  return type;
}

}  // namespace

void install_fake_camera(const FakeCamera& camera) {
  {
    const std::lock_guard lock(mutex);
    fake = camera;
  }
  gst_init(nullptr, nullptr);
  static const bool installed =
      gst_element_register(nullptr, "v4l2src", GST_RANK_NONE, camera_type()) != FALSE;
  (void)installed;
}

int fake_camera_starts() { return starts; }

}  // namespace lazarillo::test
