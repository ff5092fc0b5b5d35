#include "source/rtsp_server.h"

#include <fmt/format.h>
#include <gst/base/gstbasesink.h>
#include <gst/rtsp-server/rtsp-server.h>
#include <gst/video/video.h>

#include <atomic>
#include <functional>
#include <future>
#include <random>
#include <stdexcept>
#include <thread>

#include "clock.h"
#include "source/stamp.h"

namespace lazarillo::test {
namespace {

GstPadProbeReturn stamp(GstPad* pad, GstPadProbeInfo* info, gpointer count) {
  GstBuffer* buffer = gst_buffer_make_writable(gst_pad_probe_info_get_buffer(info));
  GST_PAD_PROBE_INFO_DATA(info) = buffer;
  GstCaps* caps = gst_pad_get_current_caps(pad);
  GstVideoInfo video;
  GstVideoFrame frame;
  if (gst_video_info_from_caps(&video, caps) != FALSE &&
      gst_video_frame_map(&frame, &video, buffer, GST_MAP_READWRITE) != FALSE) {
    auto* luma = static_cast<std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0));
    const int stride = GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);
    write_stamp(steady_now_ns(),
                [&](int x, int y, bool white) { luma[y * stride + x] = white ? 235 : 16; });
    gst_video_frame_unmap(&frame);
    ++*static_cast<std::atomic<std::uint64_t>*>(count);
  }
  gst_caps_unref(caps);
  return GST_PAD_PROBE_OK;
}

/// What on_configure() needs.
struct Media {
  std::atomic<std::uint64_t> stamped = 0;
  double lost = 0;
  std::mt19937 random{5};
};

GstPadProbeReturn lose(GstPad*, GstPadProbeInfo* info, gpointer pointer) {
  auto* media = static_cast<Media*>(pointer);
  const auto is_lost = [media] {
    return std::uniform_real_distribution<>(0, 1)(media->random) < media->lost;
  };
  if ((GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) != 0) {
    return is_lost() ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
  }
  GstBufferList* list = gst_buffer_list_make_writable(gst_pad_probe_info_get_buffer_list(info));
  GST_PAD_PROBE_INFO_DATA(info) = list;
  for (guint i = gst_buffer_list_length(list); i > 0; --i) {
    if (is_lost()) gst_buffer_list_remove(list, i - 1, 1);
  }
  return gst_buffer_list_length(list) == 0 ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
}

void probe(GstElement* pipeline, const char* name, int type, GstPadProbeCallback callback,
           gpointer pointer) {
  GstElement* element = gst_bin_get_by_name_recurse_up(reinterpret_cast<GstBin*>(pipeline), name);
  if (element == nullptr) return;
  GstPad* pad = gst_element_get_static_pad(element, "src");
  gst_pad_add_probe(pad, static_cast<GstPadProbeType>(type), callback, pointer, nullptr);
  gst_object_unref(pad);
  gst_object_unref(element);
}

void on_configure(GstRTSPMediaFactory*, GstRTSPMedia* rtsp_media, gpointer pointer) {
  auto* media = static_cast<Media*>(pointer);
  GstElement* pipeline = gst_rtsp_media_get_element(rtsp_media);
  probe(pipeline, "stamp", GST_PAD_PROBE_TYPE_BUFFER, &stamp, &media->stamped);
  if (media->lost > 0) {
    probe(pipeline, "pay0", GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, &lose,
          media);
  }
  // As a camera: what is there is sent, not held until its time plus the latency that its making is
  // said to need.
  GstObject* all = gst_object_get_parent(reinterpret_cast<GstObject*>(pipeline));
  if (all != nullptr) {
    g_signal_connect(all, "deep-element-added",
                     G_CALLBACK(+[](GstBin*, GstBin*, GstElement* added) {
                       if (GST_IS_BASE_SINK(added)) {
                         gst_base_sink_set_sync(reinterpret_cast<GstBaseSink*>(added), FALSE);
                       }
                     }),
                     nullptr);
    gst_object_unref(all);
  }
  gst_object_unref(pipeline);
}

void allow(GstRTSPServer* server, GstRTSPMediaFactory* factory, const RtspServerOptions& options) {
  GstRTSPAuth* auth = gst_rtsp_auth_new();
  GstRTSPToken* token =
      gst_rtsp_token_new(GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, "walker", nullptr);
  gchar* basic = gst_rtsp_auth_make_basic(options.user.c_str(), options.password.c_str());
  gst_rtsp_auth_add_basic(auth, basic, token);
  g_free(basic);
  gst_rtsp_token_unref(token);
  gst_rtsp_server_set_auth(server, auth);
  g_object_unref(auth);
  gst_rtsp_media_factory_add_role(factory, "walker", GST_RTSP_PERM_MEDIA_FACTORY_ACCESS,
                                  G_TYPE_BOOLEAN, TRUE, GST_RTSP_PERM_MEDIA_FACTORY_CONSTRUCT,
                                  G_TYPE_BOOLEAN, TRUE, nullptr);
}

}  // namespace

struct RtspServer::Impl {
  RtspServerOptions options;
  GMainContext* context = nullptr;
  GMainLoop* loop = nullptr;
  GstRTSPServer* server = nullptr;
  guint listener = 0;
  Media media;
  std::thread thread;

  /// Does it in the loop's thread, and waits for that.
  void in_loop(const std::function<void()>& work) {
    using Task = std::packaged_task<void()>;
    auto task = std::make_unique<Task>(work);
    std::future<void> done = task->get_future();
    GSource* source = g_idle_source_new();
    g_source_set_callback(
        source,
        [](gpointer data) -> gboolean {
          (*static_cast<Task*>(data))();
          return G_SOURCE_REMOVE;
        },
        task.release(), [](gpointer data) { delete static_cast<Task*>(data); });
    g_source_attach(source, context);
    g_source_unref(source);
    done.get();
  }
};

RtspServer::RtspServer(const RtspServerOptions& options) : impl_(std::make_unique<Impl>()) {
  gst_init(nullptr, nullptr);
  Impl& s = *impl_;
  s.options = options;
  s.context = g_main_context_new();
  s.loop = g_main_loop_new(s.context, FALSE);
  s.server = gst_rtsp_server_new();
  // Clients live in the loop's thread, and are closed there: closed by another one while theirs
  // reads, they are read from for ever.
  GstRTSPThreadPool* pool = gst_rtsp_server_get_thread_pool(s.server);
  gst_rtsp_thread_pool_set_max_threads(pool, 0);
  g_object_unref(pool);
  gst_rtsp_server_set_address(s.server, options.address.c_str());
  gst_rtsp_server_set_service(s.server, std::to_string(options.port).c_str());
  GstRTSPMediaFactory* factory = gst_rtsp_media_factory_new();
  gst_rtsp_media_factory_set_launch(factory, ("( " + options.pipeline + " )").c_str());
  if (options.tcp_only) {
    gst_rtsp_media_factory_set_protocols(factory, GST_RTSP_LOWER_TRANS_TCP);
  }
  s.media.lost = options.lost;
  g_signal_connect(factory, "media-configure", G_CALLBACK(on_configure), &s.media);
  if (!options.user.empty()) allow(s.server, factory, options);
  GstRTSPMountPoints* mounts = gst_rtsp_server_get_mount_points(s.server);
  gst_rtsp_mount_points_add_factory(mounts, "/video", factory);
  g_object_unref(mounts);
  s.listener = gst_rtsp_server_attach(s.server, s.context);
  if (s.listener == 0) throw std::runtime_error("the RTSP server cannot listen");
  s.options.port = gst_rtsp_server_get_bound_port(s.server);
  s.thread = std::thread([&s] {
    g_main_context_push_thread_default(s.context);
    g_main_loop_run(s.loop);
    g_main_context_pop_thread_default(s.context);
  });
}

RtspServer::~RtspServer() {
  g_source_destroy(g_main_context_find_source_by_id(impl_->context, impl_->listener));
  drop_clients();
  // In its own thread: a loop that has not begun would not hear of it.
  impl_->in_loop([this] { g_main_loop_quit(impl_->loop); });
  impl_->thread.join();
  g_object_unref(impl_->server);
  g_main_loop_unref(impl_->loop);
  g_main_context_unref(impl_->context);
}

int RtspServer::port() const { return impl_->options.port; }

std::string RtspServer::uri() const {
  const bool v6 = impl_->options.address.find(':') != std::string::npos;
  return fmt::format("rtsp://{}:{}/video",
                     v6 ? "[" + impl_->options.address + "]" : impl_->options.address, port());
}

void RtspServer::drop_clients() {
  impl_->in_loop([this] {
    GList* gone = gst_rtsp_server_client_filter(
        impl_->server,
        [](GstRTSPServer*, GstRTSPClient* client, gpointer) {
          gst_rtsp_client_close(client);
          return GST_RTSP_FILTER_REMOVE;
        },
        nullptr);
    g_list_free_full(gone, g_object_unref);
  });
}

std::uint64_t RtspServer::stamped() const { return impl_->media.stamped; }

std::string test_pictures(int width, int height, int fps, int key_pictures) {
  return fmt::format(
      "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width={},height={},"
      "framerate={}/1 ! identity name=stamp ! x264enc tune=zerolatency speed-preset=ultrafast "
      "key-int-max={} ! rtph264pay name=pay0 pt=96 config-interval=-1",
      width, height, fps, key_pictures);
}

}  // namespace lazarillo::test
