#include "see/cuda/device_code.cuh"

namespace lazarillo::gpu {
namespace {

constexpr int kTileWidth = 32;
constexpr int kTileHeight = 8;

struct Colour {
  float b, g, r;
};

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
};

/// Reads pixels of one format as levels. What a camera's chroma says of four pixels is taken for each of
/// them (nearest): interpolating it moves no edge a network sees at half the size.
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
      const float l = nv12.luma_gain * (float(__ldg(row + x)) - nv12.black);
      const float cb = float(c.x) - 128;
      const float cr = float(c.y) - 128;
      // A picture in BGR would hold whole levels of a byte here.
      return {whole(l + nv12.blue_cb * cb), whole(l - nv12.green_cr * cr - nv12.green_cb * cb),
              whole(l + nv12.red_cr * cr)};
    }
  }
};

/// The source pixels under pixel `at` of `length`, along one axis: first, last, and how much of each.
struct Span {
  int first, last;
  float weight_first, weight_last, all;

  __device__ Span(int at, int source, int length) {
    const long long begin = static_cast<long long>(at) * source;
    const long long end = begin + source;
    first = static_cast<int>(begin / length);
    last = static_cast<int>((end - 1) / length);
    weight_first = 1 - float(begin - static_cast<long long>(first) * length) / float(length);
    weight_last = float(end - static_cast<long long>(last) * length) / float(length);
    all = float(source) / float(length);
    if (first == last) weight_first = weight_last = all;
  }
  __device__ float weight(int i) const {
    return i == first ? weight_first : i == last ? weight_last : 1.0F;
  }
};

template <typename Read>
__device__ Colour averaged(const Read& read, const LetterboxMapping& m, int x, int y) {
  const Span columns(x, m.frame_width, m.content_width);
  const Span rows(y, m.frame_height, m.content_height);
  Colour sum{0, 0, 0};
  for (int sy = rows.first; sy <= rows.last; ++sy) {
    Colour line{0, 0, 0};
    for (int sx = columns.first; sx <= columns.last; ++sx) {
      const Colour c = read(sx, sy);
      const float w = columns.weight(sx);
      line.b += w * c.b;
      line.g += w * c.g;
      line.r += w * c.r;
    }
    const float w = rows.weight(sy);
    sum.b += w * line.b;
    sum.g += w * line.g;
    sum.r += w * line.r;
  }
  const float part = 1 / (columns.all * rows.all);
  return {whole(sum.b * part), whole(sum.g * part), whole(sum.r * part)};
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
__device__ Colour resized(const Picture& picture, const Nv12& nv12, const LetterboxMapping& m, int x,
                          int y) {
  const Reader<format> read{picture, nv12};
  if (m.content_width == m.frame_width && m.content_height == m.frame_height) return read(x, y);
  if (m.content_width <= m.frame_width && m.content_height <= m.frame_height) {
    return averaged(read, m, x, y);
  }
  return interpolated(read, m, x, y);
}

template <typename Value>
__global__ void letterbox_kernel(const PictureBatch* batch, InputTensor tensor) {
  const auto p = static_cast<int>(blockIdx.z);
  if (p >= batch->count) return;
  const int x = static_cast<int>(blockIdx.x) * kTileWidth + static_cast<int>(threadIdx.x);
  const int y = static_cast<int>(blockIdx.y) * kTileHeight + static_cast<int>(threadIdx.y);
  if (x >= tensor.width || y >= tensor.height) return;
  const Picture& picture = batch->pictures[static_cast<std::size_t>(p)];
  const LetterboxMapping& m = batch->mappings[static_cast<std::size_t>(p)];
  const int cx = x - m.offset_x;
  const int cy = y - m.offset_y;
  Colour c{tensor.pad_level, tensor.pad_level, tensor.pad_level};
  if (cx >= 0 && cy >= 0 && cx < m.content_width && cy < m.content_height) {
    const Nv12 nv12(picture);
    switch (picture.format) {
      case Picture::Format::bgr8:
        c = resized<Picture::Format::bgr8>(picture, nv12, m, cx, cy);
        break;
      case Picture::Format::gray8:
        c = resized<Picture::Format::gray8>(picture, nv12, m, cx, cy);
        break;
      case Picture::Format::nv12:
        c = resized<Picture::Format::nv12>(picture, nv12, m, cx, cy);
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
