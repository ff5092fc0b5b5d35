#include <cuda_fp16.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "error.h"
#include "gpu/memory.h"
#include "see/cuda/compiled_network.h"
#include "see/cuda/kernels.h"
#include "see/eyes.h"
#include "source/device_picture.h"

namespace lazarillo {
namespace {

using Tensor = gpu::DeviceNetwork::Tensor;
using Network = gpu::CompiledNetwork;
using gpu::number_of;

/// What the host tells the card of a frame, in one copy.
struct FrameInputs {
  gpu::PictureBatch detector;
  gpu::PictureBatch depth;
  std::array<MapSample, gpu::PictureBatch::most> samples;  ///< of the depth maps
};

/// What decides which work a frame is: a graph is captured for each.
struct Shape {
  int pictures = 0;
  bool with_depth = false;      ///< the depth network runs
  bool measures_boxes = false;  ///< with a map in metres, of this call or one before
  bool with_lens = false;       ///< some picture is to be straightened
  int map_cells = 0;            ///< of each depth map that are brought back, at most
  std::size_t upload_bytes = 0;
  bool operator==(const Shape&) const = default;
};

/// What a picture shows, as far as a depth map of an earlier one still fits.
struct View {
  int camera, width, height;
  bool operator==(const View&) const = default;
};

struct CapturedGraph {
  Shape shape;
  gpu::GraphExec exec;
  GpuTraffic traffic;
};

/// Everything between the frames' pixels and the boxes found, on the card, as one CUDA graph.
class GpuEyes final : public Eyes {
 public:
  GpuEyes(const ModelSet& models, const PerceptionOptions& options, GpuSchedule schedule)
      : options_(options),
        schedule_(schedule),
        interval_(static_cast<std::uint64_t>(std::max(options.depth_interval, 1))) {
    (void)gpu_info();
    limit_gpu_memory(static_cast<std::uint64_t>(options.gpu_memory_mb) << 20);
    if (options.batch > gpu::PictureBatch::most) {
      throw Error(ExitCode::usage,
                  "see.batch is more than " + std::to_string(gpu::PictureBatch::most));
    }
    detector_ = std::make_unique<Network>(finder_of(models), options.batch);
    for (const NetworkManifest& network : models.networks) {
      if (network.task == Task::depth && options.depth) {
        depth_ = std::make_unique<Network>(network, options.batch);
      }
    }
    most_ = detector_->network.most_batch();
    if (depth_) most_ = std::min(most_, depth_->network.most_batch());
    stream_ = gpu::make_stream(true);
    depth_stream_ = gpu::make_stream(false);
    uploaded_ = gpu::make_event();
    measured_ = gpu::make_event();
    began_ = gpu::make_event(true);
    ended_ = gpu::make_event(true);
    inputs_ = gpu::PinnedBuffer(sizeof(FrameInputs));
    device_inputs_ = gpu::DeviceBuffer(sizeof(FrameInputs));
    const auto most = static_cast<std::size_t>(most_);
    found_ = gpu::PinnedBuffer(most * sizeof(gpu::FoundBoxes));
    device_found_ = gpu::DeviceBuffer(most * sizeof(gpu::FoundBoxes));
    scratch_ = gpu::DeviceBuffer(gpu::find_boxes_scratch(detector_output(most_)));
    if (gives_maps()) {
      const std::size_t bytes =
          gpu::SampledMaps{nullptr, most_, MapSample::most * MapSample::most}.bytes();
      sampled_ = gpu::PinnedBuffer(bytes);
      device_sampled_ = gpu::DeviceBuffer(bytes);
    }
  }

  void see(std::span<const Frame> frames, std::span<Sighting> sightings) override {
    const auto step = static_cast<std::size_t>(most_);
    for (std::size_t i = 0; i < frames.size(); i += step) {
      const std::size_t count = std::min(step, frames.size() - i);
      see_some(frames.subspan(i, count), sightings.subspan(i, count));
    }
  }

  /// A pair's depth comes with the detections.
  [[nodiscard]] bool has_depth_network() const override { return false; }
  [[nodiscard]] DepthSighting measure_depth(const Frame& frame) override {
    return {frame.stamp, {}, "this network gives no depth by itself"};
  }

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] bool joint() const { return detector_->manifest.task == Task::joint; }
  [[nodiscard]] bool gives_maps() const {
    return metric() ? options_.metric_maps : depth_ && options_.relative_maps;
  }
  /// Whose depth map it is.
  [[nodiscard]] const Network& map_network() const { return depth_ ? *depth_ : *detector_; }
  [[nodiscard]] bool metric() const {
    return joint() || (depth_ && depth_->manifest.depth == DepthContract::metric);
  }

  [[nodiscard]] gpu::DetectorOutput detector_output(int pictures) const {
    const Network& n = *detector_;
    const NetworkManifest& m = n.manifest;
    const Tensor& boxes = n.output(n.plan.boxes);
    gpu::DetectorOutput output;
    output.number = number_of(boxes);
    output.boxes = boxes.data;
    output.pictures = pictures;
    output.classes = static_cast<int>(m.labels.size());
    output.anchors = static_cast<int>(boxes.shape[1]);
    if (m.boxes_normalised) {
      output.unit_x = static_cast<float>(m.input_width);
      output.unit_y = static_cast<float>(m.input_height);
    }
    if (m.task == Task::joint || m.detector == DetectorContract::detr) {
      output.head = m.task == Task::joint ? gpu::Head::joint : gpu::Head::detr;
      const Tensor& scores = n.output(n.plan.scores);
      if (scores.half != boxes.half) {
        throw Error(ExitCode::model, "'" + m.name + "' gives boxes and scores of different types");
      }
      output.scores = scores.data;
    } else if (m.detector == DetectorContract::end_to_end) {
      output.head = gpu::Head::end_to_end;
    } else if (n.plan.transposed) {
      output.head = gpu::Head::ultralytics_transposed;
    } else {
      output.head = gpu::Head::ultralytics;
      output.anchors = static_cast<int>(boxes.shape[2]);
    }
    return output;
  }

  [[nodiscard]] gpu::DepthOutput depth_output() const {
    const Network& n = map_network();
    const Tensor& depth = n.output(n.plan.depth);
    gpu::DepthOutput output{depth.data, nullptr, number_of(depth),
                            static_cast<int>(depth.shape.back()),
                            static_cast<int>(depth.shape[depth.shape.size() - 2])};
    if (n.plan.depth_sigma) output.sigma = n.output(*n.plan.depth_sigma).data;
    return output;
  }

  void see_some(std::span<const Frame> frames, std::span<Sighting> sightings) {
    const auto began = Clock::now();
    std::vector<std::size_t> good;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      try {
        if (!frames[i].device) check_pixels(frames[i]);
        good.push_back(i);
      } catch (const std::exception& e) {
        sightings[i].fault = e.what();
      }
    }
    if (good.empty()) return;
    try {
      const Shape shape = stage(frames, good);
      const auto staged = Clock::now();
      const double gpu_ms = run(shape);
      const auto ran = Clock::now();
      const auto share = [&](Clock::duration passed) {
        return std::chrono::duration<double, std::milli>(passed).count() /
               static_cast<double>(good.size());
      };
      for (std::size_t slot = 0; slot < good.size(); ++slot) {
        const auto read_from = Clock::now();
        const Frame& frame = frames[good[slot]];
        Sighting& sighting = sightings[good[slot]];
        try {
          read(frame, slot, shape, sighting);
        } catch (const std::exception& e) {
          sighting.fault = e.what();
        }
        sighting.preprocess_ms = share(staged - began);
        sighting.inference_ms = share(ran - staged);
        sighting.postprocess_ms =
            std::chrono::duration<double, std::milli>(Clock::now() - read_from).count();
        sighting.gpu_ms = gpu_ms / static_cast<double>(good.size());
      }
    } catch (const std::exception& e) {
      for (const std::size_t i : good) sightings[i].fault = e.what();
    }
  }

  /// Writes what the card needs to know of the frames, and their pixels, into pinned memory.
  Shape stage(std::span<const Frame> frames, const std::vector<std::size_t>& good) {
    Shape shape{static_cast<int>(good.size())};
    const bool due = map_due(frames, good);
    shape.with_depth = depth_ && due;
    shape.measures_boxes = metric();
    std::vector<std::size_t> at;
    for (const std::size_t i : good) {
      at.push_back(shape.upload_bytes);
      if (frames[i].device) continue;
      // Rows begin where the kernels load widest.
      shape.upload_bytes +=
          (pitch_of(frames[i]) * static_cast<std::size_t>(frames[i].height) + 255) / 256 * 256;
    }
    if (shape.upload_bytes > pixels_.bytes()) {
      graphs_.clear();  // they hold the old places
      pixels_ = gpu::PinnedBuffer(shape.upload_bytes);
      device_pixels_ = gpu::DeviceBuffer(shape.upload_bytes);
    }
    auto& inputs = *inputs_.as<FrameInputs>();
    inputs.detector.count = inputs.depth.count = shape.pictures;
    for (std::size_t slot = 0; slot < good.size(); ++slot) {
      const Frame& frame = frames[good[slot]];
      inputs.detector.mappings[slot] = detector_->fit(frame);
      inputs.detector.corners[slot] = detector_->corners(frame, stream_.get());
      if (depth_) {
        inputs.depth.mappings[slot] = depth_->fit(frame);
        inputs.depth.corners[slot] = depth_->corners(frame, stream_.get());
      }
      if (frame.lens) shape.with_lens = true;
      if (due && gives_maps()) {
        const gpu::DepthOutput map = depth_output();
        MapSample& sample = inputs.samples[slot];
        sample = sample_of(map_batch(inputs).mappings[slot], map.width, map.height);
        shape.map_cells = std::max(shape.map_cells, sample.cells());
      }
      gpu::Picture& picture = inputs.detector.pictures[slot];
      picture = frame.device ? on_card(frame) : upload(frame, at[slot]);
      inputs.depth.pictures[slot] = picture;
    }
    return shape;
  }

  /// Whether it is time for another depth map: the last is of other cameras, or of frames numbered
  /// before the last multiple of the interval. (Not all frames come here.) Of several cameras the
  /// slower ones lack in some moments: the map of those that come before them stays where it is.
  bool map_due(std::span<const Frame> frames, const std::vector<std::size_t>& good) {
    std::vector<View> views;
    for (const std::size_t i : good) {
      views.push_back({frames[i].stamp.camera, frames[i].width, frames[i].height});
    }
    const std::uint64_t turn = frames[good.front()].stamp.sequence / interval_;
    const bool mapped =
        views.size() <= mapped_.size() && std::equal(views.begin(), views.end(), mapped_.begin());
    if (interval_ > 1 && turn == mapped_turn_ && mapped) return false;
    mapped_ = std::move(views);
    mapped_turn_ = turn;
    return true;
  }

  /// The pictures as the network of the depth map sees them.
  const gpu::PictureBatch& map_batch(const FrameInputs& inputs) const {
    return depth_ ? inputs.depth : inputs.detector;
  }

  static gpu::Picture on_card(const Frame& frame) {
    const DevicePicture& device = *frame.device;
    gpu::Picture picture;
    picture.pixels = device.luma;
    picture.chroma = device.chroma;
    picture.pitch = device.luma_pitch;
    picture.chroma_pitch = device.chroma_pitch;
    picture.width = frame.width;
    picture.height = frame.height;
    picture.format = gpu::Picture::Format::nv12;
    picture.bt709 = device.bt709;
    picture.full_range = device.full_range;
    return picture;
  }

  /// Copies the pixels to where the graph takes them from.
  gpu::Picture upload(const Frame& frame, std::size_t at) {
    const std::size_t pitch = pitch_of(frame);
    const std::size_t row = row_of(frame);
    auto* to = pixels_.as<std::uint8_t>() + at;
    for (int y = 0; y < frame.height; ++y) {
      std::memcpy(to + static_cast<std::size_t>(y) * pitch,
                  frame.pixels.get() + y * frame.stride_bytes, row);
    }
    gpu::Picture picture;
    picture.pixels = device_pixels_.as<std::uint8_t>() + at;
    picture.pitch = static_cast<int>(pitch);
    picture.width = frame.width;
    picture.height = frame.height;
    picture.format = frame.format == PixelFormat::bgr8 ? gpu::Picture::Format::bgr8
                                                       : gpu::Picture::Format::gray8;
    return picture;
  }

  static std::size_t row_of(const Frame& frame) {
    return std::size_t{frame.format == PixelFormat::bgr8 ? 3U : 1U} *
           static_cast<std::size_t>(frame.width);
  }

  static std::size_t pitch_of(const Frame& frame) { return (row_of(frame) + 15) / 16 * 16; }

  void prepare(const Shape& shape) {
    detector_->network.prepare(shape.pictures, stream_.get());
    if (shape.with_depth) depth_->network.prepare(shape.pictures, stream_.get());
  }

  const CapturedGraph& graph_of(const Shape& shape) {
    const auto known = std::find_if(graphs_.begin(), graphs_.end(),
                                    [&](const CapturedGraph& g) { return g.shape == shape; });
    if (known != graphs_.end()) return *known;
    prepare(shape);
    const GpuTraffic before = gpu_traffic();
    gpu::GraphExec exec = gpu::capture(stream_.get(), [&] { queue(shape); });
    const GpuTraffic after = gpu_traffic();
    graphs_.push_back({shape,
                       std::move(exec),
                       {after.to_device - before.to_device, after.to_host - before.to_host}});
    return graphs_.back();
  }

  /// All of a frame's work, in two streams.
  void queue(const Shape& shape) {
    const cudaStream_t main = stream_.get();
    const cudaStream_t side = schedule_.two_streams ? depth_stream_.get() : main;
    auto* inputs = device_inputs_.as<FrameInputs>();
    gpu::copy_to_device(inputs, inputs_.as<void>(), sizeof(FrameInputs), main);
    if (shape.upload_bytes > 0) {
      gpu::copy_to_device(device_pixels_.data(), pixels_.as<void>(), shape.upload_bytes, main);
    }
    if (shape.with_depth) {
      gpu::check(cudaEventRecord(uploaded_.get(), main), "forking a graph");
      gpu::check(cudaStreamWaitEvent(side, uploaded_.get()), "forking a graph");
      gpu::letterbox(&inputs->depth, shape.pictures, depth_->input, side);
      if (shape.with_lens) gpu::rectify(&inputs->depth, shape.pictures, depth_->input, side);
      depth_->network.enqueue(shape.pictures, side);
      gpu::check(cudaEventRecord(measured_.get(), side), "joining a graph");
    }
    gpu::letterbox(&inputs->detector, shape.pictures, detector_->input, main);
    if (shape.with_lens) gpu::rectify(&inputs->detector, shape.pictures, detector_->input, main);
    detector_->network.enqueue(shape.pictures, main);
    auto* found = device_found_.as<gpu::FoundBoxes>();
    const NetworkManifest& m = detector_->manifest;
    const bool suppress = m.task == Task::joint || m.detector == DetectorContract::ultralytics;
    gpu::find_boxes(
        detector_output(shape.pictures),
        {static_cast<float>(options_.score_threshold),
         static_cast<float>(options_.nms_iou > 0 ? options_.nms_iou : m.nms_iou), suppress},
        scratch_.data(), found, main);
    if (shape.with_depth) {
      gpu::check(cudaStreamWaitEvent(main, measured_.get()), "joining a graph");
    }
    if (shape.measures_boxes) {
      gpu::measure_boxes(&inputs->detector, depth_ ? &inputs->depth : &inputs->detector,
                         shape.pictures, depth_output(), found, main);
    }
    gpu::copy_rows_to_host(found_.as<void>(), found, sizeof(gpu::FoundBoxes),
                           offsetof(gpu::FoundBoxes, boxes) +
                               std::size_t{gpu::FoundBoxes::first} * sizeof(gpu::FoundBox),
                           static_cast<std::size_t>(shape.pictures), main);
    if (shape.map_cells == 0) return;
    const gpu::SampledMaps maps{device_sampled_.data(), shape.pictures, shape.map_cells};
    gpu::sample_maps(inputs->samples.data(), depth_output(), maps, main);
    gpu::copy_to_host(sampled_.as<void>(), maps.memory, maps.bytes(), main);
  }

  /// The boxes of a picture that shows more than most do.
  void bring_the_rest(int pictures) {
    constexpr int kFirst = gpu::FoundBoxes::first;
    bool any = false;
    for (int slot = 0; slot < pictures; ++slot) {
      gpu::FoundBoxes& found = found_.as<gpu::FoundBoxes>()[slot];
      if (found.count <= kFirst) continue;
      any = true;
      gpu::copy_to_host(
          &found.boxes[kFirst], &device_found_.as<gpu::FoundBoxes>()[slot].boxes[kFirst],
          static_cast<std::size_t>(found.count - kFirst) * sizeof(gpu::FoundBox), stream_.get());
    }
    if (any) wait_for(ended_);
  }

  /// Until all that is queued by now is done.
  void wait_for(const gpu::Event& event) {
    gpu::check(cudaEventRecord(event.get(), stream_.get()), "seeing a frame");
    gpu::check(cudaEventSynchronize(event.get()), "seeing a frame");
  }

  /// Milliseconds of the card's time.
  double run(const Shape& shape) {
    const CapturedGraph* graph = schedule_.graph ? &graph_of(shape) : nullptr;
    gpu::check(cudaEventRecord(began_.get(), stream_.get()), "starting a frame");
    if (graph != nullptr) {
      gpu::check(cudaGraphLaunch(graph->exec.get(), stream_.get()), "starting a frame");
      gpu::note_traffic(graph->traffic);
    } else {
      prepare(shape);
      queue(shape);
    }
    wait_for(ended_);
    float ms = 0;
    gpu::check(cudaEventElapsedTime(&ms, began_.get(), ended_.get()), "timing a frame");
    bring_the_rest(shape.pictures);
    return ms;
  }

  void read(const Frame& frame, std::size_t slot, const Shape& shape, Sighting& sighting) {
    const gpu::FoundBoxes& found = found_.as<gpu::FoundBoxes>()[slot];
    const auto line = [](const Network& network) {
      return "an output of '" + network.manifest.name + "' is not finite";
    };
    if (found.not_finite != 0 || (joint() && found.depth_not_finite != 0)) {
      throw Error(ExitCode::vision, line(*detector_));
    }
    if (found.depth_not_finite != 0) sighting.depth_fault = line(*depth_);
    const auto& inputs = *inputs_.as<FrameInputs>();
    const LetterboxMapping& mapping = inputs.detector.mappings[slot];
    const LetterboxMapping& map_mapping = map_batch(inputs).mappings[slot];
    double factor = 1;
    if (metric()) factor = metres_factor(map_network().manifest, frame, map_mapping);
    // n frames measured with one map tell no more than one does.
    const float widened = depth_ ? std::sqrt(static_cast<float>(interval_)) : 1;
    for (int i = 0; i < found.count; ++i) {
      const gpu::FoundBox& b = found.boxes[static_cast<std::size_t>(i)];
      const Box box = clipped(mapping.to_frame({b.x1, b.y1, b.x2, b.y2}), mapping.frame_width,
                              mapping.frame_height);
      if (!(box.width() > 0 && box.height() > 0)) continue;
      Detection detection{box, b.score, b.class_id};
      if (b.depth > 0 && sighting.depth_fault.empty()) {
        detection.depth = BoxDepth{static_cast<float>(b.depth * factor), b.depth_sigma * widened};
      }
      sighting.detections.items.push_back(detection);
    }
    if (shape.map_cells == 0 || !sighting.depth_fault.empty()) return;
    const MapSample& sample = inputs.samples[slot];
    const gpu::DepthOutput map = depth_output();
    DepthGrid grid = sample.grid(map_mapping.grid(map.width, map.height));
    const auto cells = static_cast<std::size_t>(sample.cells());
    const gpu::SampledMaps maps{sampled_.as<void>(), shape.pictures, shape.map_cells};
    const std::size_t first = slot * static_cast<std::size_t>(shape.map_cells);
    const __half* values = maps.depth() + first;
    grid.values.resize(cells);
    std::transform(values, values + cells, grid.values.begin(),
                   [&](__half v) { return __half2float(v) * static_cast<float>(factor); });
    if (!metric()) {
      sighting.depth =
          std::make_shared<const RelativeDepth>(RelativeDepth{frame.stamp, std::move(grid)});
      return;
    }
    auto depth = std::make_shared<MetricDepth>();
    depth->stamp = frame.stamp;
    depth->depth_m = std::move(grid);
    if (map.sigma != nullptr) {
      const std::uint8_t* levels = maps.sigma() + first;
      depth->sigma_relative.resize(cells);
      std::transform(levels, levels + cells, depth->sigma_relative.begin(),
                     gpu::SampledMaps::sigma_of);
    }
    sighting.depth = std::move(depth);
  }

  PerceptionOptions options_;
  GpuSchedule schedule_;
  std::uint64_t interval_;  ///< frames from depth map to depth map
  std::unique_ptr<Network> detector_;
  std::unique_ptr<Network> depth_;
  int most_ = 1;        ///< pictures in a call
  gpu::Stream stream_;  ///< the detector's, urgent
  gpu::Stream depth_stream_;
  gpu::Event uploaded_, measured_, began_, ended_;
  gpu::PinnedBuffer inputs_, pixels_, found_, sampled_;
  gpu::DeviceBuffer device_inputs_, device_pixels_, device_found_, device_sampled_, scratch_;
  std::vector<CapturedGraph> graphs_;
  std::vector<View> mapped_;  ///< what the depth maps on the card are of
  std::uint64_t mapped_turn_ = 0;
};

}  // namespace

std::unique_ptr<Eyes> make_gpu_eyes(const ModelSet& models, const PerceptionOptions& options,
                                    GpuSchedule schedule) {
  return std::make_unique<GpuEyes>(models, options, schedule);
}

}  // namespace lazarillo
