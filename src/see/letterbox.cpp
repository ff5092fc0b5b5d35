#include "see/letterbox.h"

#include <opencv2/imgproc.hpp>

namespace lazarillo {
namespace {

int channels_of(const Frame& frame) { return frame.format == PixelFormat::bgr8 ? 3 : 1; }

}  // namespace

Letterbox::Letterbox(const NetworkManifest& network)
    : input_width_(network.input_width),
      input_height_(network.input_height),
      step_(network.layout == TensorLayout::nchw ? 1 : 3),
      rgb_(network.rgb),
      keep_aspect_(network.letterbox),
      pad_level_(static_cast<std::size_t>(network.pad_value)),
      value_{},
      gain_{},
      offset_{} {
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      value_[c][byte] = (static_cast<float>(byte) / 255.0F - network.mean[c]) / network.std[c];
    }
    gain_[c] = 1 / (255 * network.std[c]);
    offset_[c] = -network.mean[c] / network.std[c];
  }
}

LetterboxMapping Letterbox::fill(const Frame& frame, std::span<float> tensor) {
  const LetterboxMapping mapping = fit_frame(frame, input_width_, input_height_, keep_aspect_);
  const int width = mapping.content_width;
  const int height = mapping.content_height;
  pad(mapping, tensor);
  if (frame.lens) {
    straighten(frame, mapping, tensor);
  } else if (width == frame.width && height == frame.height) {
    write(frame.pixels.get(), frame.stride_bytes, channels_of(frame), mapping, tensor);
  } else if (width <= frame.width && height <= frame.height) {
    shrink(frame, mapping, tensor);
  } else {
    enlarge(frame, mapping, tensor);
  }
  return mapping;
}

void Letterbox::pad(const LetterboxMapping& m, std::span<float> tensor) const {
  for (std::size_t c = 0; c < 3; ++c) {
    const float value = value_[c][pad_level_];
    const auto fill = [&](int y, int from, int to) {
      float* out = value_at(tensor, c, from, y);
      for (int x = 0; x < to - from; ++x) out[x * step_] = value;
    };
    for (int y = 0; y < input_height_; ++y) {
      if (y < m.offset_y || y >= m.offset_y + m.content_height) {
        fill(y, 0, input_width_);
      } else {
        fill(y, 0, m.offset_x);
        fill(y, m.offset_x + m.content_width, input_width_);
      }
    }
  }
}

void Letterbox::shrink(const Frame& frame, const LetterboxMapping& m, std::span<float> tensor) {
  const int channels = channels_of(frame);
  area_.set_sizes(frame.width, frame.height, channels, m.content_width, m.content_height);
  for (int y = 0; y < m.content_height; ++y) {
    write_levels(area_.row(frame.pixels.get(), frame.stride_bytes, y), channels, m, y, tensor);
  }
}

void Letterbox::straighten(const Frame& frame, const LetterboxMapping& m, std::span<float> tensor) {
  const RectifyMap& map = maps_.of(frame, [&] { return rectify_map(frame, m); });
  const int channels = channels_of(frame);
  levels_.resize(static_cast<std::size_t>(channels) * static_cast<std::size_t>(m.content_width));
  for (int y = 0; y < m.content_height; ++y) {
    rectify_row(frame, map, static_cast<float>(pad_level_), y, levels_.data());
    write_levels(levels_.data(), channels, m, y, tensor);
  }
}

void Letterbox::write_levels(const float* levels, int channels, const LetterboxMapping& m, int y,
                             std::span<float> tensor) const {
  for (std::size_t c = 0; c < 3; ++c) {
    const float* in = levels + std::ptrdiff_t{source_channel(c, channels)} * m.content_width;
    float* out = value_at(tensor, c, m.offset_x, m.offset_y + y);
    for (int x = 0; x < m.content_width; ++x) out[x * step_] = in[x] * gain_[c] + offset_[c];
  }
}

void Letterbox::enlarge(const Frame& frame, const LetterboxMapping& m, std::span<float> tensor) {
  const int channels = channels_of(frame);
  // cv::Mat has no read-only view; resize() only reads it.
  const cv::Mat source(frame.height, frame.width, CV_8UC(channels),
                       const_cast<std::uint8_t*>(frame.pixels.get()),
                       static_cast<std::size_t>(frame.stride_bytes));
  const std::ptrdiff_t stride = std::ptrdiff_t{channels} * m.content_width;
  enlarged_.resize(static_cast<std::size_t>(stride * m.content_height));
  cv::Mat target(m.content_height, m.content_width, CV_8UC(channels), enlarged_.data());
  cv::resize(source, target, target.size(), 0, 0, cv::INTER_LINEAR);
  write(enlarged_.data(), stride, channels, m, tensor);
}

void Letterbox::write(const std::uint8_t* pixels, std::ptrdiff_t stride, int channels,
                      const LetterboxMapping& m, std::span<float> tensor) const {
  for (std::size_t c = 0; c < 3; ++c) {
    const std::array<float, 256>& value = value_[c];
    for (int y = 0; y < m.content_height; ++y) {
      const std::uint8_t* in = pixels + y * stride + source_channel(c, channels);
      float* out = value_at(tensor, c, m.offset_x, m.offset_y + y);
      for (int x = 0; x < m.content_width; ++x, in += channels, out += step_) *out = value[*in];
    }
  }
}

float* Letterbox::value_at(std::span<float> tensor, std::size_t channel, int x, int y) const {
  const auto c = static_cast<std::ptrdiff_t>(channel);
  const std::ptrdiff_t pixel = std::ptrdiff_t{y} * input_width_ + x;
  return tensor.data() +
         (step_ == 1 ? c * input_width_ * input_height_ + pixel : c + pixel * step_);
}

int Letterbox::source_channel(std::size_t channel, int channels) const {
  if (channels == 1) return 0;
  return static_cast<int>(rgb_ ? 2 - channel : channel);
}

}  // namespace lazarillo
