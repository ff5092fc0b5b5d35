#include "see/cuda/device_code.cuh"

namespace lazarillo::gpu {
namespace {

constexpr int kTileWidth = 32;
constexpr int kTileHeight = 8;

struct Colour {
  float b, g, r;
};
__device__ Colour operator+(const Colour& p, const Colour& q) {
  return {p.b + q.b, p.g + q.g, p.r + q.r};
}
__device__ Colour operator*(const Colour& p, float w) { return {p.b * w, p.g * w, p.r * w}; }

/// A level as the twin has it: whole, a half upwards, never beyond a byte.
__device__ float whole(float level) { return floorf(fminf(fmaxf(level, 0.0F), 255.0F) + 0.5F); }

/// What of BT.601 or BT.709, full or video range, a pixel of NV12 is converted with.
struct Nv12 {
  float luma_gain, black;
  float red_cr, green_cr, green_cb, blue_cb;

  __device__ explicit Nv12(const Picture& p) {
    const float red = p.bt709 ? 0.2126F : 0.299F;
    const float blue = p.bt709 ? 0.0722F : 0.114F;
    const float green = 1 - red - blue;
    const float chroma_gain = p.full_range ? 1.0F : 255.0F / 224;
    luma_gain = p.full_range ? 1.0F : 255.0F / 219;
    black = p.full_range ? 0.0F : 16.0F;
    red_cr = 2 * (1 - red) * chroma_gain;
    blue_cb = 2 * (1 - blue) * chroma_gain;
    green_cr = red / green * red_cr;
    green_cb = blue / green * blue_cb;
  }

  /// In whole levels, as a picture in BGR holds them.
  __device__ Colour colour(float luma, float cb, float cr) const {
    const float l = luma_gain * (luma - black);
    cb -= 128;
    cr -= 128;
    return {whole(l + blue_cb * cb), whole(l - green_cr * cr - green_cb * cb),
            whole(l + red_cr * cr)};
  }
};

/// Reads pixels of one format as levels. What a camera's chroma says of four pixels is taken for
/// each of them (nearest): interpolating it moves no edge a network sees at half the size.
template <Picture::Format format>
struct Reader {
  const Picture& picture;
  const Nv12& nv12;

  __device__ Colour operator()(int x, int y) const {
    const std::uint8_t* row = picture.pixels + static_cast<std::ptrdiff_t>(y) * picture.pitch;
    if constexpr (format == Picture::Format::gray8) {
      const float level = __ldg(row + x);
      return {level, level, level};
    } else if constexpr (format == Picture::Format::bgr8) {
      row += 3 * x;
      return {float(__ldg(row)), float(__ldg(row + 1)), float(__ldg(row + 2))};
    } else {
      const std::uint8_t* pair =
          picture.chroma + static_cast<std::ptrdiff_t>(y / 2) * picture.chroma_pitch + x / 2 * 2;
      const uchar2 c = __ldg(reinterpret_cast<const uchar2*>(pair));
      return nv12.colour(float(__ldg(row + x)), float(c.x), float(c.y));
    }
  }
};

/// The source pixels under a pixel, along one axis: the first and the last, and how much of them.
/// Those between count whole.
struct Span {
  int first, last;
  float weight_first, weight_last;

  Span() = default;
  /// From begin / parts to end / parts.
  __device__ Span(unsigned begin, unsigned end, unsigned parts) {
    first = static_cast<int>(begin / parts);
    last = static_cast<int>((end - 1) / parts);
    weight_first = 1 - float(begin - static_cast<unsigned>(first) * parts) / float(parts);
    weight_last = float(end - static_cast<unsigned>(last) * parts) / float(parts);
    if (first == last) {
      weight_first = float(end - begin) / float(parts);
      weight_last = 0;
    }
  }

  /// Sum of the weighed values of at(first) to at(last).
  template <typename At>
  __device__ auto weigh(const At& at) const {
    auto sum = at(first) * weight_first;
    for (int i = first + 1; i < last; ++i) sum = sum + at(i);
    if (last > first) sum = sum + at(last) * weight_last;
    return sum;
  }
};

/// What the pixels of a block share: the spans of its columns and rows, and the same in NV12's
/// chroma, which is half as wide and high.
struct Spans {
  Span columns[kTileWidth], rows[kTileHeight];
  Span chroma_columns[kTileWidth], chroma_rows[kTileHeight];

  /// All threads of the block call it; the block begins at x, y of the content.
  __device__ void set(const LetterboxMapping& m, int x, int y) {
    const int thread = static_cast<int>(threadIdx.y * kTileWidth + threadIdx.x);
    const auto fill = [&](Span* spans, int count, int at, int source, int length, unsigned halves) {
      const int i = at + thread;
      if (thread >= count || i < 0 || i >= length) return;
      const auto begin = static_cast<unsigned>(i) * static_cast<unsigned>(source);
      spans[thread] = Span(begin, begin + static_cast<unsigned>(source),
                           static_cast<unsigned>(length) * halves);
    };
    fill(columns, kTileWidth, x, m.frame_width, m.content_width, 1);
    fill(rows, kTileHeight, y, m.frame_height, m.content_height, 1);
    fill(chroma_columns, kTileWidth, x, m.frame_width, m.content_width, 2);
    fill(chroma_rows, kTileHeight, y, m.frame_height, m.content_height, 2);
  }
};

struct Pair {
  float a, b;
};
__device__ Pair operator+(const Pair& p, const Pair& q) { return {p.a + q.a, p.b + q.b}; }
__device__ Pair operator*(const Pair& p, float w) { return {p.a * w, p.b * w}; }

template <Picture::Format format>
__device__ Colour averaged(const Picture& picture, const Nv12& nv12, const LetterboxMapping& m,
                           const Spans& spans) {
  const Span& columns = spans.columns[threadIdx.x];
  const Span& rows = spans.rows[threadIdx.y];
  const float part = float(m.content_width) / float(m.frame_width) * float(m.content_height) /
                     float(m.frame_height);
  if constexpr (format == Picture::Format::nv12) {
    // Averaged as they lie, then converted once: the same but for colours no screen can show, which
    // a conversion pixel by pixel would cut off before.
    const float luma = rows.weigh([&](int y) {
      const std::uint8_t* row = picture.pixels + static_cast<std::ptrdiff_t>(y) * picture.pitch;
      return columns.weigh([row](int x) { return float(__ldg(row + x)); });
    });
    const Span& pairs = spans.chroma_columns[threadIdx.x];
    const Pair chroma = spans.chroma_rows[threadIdx.y].weigh([&](int y) {
      const auto* row = reinterpret_cast<const uchar2*>(
          picture.chroma + static_cast<std::ptrdiff_t>(y) * picture.chroma_pitch);
      return pairs.weigh([row](int x) {
        const uchar2 c = __ldg(row + x);
        return Pair{float(c.x), float(c.y)};
      });
    });
    return nv12.colour(luma * part, chroma.a * part * 4, chroma.b * part * 4);
  } else {
    const Reader<format> read{picture, nv12};
    const Colour sum =
        rows.weigh([&](int y) { return columns.weigh([&](int x) { return read(x, y); }); });
    return {whole(sum.b * part), whole(sum.g * part), whole(sum.r * part)};
  }
}

template <typename Read>
__device__ Colour interpolated(const Read& read, const LetterboxMapping& m, int x, int y) {
  const auto place = [](int at, int source, int length, int& low, int& high) {
    const float exact = (float(at) + 0.5F) * float(source) / float(length) - 0.5F;
    const float inside = fminf(fmaxf(exact, 0.0F), float(source - 1));
    low = static_cast<int>(inside);
    high = min(low + 1, source - 1);
    return inside - float(low);
  };
  int x0 = 0, x1 = 0, y0 = 0, y1 = 0;
  const float u = place(x, m.frame_width, m.content_width, x0, x1);
  const float v = place(y, m.frame_height, m.content_height, y0, y1);
  const Colour a = read(x0, y0), b = read(x1, y0), c = read(x0, y1), d = read(x1, y1);
  const auto mix = [&](float p, float q, float r, float s) {
    const float top = p + u * (q - p);
    const float bottom = r + u * (s - r);
    return whole(top + v * (bottom - top));
  };
  return {mix(a.b, b.b, c.b, d.b), mix(a.g, b.g, c.g, d.g), mix(a.r, b.r, c.r, d.r)};
}

template <Picture::Format format>
__device__ Colour resized(const Picture& picture, const Nv12& nv12, const LetterboxMapping& m,
                          const Spans& spans, int x, int y) {
  const Reader<format> read{picture, nv12};
  if (m.content_width == m.frame_width && m.content_height == m.frame_height) return read(x, y);
  if (m.content_width <= m.frame_width && m.content_height <= m.frame_height) {
    return averaged<format>(picture, nv12, m, spans);
  }
  return interpolated(read, m, x, y);
}

template <typename Value>
__global__ void letterbox_kernel(const PictureBatch* batch, InputTensor tensor) {
  const auto p = static_cast<int>(blockIdx.z);
  if (p >= batch->count) return;
  const Picture picture = batch->pictures[static_cast<std::size_t>(p)];
  const LetterboxMapping m = batch->mappings[static_cast<std::size_t>(p)];
  const int left = static_cast<int>(blockIdx.x) * kTileWidth;
  const int top = static_cast<int>(blockIdx.y) * kTileHeight;
  __shared__ Spans spans;
  spans.set(m, left - m.offset_x, top - m.offset_y);
  __syncthreads();
  const int x = left + static_cast<int>(threadIdx.x);
  const int y = top + static_cast<int>(threadIdx.y);
  if (x >= tensor.width || y >= tensor.height) return;
  const int cx = x - m.offset_x;
  const int cy = y - m.offset_y;
  Colour c{tensor.pad_level, tensor.pad_level, tensor.pad_level};
  if (cx >= 0 && cy >= 0 && cx < m.content_width && cy < m.content_height) {
    const Nv12 nv12(picture);
    switch (picture.format) {
      case Picture::Format::bgr8:
        c = resized<Picture::Format::bgr8>(picture, nv12, m, spans, cx, cy);
        break;
      case Picture::Format::gray8:
        c = resized<Picture::Format::gray8>(picture, nv12, m, spans, cx, cy);
        break;
      case Picture::Format::nv12:
        c = resized<Picture::Format::nv12>(picture, nv12, m, spans, cx, cy);
        break;
    }
  }
  const std::size_t plane = static_cast<std::size_t>(tensor.width) * tensor.height;
  Value* out = static_cast<Value*>(tensor.values) + 3 * plane * static_cast<std::size_t>(p) +
               static_cast<std::size_t>(y) * tensor.width + x;
  out[0] = Value((tensor.rgb ? c.r : c.b) * tensor.gain[0] + tensor.offset[0]);
  out[plane] = Value(c.g * tensor.gain[1] + tensor.offset[1]);
  out[2 * plane] = Value((tensor.rgb ? c.b : c.r) * tensor.gain[2] + tensor.offset[2]);
}

}  // namespace

void letterbox(const PictureBatch* batch, int most_pictures, const InputTensor& tensor,
               cudaStream_t stream) {
  const dim3 threads(kTileWidth, kTileHeight);
  const dim3 blocks(blocks_for(static_cast<std::size_t>(tensor.width), kTileWidth),
                    blocks_for(static_cast<std::size_t>(tensor.height), kTileHeight),
                    static_cast<unsigned>(most_pictures));
  if (tensor.number == Number::f16) {
    letterbox_kernel<__half><<<blocks, threads, 0, stream>>>(batch, tensor);
  } else {
    letterbox_kernel<float><<<blocks, threads, 0, stream>>>(batch, tensor);
  }
  check_launch("making a network's input");
}

}  // namespace lazarillo::gpu
