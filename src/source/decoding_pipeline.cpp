#include "source/decoding_pipeline.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "error.h"
#include "source/media_file.h"

namespace lazarillo {
namespace {

using gstreamer::Ptr;
using std::chrono::seconds;

/// A local file that yields nothing for so long will yield nothing more.
constexpr seconds kStalled{60};
/// After an error the elements behind it still empty what they hold; they need not say when done.
constexpr seconds kDraining{2};
constexpr GstClockTime kSettling = 10 * GST_SECOND;

std::string seconds_text(std::int64_t ns) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", static_cast<double>(ns) / 1e9);
  return text;
}

}  // namespace

DecodingPipeline::DecodingPipeline(const std::filesystem::path& file, const std::stop_token& stop,
                                   bool on_card, SourceTap* tap)
    : name_(quoted(file)) {
  check_readable(file);
  on_stop_.emplace(stop, [this] { halt(); });
  {
    // Hands what is written so far over to GStreamer's threads, which lock before they look.
    const std::lock_guard lock(mutex_);
    build(file, on_card, tap);
  }
  if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
    fail("cannot be opened");
  }
  std::unique_lock lock(mutex_);
  await_first(lock);
  // An error that overtakes the first picture on its way through the decoder does not hide it.
  if (linked_ && ready_.empty() && !ended_)
    await(lock, [this] { return !ready_.empty() || ended_; });
  if (ready_.empty()) {
    std::string line =
        name_ + " " + (failure_.empty() ? "holds no picture that can be decoded" : failure_);
    if (line.find(kUnreadable) != std::string::npos) line += ": is the file complete?";
    lock.unlock();
    shut_down();
    throw Error(ExitCode::source, line);
  }
  lock.unlock();
  gint64 length = 0;
  if (gst_element_query_duration(chain_->sink(), GST_FORMAT_TIME, &length) != FALSE && length > 0) {
    duration_ns_ = length;
  }
  const auto before_cut = length_of_cut_avi_ns(file);
  if (before_cut) duration_ns_ = std::max(*before_cut, duration_ns_.value_or(0));
}

DecodingPipeline::~DecodingPipeline() { shut_down(); }

void DecodingPipeline::build(const std::filesystem::path& file, bool on_card, SourceTap* tap) {
  pipeline_.reset(gst_pipeline_new(nullptr));
  gst_object_ref_sink(pipeline_.get());
  GstElement* reader = gstreamer::make_element("filesrc");
  gst_bin_add(reinterpret_cast<GstBin*>(pipeline_.get()), reader);
  g_object_set(reader, "location", file.c_str(), nullptr);
  chain_.emplace(pipeline_.get(), static_cast<PictureTaker&>(*this),
                 DecodeOptions{.on_card = on_card, .tap = tap});
  gst_element_link(reader, chain_->decoder());
  g_signal_connect_data(chain_->decoder(), "pad-added",
                        reinterpret_cast<GCallback>(&DecodingPipeline::on_pad), this, nullptr,
                        GConnectFlags{});
  const Ptr<GstPad> pad(gst_element_get_static_pad(chain_->entry(), "sink"));
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_EVENT_FLUSH, &DecodingPipeline::on_flush, this,
                    nullptr);
  const Ptr<GstBus> bus(gst_element_get_bus(pipeline_.get()));
  gst_bus_set_sync_handler(bus.get(), &DecodingPipeline::on_message, this, nullptr);
}

void DecodingPipeline::halt() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
}

/// Ends GStreamer's threads; none of the callbacks runs any more after it.
void DecodingPipeline::shut_down() {
  halt();
  gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
}

/// Waits for the condition or stop(), but never for ever.
template <typename Condition>
void DecodingPipeline::await(std::unique_lock<std::mutex>& lock, Condition condition) {
  const bool draining = !failure_.empty();
  const bool heard = changed_.wait_for(lock, draining ? kDraining : kStalled,
                                       [&] { return condition() || stopped_; });
  if (heard) return;
  ended_ = true;
  if (!draining) failure_ = "gave no picture for " + std::to_string(kStalled.count()) + " s";
}

/// Waits for the first picture or the end of hope. decodebin loses an error that an element posts
/// while it is being added: a demuxer that ended its reading without giving any stream is taken
/// for one.
void DecodingPipeline::await_first(std::unique_lock<std::mutex>& lock) {
  const auto heard = [this] { return !ready_.empty() || ended_ || !failure_.empty(); };
  const auto slice = std::chrono::milliseconds(50);
  const auto deadline = std::chrono::steady_clock::now() + kStalled;
  int idle = 0;
  while (!linked_ && std::chrono::steady_clock::now() < deadline) {
    if (changed_.wait_for(lock, slice, [&] { return heard() || linked_; })) break;
    lock.unlock();
    idle = nobody_reads() ? idle + 1 : 0;
    lock.lock();
    if (idle == 5) {
      failure_ = kUnreadable;
      return;
    }
  }
  await(lock, heard);
}

/// No element pulls data from the file any more, and none passes on what it has got.
bool DecodingPipeline::nobody_reads() const {
  struct Tasks {
    int running = 0;
    int done = 0;
  } tasks;
  const auto look = [](GstElement*, GstPad* pad, gpointer counts) -> gboolean {
    const GstTaskState state = gst_pad_get_task_state(pad);
    if (state == GST_TASK_STARTED) ++static_cast<Tasks*>(counts)->running;
    if (state == GST_TASK_PAUSED) ++static_cast<Tasks*>(counts)->done;
    return TRUE;
  };
  GstIterator* elements = gst_bin_iterate_recurse(reinterpret_cast<GstBin*>(pipeline_.get()));
  GValue item = G_VALUE_INIT;
  while (gst_iterator_next(elements, &item) == GST_ITERATOR_OK) {
    gst_element_foreach_pad(static_cast<GstElement*>(g_value_get_object(&item)), look, &tasks);
    g_value_reset(&item);
  }
  g_value_unset(&item);
  gst_iterator_free(elements);
  return tasks.running == 0 && tasks.done > 0;
}

/// False when there is no more picture.
bool DecodingPipeline::await_next(std::unique_lock<std::mutex>& lock) {
  const auto arrived = [this] { return !ready_.empty() || ended_; };
  await(lock, [&] { return arrived() || !failure_.empty(); });
  if (!stopped_ && !arrived()) await(lock, arrived);
  return !stopped_ && !ready_.empty();
}

const PipelinePicture* DecodingPipeline::peek() {
  std::unique_lock lock(mutex_);
  return await_next(lock) ? &ready_.front() : nullptr;
}

PipelinePicture DecodingPipeline::take() {
  std::unique_lock lock(mutex_);
  if (!await_next(lock)) {
    over_ = true;
    return {};
  }
  PipelinePicture picture = std::move(ready_.front());
  ready_.pop_front();
  lock.unlock();
  changed_.notify_all();
  return picture;
}

void DecodingPipeline::give_up(const std::string& why) {
  fail(why);
  const std::lock_guard lock(mutex_);
  over_ = true;
}

bool DecodingPipeline::seek(std::int64_t stream_time_ns) {
  // A flush that meets the pipeline on its way to PLAYING would leave the sink behind, paused.
  if (gst_element_get_state(pipeline_.get(), nullptr, nullptr, kSettling) !=
      GST_STATE_CHANGE_SUCCESS) {
    return false;
  }
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || !failure_.empty()) return false;
    flushing_ = true;
  }
  changed_.notify_all();
  // Sent to this sink alone: one seek, not one from every stream of the file.
  const auto flags = static_cast<GstSeekFlags>(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_KEY_UNIT |
                                               GST_SEEK_FLAG_SNAP_BEFORE);
  const bool sought =
      gst_element_seek_simple(chain_->sink(), GST_FORMAT_TIME, flags, stream_time_ns) != FALSE;
  const std::lock_guard lock(mutex_);
  over_ = false;
  return sought && !flushing_;
}

bool DecodingPipeline::has_index() const {
  bool found = false;
  GstIterator* elements = gst_bin_iterate_recurse(reinterpret_cast<GstBin*>(pipeline_.get()));
  GValue item = G_VALUE_INIT;
  while (!found && gst_iterator_next(elements, &item) == GST_ITERATOR_OK) {
    auto* element = static_cast<GstElement*>(g_value_get_object(&item));
    found = gstreamer::is_demuxer(element);
    g_value_reset(&item);
  }
  g_value_unset(&item);
  gst_iterator_free(elements);
  return found;
}

std::string DecodingPipeline::fault() const {
  const std::lock_guard lock(mutex_);
  if (!over_ || stopped_) return "";
  const std::string reached = seconds_text(reached_ns_);
  if (!failure_.empty()) {
    return name_ + " " + failure_ + " (after " + reached + ")";
  }
  // Headers round and estimate: only what is clearly missing counts.
  const std::int64_t declared = duration_ns_.value_or(0);
  if (declared - reached_ns_ > std::max<std::int64_t>(1'000'000'000, declared / 50)) {
    return name_ + " ends at " + reached + " of " + seconds_text(declared) +
           " declared: is the file cut short or damaged?";
  }
  if (damaged_ > 0) {
    return name_ + " holds damaged pictures: " + std::to_string(damaged_) + " left out";
  }
  return "";
}

}  // namespace lazarillo
