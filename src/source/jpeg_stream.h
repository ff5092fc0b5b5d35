#pragma once

#include <gst/gst.h>

#include <optional>

#include "source/jpeg_decoder.h"

namespace lazarillo {

/// The pictures of a Motion JPEG stream, decoded on the NVIDIA card. Private to source/; one thread
/// at a time. The lines of its errors follow the file's name.
class JpegStream {
 public:
  /// Throws Error where the card does not decode JPEGs.
  JpegStream();

  /// nullopt when the picture is damaged. Throws Error for pixels that are not square, for pictures
  /// in two fields, and as JpegDecoder::decode().
  [[nodiscard]] std::optional<DecodedJpeg> decode(GstSample* sample);

 private:
  std::optional<JpegDecoder> decoder_;
  bool begun_ = false;  ///< a picture was decoded
};

}  // namespace lazarillo
