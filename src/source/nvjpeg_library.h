#pragma once

#include <nvjpeg.h>

#include <string>

namespace lazarillo {

// Of nvJPEG's functions those that are used. "Decoupled" decoding: which of nvJPEG's decoders does
// it is our choice.
#define LZ_NVJPEG_FUNCTIONS(DO)              \
  DO(nvjpegCreateEx)                         \
  DO(nvjpegDestroy)                          \
  DO(nvjpegSetDeviceMemoryPadding)           \
  DO(nvjpegSetPinnedMemoryPadding)           \
  DO(nvjpegDecoderCreate)                    \
  DO(nvjpegDecoderDestroy)                   \
  DO(nvjpegDecoderStateCreate)               \
  DO(nvjpegJpegStateDestroy)                 \
  DO(nvjpegBufferPinnedCreate)               \
  DO(nvjpegBufferPinnedDestroy)              \
  DO(nvjpegBufferDeviceCreate)               \
  DO(nvjpegBufferDeviceDestroy)              \
  DO(nvjpegStateAttachPinnedBuffer)          \
  DO(nvjpegStateAttachDeviceBuffer)          \
  DO(nvjpegJpegStreamCreate)                 \
  DO(nvjpegJpegStreamDestroy)                \
  DO(nvjpegJpegStreamParse)                  \
  DO(nvjpegJpegStreamGetComponentsNum)       \
  DO(nvjpegJpegStreamGetComponentDimensions) \
  DO(nvjpegDecodeParamsCreate)               \
  DO(nvjpegDecodeParamsDestroy)              \
  DO(nvjpegDecodeParamsSetOutputFormat)      \
  DO(nvjpegDecoderJpegSupported)             \
  DO(nvjpegDecodeJpegHost)                   \
  DO(nvjpegDecodeJpegTransferToDevice)       \
  DO(nvjpegDecodeJpegDevice)

/// nvJPEG, loaded when it is first asked for: without it the rest of the program runs.
struct NvJpeg {
#define LZ_MEMBER(name) decltype(&::name) name = nullptr;
  LZ_NVJPEG_FUNCTIONS(LZ_MEMBER)
#undef LZ_MEMBER
  std::string problem;  ///< why it is not there; else empty

  /// Thread-safe. Stays loaded.
  static const NvJpeg& get();
};

}  // namespace lazarillo
