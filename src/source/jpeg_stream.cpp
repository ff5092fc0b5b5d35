#include "source/jpeg_stream.h"

#include <string>

#include "error.h"

namespace lazarillo {
namespace {

constexpr const char* kInstead = ": use source.decoder = \"processor\" for it";

class MappedBytes {
 public:
  explicit MappedBytes(GstBuffer* buffer) : buffer_(buffer) {
    mapped_ = buffer != nullptr && gst_buffer_map(buffer, &map_, GST_MAP_READ) != FALSE;
  }
  ~MappedBytes() {
    if (mapped_) gst_buffer_unmap(buffer_, &map_);
  }
  MappedBytes(const MappedBytes&) = delete;
  MappedBytes& operator=(const MappedBytes&) = delete;
  [[nodiscard]] std::span<const std::uint8_t> get() const {
    return mapped_ ? std::span<const std::uint8_t>(map_.data, map_.size)
                   : std::span<const std::uint8_t>();
  }

 private:
  GstBuffer* buffer_;
  GstMapInfo map_{};
  bool mapped_ = false;
};

bool has_square_pixels(const GstStructure* s) {
  int n = 1;
  int d = 1;
  gst_structure_get_fraction(s, "pixel-aspect-ratio", &n, &d);
  return n == d;
}

/// The container's pictures are twice as high as the JPEG: each is two JPEGs, of its even and its
/// odd rows.
bool is_one_field(const GstStructure* s, const DecodedJpeg& jpeg) {
  int width = 0;
  int height = 0;
  gst_structure_get_int(s, "width", &width);
  gst_structure_get_int(s, "height", &height);
  return width == jpeg.width && height > 1 && (height + 1) / 2 == jpeg.height;
}

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ExitCode::source, "is not decoded by the card: " + why + kInstead);
}

/// The same error, to follow the file's name.
[[noreturn]] void pass_on(const Error& error) {
  if (error.code() == ExitCode::source) refuse(error.what());
  throw Error(error.code(), std::string("cannot be decoded: ") + error.what());
}

}  // namespace

JpegStream::JpegStream() {
  if (const std::string why = JpegDecoder::problem(); !why.empty()) {
    throw Error(ExitCode::source,
                "is Motion JPEG, which the card cannot decode (" + why + ")" + kInstead);
  }
  try {
    decoder_.emplace();
  } catch (const Error& error) {
    pass_on(error);
  }
}

std::optional<DecodedJpeg> JpegStream::decode(GstSample* sample) {
  const GstCaps* caps = gst_sample_get_caps(sample);
  const GstStructure* s = caps != nullptr ? gst_caps_get_structure(caps, 0) : nullptr;
  if (s != nullptr && !has_square_pixels(s)) refuse("its pixels are not square");
  const MappedBytes bytes(gst_sample_get_buffer(sample));
  std::optional<DecodedJpeg> decoded;
  try {
    decoded = decoder_->decode(bytes.get());
  } catch (const Error& error) {
    pass_on(error);
  }
  // A later one may only be smaller.
  if (decoded && !begun_ && s != nullptr && is_one_field(s, *decoded)) {
    refuse("its pictures are interlaced");
  }
  begun_ = begun_ || decoded;
  return decoded;
}

}  // namespace lazarillo
