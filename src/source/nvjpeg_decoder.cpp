#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "error.h"
#include "gpu/device.h"
#include "gpu/memory.h"
#include "source/chroma.h"
#include "source/device_places.h"
#include "source/jpeg_decoder.h"
#include "source/jpeg_outline.h"
#include "source/nvjpeg_library.h"
#include "source/picture_decoder.h"

namespace lazarillo {
namespace {

/// nvJPEG takes memory in such steps: JPEGs differ in size, and each that is larger than all before
/// would take some anew.
constexpr std::size_t kStep_bytes = 1 << 20;

template <typename T>
using Owned = std::unique_ptr<T, nvjpegStatus_t (*)(T*)>;

void check(nvjpegStatus_t status, const char* doing) {
  if (status == NVJPEG_STATUS_SUCCESS) return;
  if (status == NVJPEG_STATUS_ALLOCATOR_FAILURE) gpu::refuse_memory(gpu::take_refused());
  throw Error(ExitCode::vision, std::string("nvJPEG failed while ") + doing + " (status " +
                                    std::to_string(status) + ")");
}

template <typename T, typename Create>
Owned<T> make(nvjpegStatus_t (*destroy)(T*), const Create& create) {
  T* made = nullptr;
  check(create(&made), "starting");
  return {made, destroy};
}

/// nvJPEG's memory is counted and limited as all of the program's.
int allocate(void** memory, std::size_t bytes) {
  *memory = gpu::allocate(bytes);
  return *memory != nullptr || bytes == 0 ? cudaSuccess : cudaErrorMemoryAllocation;
}
int release(void* memory) {
  gpu::release(memory);
  return cudaSuccess;
}

/// One of nvJPEG's ways to decode.
struct Way {
  Way(const NvJpeg& nvjpeg, nvjpegHandle_t handle, nvjpegBackend_t backend)
      : decoder(make<nvjpegJpegDecoder>(nvjpeg.nvjpegDecoderDestroy,
                                        [&](nvjpegJpegDecoder_t* to) {
                                          return nvjpeg.nvjpegDecoderCreate(handle, backend, to);
                                        })),
        state(nullptr, nvjpeg.nvjpegJpegStateDestroy) {
    begin(nvjpeg, handle);
  }
  /// Also after a failure, which may leave a state that decodes nothing more.
  void begin(const NvJpeg& nvjpeg, nvjpegHandle_t handle) {
    state.reset();
    state = make<nvjpegJpegState>(nvjpeg.nvjpegJpegStateDestroy, [&](nvjpegJpegState_t* to) {
      return nvjpeg.nvjpegDecoderStateCreate(handle, decoder.get(), to);
    });
  }

  Owned<nvjpegJpegDecoder> decoder;
  Owned<nvjpegJpegState> state;
};

struct Plane {
  int width = 0, height = 0;
};

/// Pixels to a sample along one axis; 0: none of those that JPEGs have.
int pixels_to_sample(int pixels, int samples) {
  for (const int factor : {1, 2, 4}) {
    if (samples == (pixels + factor - 1) / factor) return factor;
  }
  return 0;
}

/// What this program, or nvJPEG, does not decode.
std::string unusual(const JpegOutline& outline) {
  if (outline.bits != 8) return "of " + std::to_string(outline.bits) + " bits a sample";
  if (outline.components != 1 && outline.components != 3) {
    return "of " + std::to_string(outline.components) + " colours";
  }
  return outline.components == 3 && outline.has_adobe_rgb ? "of red, green and blue" : "";
}

}  // namespace

struct JpegDecoder::Impl {
  explicit Impl(const NvJpeg& library) : n(library) {
    check(n.nvjpegSetDeviceMemoryPadding(kStep_bytes, handle.get()), "starting");
    check(n.nvjpegSetPinnedMemoryPadding(kStep_bytes, handle.get()), "starting");
  }

  /// What is not of a kind that is decoded is refused at the beginning; later it is damaged.
  std::nullopt_t refuse(const std::string& what) const {
    if (begun) return std::nullopt;
    throw Error(ExitCode::source, "its JPEGs are " + what);
  }

  /// Reads the header; false when it is damaged.
  bool parse(std::span<const std::uint8_t> jpeg, const JpegOutline& outline) {
    const nvjpegStatus_t status =
        n.nvjpegJpegStreamParse(handle.get(), jpeg.data(), jpeg.size(), 0, 0, stream.get());
    if (status == NVJPEG_STATUS_JPEG_NOT_SUPPORTED) {
      refuse("of a kind that nvJPEG does not decode");
    }
    unsigned components = 0;
    if (status != NVJPEG_STATUS_SUCCESS ||
        n.nvjpegJpegStreamGetComponentsNum(stream.get(), &components) != NVJPEG_STATUS_SUCCESS ||
        components != static_cast<unsigned>(outline.components)) {
      return false;
    }
    for (unsigned i = 0; i < components; ++i) {
      unsigned width = 0;
      unsigned height = 0;
      if (n.nvjpegJpegStreamGetComponentDimensions(stream.get(), i, &width, &height) !=
          NVJPEG_STATUS_SUCCESS) {
        return false;
      }
      planes[i] = {static_cast<int>(width), static_cast<int>(height)};
    }
    return planes[0].width == outline.width && planes[0].height == outline.height;
  }

  /// The first way that takes what was parsed; null when none does.
  Way* way(bool baseline) {
    for (Way& w : ways) {
      if (&w == ways.data() && !baseline) continue;
      int refused = 1;
      if (n.nvjpegDecoderJpegSupported(w.decoder.get(), stream.get(), params.get(), &refused) ==
              NVJPEG_STATUS_SUCCESS &&
          refused == 0) {
        return &w;
      }
    }
    return nullptr;
  }

  /// Queues the decoding of what was parsed.
  nvjpegStatus_t queue(Way& w, nvjpegImage_t& to) {
    nvjpegStatus_t status = n.nvjpegStateAttachPinnedBuffer(w.state.get(), pinned.get());
    const auto then = [&](auto function, auto... arguments) {
      if (status == NVJPEG_STATUS_SUCCESS) status = function(arguments...);
    };
    then(n.nvjpegStateAttachDeviceBuffer, w.state.get(), device.get());
    then(n.nvjpegDecodeJpegHost, handle.get(), w.decoder.get(), w.state.get(), params.get(),
         stream.get());
    then(n.nvjpegDecodeJpegTransferToDevice, handle.get(), w.decoder.get(), w.state.get(),
         stream.get(), cuda.get());
    then(n.nvjpegDecodeJpegDevice, handle.get(), w.decoder.get(), w.state.get(), &to, cuda.get());
    return status;
  }

  void wait() {
    gpu::check(cudaEventRecord(done.get(), cuda.get()), "decoding a JPEG");
    gpu::check(cudaEventSynchronize(done.get()), "decoding a JPEG");
  }

  /// What crosses the bus: the JPEG, or where the processor reads its codes the coefficients.
  [[nodiscard]] std::uint64_t moved(const Way& w, std::size_t jpeg_bytes, int components) const {
    if (&w == ways.data()) return jpeg_bytes;
    std::uint64_t samples = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(components); ++i) {
      samples += static_cast<std::uint64_t>(planes[i].width) *
                 static_cast<std::uint64_t>(planes[i].height);
    }
    return samples * sizeof(std::int16_t);
  }

  const NvJpeg& n;
  nvjpegDevAllocator_t allocator{&allocate, &release};
  Owned<nvjpegHandle> handle = make<nvjpegHandle>(n.nvjpegDestroy, [this](nvjpegHandle_t* to) {
    return n.nvjpegCreateEx(NVJPEG_BACKEND_DEFAULT, &allocator, nullptr, NVJPEG_FLAGS_DEFAULT, to);
  });
  Owned<nvjpegBufferDevice> device =
      make<nvjpegBufferDevice>(n.nvjpegBufferDeviceDestroy, [this](nvjpegBufferDevice_t* to) {
        return n.nvjpegBufferDeviceCreate(handle.get(), &allocator, to);
      });
  Owned<nvjpegBufferPinned> pinned =
      make<nvjpegBufferPinned>(n.nvjpegBufferPinnedDestroy, [this](nvjpegBufferPinned_t* to) {
        return n.nvjpegBufferPinnedCreate(handle.get(), nullptr, to);
      });
  Owned<nvjpegJpegStream> stream = make<nvjpegJpegStream>(
      n.nvjpegJpegStreamDestroy,
      [this](nvjpegJpegStream_t* to) { return n.nvjpegJpegStreamCreate(handle.get(), to); });
  Owned<nvjpegDecodeParams> params = make<nvjpegDecodeParams>(
      n.nvjpegDecodeParamsDestroy,
      [this](nvjpegDecodeParams_t* to) { return n.nvjpegDecodeParamsCreate(handle.get(), to); });
  /// The card reads Huffman's codes in baseline JPEGs; in others (progressive) the processor does,
  /// and the card does the rest.
  std::array<Way, 2> ways{Way(n, handle.get(), NVJPEG_BACKEND_GPU_HYBRID),
                          Way(n, handle.get(), NVJPEG_BACKEND_HYBRID)};
  gpu::Stream cuda = gpu::make_stream(true);
  gpu::Event done = gpu::make_event();
  DevicePlaces places;
  gpu::DeviceBuffer chroma;             ///< Cb and Cr as the JPEG has them
  std::vector<std::uint8_t> completed;  ///< a JPEG that came without tables
  std::array<Plane, 3> planes;          ///< of the JPEG parsed last
  bool begun = false;                   ///< a picture was decoded
};

std::string JpegDecoder::problem() {
  try {
    (void)gpu_info();
  } catch (const Error& error) {
    return error.what();
  }
  return NvJpeg::get().problem;
}

JpegDecoder::JpegDecoder() {
  if (const std::string why = problem(); !why.empty()) throw Error(ExitCode::source, why);
  impl_ = std::make_unique<Impl>(NvJpeg::get());
}

JpegDecoder::~JpegDecoder() = default;

std::optional<DecodedJpeg> JpegDecoder::decode(std::span<const std::uint8_t> jpeg) {
  Impl& s = *impl_;
  const auto outline = outline_of(jpeg);
  if (!outline) return std::nullopt;
  const int width = outline->width;
  const int height = outline->height;
  if (std::max(width, height) > PictureDecoder::kLargestSide) {
    throw Error(ExitCode::source, "its JPEGs are of " + std::to_string(width) + " x " +
                                      std::to_string(height) +
                                      " pixels; the largest side that can be used is " +
                                      std::to_string(PictureDecoder::kLargestSide));
  }
  if (const std::string what = unusual(*outline); !what.empty()) return s.refuse(what);
  jpeg = jpeg.first(outline->bytes);
  if (!outline->has_tables) {
    add_standard_tables(jpeg, *outline, s.completed);
    jpeg = s.completed;
  }
  if (!s.parse(jpeg, *outline)) return std::nullopt;

  const bool grey = outline->components == 1;
  const Plane& blue = s.planes[1];
  const Plane& red = s.planes[2];
  gpu::ChromaPlanes chroma;
  if (!grey) {
    chroma.width = blue.width;
    chroma.height = blue.height;
    chroma.across = pixels_to_sample(width, blue.width);
    chroma.down = pixels_to_sample(height, blue.height);
    if (chroma.across == 0 || chroma.down == 0 || red.width != blue.width ||
        red.height != blue.height) {
      return s.refuse("of an unusual resolution of colour");
    }
  }
  check(s.n.nvjpegDecodeParamsSetOutputFormat(s.params.get(),
                                              grey ? NVJPEG_OUTPUT_Y : NVJPEG_OUTPUT_YUV),
        "choosing a format");
  Way* way = s.way(outline->baseline);
  if (way == nullptr) return s.refuse("of a kind that nvJPEG does not decode");

  const Nv12Place place = s.places.take(width, height);
  const std::size_t half_rows = (static_cast<std::size_t>(height) + 1) / 2;
  nvjpegImage_t to{};
  to.channel[0] = place.luma;
  to.pitch[0] = place.pitch;
  if (!grey) {
    chroma.pitch = (static_cast<std::size_t>(blue.width) + 255) / 256 * 256;
    const std::size_t plane_bytes = chroma.pitch * static_cast<std::size_t>(blue.height);
    // Nothing is under way that would still use the one before.
    if (s.chroma.bytes() < 2 * plane_bytes) s.chroma = gpu::DeviceBuffer(2 * plane_bytes);
    to.channel[1] = s.chroma.as<std::uint8_t>();
    to.channel[2] = to.channel[1] + plane_bytes;
    to.pitch[1] = to.pitch[2] = chroma.pitch;
    chroma.cb = to.channel[1];
    chroma.cr = to.channel[2];
  }
  const nvjpegStatus_t status = s.queue(*way, to);
  if (status != NVJPEG_STATUS_SUCCESS) {
    s.wait();  // also tells what the card itself failed in
    way->begin(s.n, s.handle.get());
    if (status == NVJPEG_STATUS_ALLOCATOR_FAILURE) check(status, "decoding");
    return std::nullopt;
  }
  gpu::note_traffic({s.moved(*way, jpeg.size(), outline->components), 0});
  if (grey) {
    gpu::check(cudaMemsetAsync(place.chroma, 128, place.pitch * half_rows, s.cuda.get()),
               "greying");
  } else {
    gpu::interleave_chroma(chroma, place.chroma, place.pitch, (width + 1) / 2,
                           static_cast<int>(half_rows), s.cuda.get());
  }
  s.wait();
  s.begun = true;
  return DecodedJpeg{width, height,
                     std::make_shared<const DevicePicture>(place.picture(false, true))};
}

}  // namespace lazarillo
