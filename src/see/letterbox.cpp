#include "see/letterbox.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

namespace lazarillo {

Box LetterboxMapping::to_frame(const Box& input) const {
  const auto x = [this](float v) { return static_cast<float>((v - offset_x) / scale_x()); };
  const auto y = [this](float v) { return static_cast<float>((v - offset_y) / scale_y()); };
  return {x(input.x1), y(input.y1), x(input.x2), y(input.y2)};
}

DepthGrid LetterboxMapping::grid(int width, int height) const {
  DepthGrid grid;
  grid.width = width;
  grid.height = height;
  const double cells = double(width) / input_width;  // per input pixel
  grid.scale = cells * (frame_width >= frame_height ? scale_x() : scale_y());
  // The middle of the frame is the middle of the content; -0.5 turns edges into pixel centres.
  grid.offset_x =
      (offset_x + content_width / 2.0) * cells - 0.5 - grid.scale * (frame_width / 2.0 - 0.5);
  grid.offset_y =
      (offset_y + content_height / 2.0) * cells - 0.5 - grid.scale * (frame_height / 2.0 - 0.5);
  return grid;
}

LetterboxMapping fit_frame(int frame_width, int frame_height, int input_width, int input_height,
                           bool keep_aspect) {
  LetterboxMapping m{frame_width, frame_height, input_width, input_height,
                     input_width, input_height, 0,           0};
  if (!keep_aspect) return m;
  const double scale =
      std::min(double(input_width) / frame_width, double(input_height) / frame_height);
  const auto resized = [scale](int length, int most) {
    return std::clamp(static_cast<int>(std::nearbyint(length * scale)), 1, most);
  };
  m.content_width = resized(frame_width, input_width);
  m.content_height = resized(frame_height, input_height);
  m.offset_x = (input_width - m.content_width) / 2;
  m.offset_y = (input_height - m.content_height) / 2;
  return m;
}

Letterbox::Letterbox(const NetworkManifest& network)
    : input_width_(network.input_width),
      input_height_(network.input_height),
      planar_(network.layout == TensorLayout::nchw),
      rgb_(network.rgb),
      keep_aspect_(network.letterbox),
      pad_{},
      value_{} {
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      value_[c][byte] = (static_cast<float>(byte) / 255.0F - network.mean[c]) / network.std[c];
    }
    pad_[c] = value_[c][static_cast<std::size_t>(network.pad_value)];
  }
}

LetterboxMapping Letterbox::fill(const Frame& frame, std::span<float> tensor) {
  const LetterboxMapping mapping =
      fit_frame(frame.width, frame.height, input_width_, input_height_, keep_aspect_);
  const int channels = frame.format == PixelFormat::bgr8 ? 3 : 1;
  if (mapping.content_width == frame.width && mapping.content_height == frame.height) {
    write(frame.pixels.get(), frame.stride_bytes, channels, mapping, tensor);
    return mapping;
  }
  // cv::Mat has no read-only view; resize() only reads it.
  const cv::Mat source(frame.height, frame.width, CV_8UC(channels),
                       const_cast<std::uint8_t*>(frame.pixels.get()),
                       static_cast<std::size_t>(frame.stride_bytes));
  const std::ptrdiff_t stride = std::ptrdiff_t{channels} * mapping.content_width;
  resized_.resize(static_cast<std::size_t>(stride * mapping.content_height));
  cv::Mat target(mapping.content_height, mapping.content_width, CV_8UC(channels), resized_.data());
  const bool shrinks =
      mapping.content_width <= frame.width && mapping.content_height <= frame.height;
  cv::resize(source, target, target.size(), 0, 0, shrinks ? cv::INTER_AREA : cv::INTER_LINEAR);
  write(resized_.data(), stride, channels, mapping, tensor);
  return mapping;
}

void Letterbox::write(const std::uint8_t* pixels, std::ptrdiff_t stride, int channels,
                      const LetterboxMapping& m, std::span<float> tensor) const {
  const std::ptrdiff_t plane = std::ptrdiff_t{input_width_} * input_height_;
  const std::ptrdiff_t step = planar_ ? 1 : 3;  // from pixel to pixel of one channel
  for (std::size_t c = 0; c < 3; ++c) {
    const std::size_t source_channel = channels == 1 ? 0 : rgb_ ? 2 - c : c;
    const std::array<float, 256>& value = value_[c];
    float* channel = tensor.data() + static_cast<std::ptrdiff_t>(c) * (planar_ ? plane : 1);
    const auto pad = [&](int row, int from, int to) {
      float* out = channel + (std::ptrdiff_t{row} * input_width_ + from) * step;
      for (int x = from; x < to; ++x, out += step) *out = pad_[c];
    };
    for (int y = 0; y < input_height_; ++y) {
      const int row = y - m.offset_y;
      if (row < 0 || row >= m.content_height) {
        pad(y, 0, input_width_);
        continue;
      }
      pad(y, 0, m.offset_x);
      const std::uint8_t* in = pixels + row * stride + source_channel;
      float* out = channel + (std::ptrdiff_t{y} * input_width_ + m.offset_x) * step;
      for (int x = 0; x < m.content_width; ++x, in += channels, out += step) *out = value[*in];
      pad(y, m.offset_x + m.content_width, input_width_);
    }
  }
}

}  // namespace lazarillo
