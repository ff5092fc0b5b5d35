#include "source/packet_count.h"

namespace lazarillo {
namespace {

using gstreamer::Ptr;

bool comes_by_udp(GstElement* rtspsrc) {
  GstIterator* elements =
      gst_bin_iterate_all_by_element_factory_name(reinterpret_cast<GstBin*>(rtspsrc), "udpsrc");
  GValue first = G_VALUE_INIT;
  const bool some = gst_iterator_next(elements, &first) == GST_ITERATOR_OK;
  if (some) g_value_unset(&first);
  gst_iterator_free(elements);
  return some;
}

}  // namespace

PacketCount::PacketCount(GstElement* rtspsrc) : source_(rtspsrc) {
  g_signal_connect_data(rtspsrc, "new-manager",
                        reinterpret_cast<GCallback>(&PacketCount::on_manager), this, nullptr,
                        GConnectFlags{});
}

std::optional<Packets> PacketCount::read() const {
  Ptr<GstElement> buffer;
  {
    const std::lock_guard lock(mutex_);
    if (!buffer_) return std::nullopt;
    buffer.reset(static_cast<GstElement*>(gst_object_ref(buffer_.get())));
  }
  if (!comes_by_udp(source_)) return std::nullopt;
  GstStructure* stats = nullptr;
  g_object_get(buffer.get(), "stats", &stats, nullptr);
  if (stats == nullptr) return std::nullopt;
  guint64 came = 0;
  guint64 lost = 0;
  const bool known = gst_structure_get(stats, "num-pushed", G_TYPE_UINT64, &came, "num-lost",
                                       G_TYPE_UINT64, &lost, nullptr) != FALSE;
  gst_structure_free(stats);
  return known ? std::optional(Packets{came, lost}) : std::nullopt;
}

// In GStreamer's threads. UDP that is silent is given up for TCP, with another manager.

void PacketCount::on_manager(GstElement*, GstElement* manager, PacketCount* self) {
  g_signal_connect_data(manager, "new-jitterbuffer",
                        reinterpret_cast<GCallback>(&PacketCount::on_buffer), self, nullptr,
                        GConnectFlags{});
}

void PacketCount::on_buffer(GstElement*, GstElement* buffer, guint, guint, PacketCount* self) {
  const std::lock_guard lock(self->mutex_);
  self->buffer_.reset(static_cast<GstElement*>(gst_object_ref(buffer)));
}

}  // namespace lazarillo
