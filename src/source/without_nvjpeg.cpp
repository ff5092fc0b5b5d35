#include "error.h"
#include "source/jpeg_decoder.h"

// What nvjpeg_decoder.cpp is where CUDA or nvJPEG was not found.

namespace lazarillo {

std::string JpegDecoder::problem() {
  return "this lazarillo was built without nvJPEG (docs/nvidia.md)";
}

struct JpegDecoder::Impl {};

JpegDecoder::JpegDecoder() { throw Error(ExitCode::source, problem()); }

JpegDecoder::~JpegDecoder() = default;

std::optional<DecodedJpeg> JpegDecoder::decode(std::span<const std::uint8_t> /*jpeg*/) {
  return std::nullopt;
}

}  // namespace lazarillo
