#pragma once

#include "see/cuda/pixels.cuh"

// Averages over rectangles, in whole numbers. Along an axis of `source` pixels of which `length`
// are made, edges are counted in 1/length of a source pixel: one of the source is `length` wide,
// one of the result `source`, and what they share is a whole number. Bytes are weighed with 16 bits
// two at a time (dp2a), and nothing is rounded before the average is known.

namespace lazarillo::gpu {

/// What one pixel of the result covers of a row of samples, each `unit` wide.
struct Cover {
  int first;  ///< sample
  int skip;   ///< of the first sample, not covered
  int end;    ///< where it ends, counted from where the first sample begins
  int unit;

  __device__ Cover(int at, int source, int wide)
      : first(at * source / wide),
        skip(at * source - first * wide),
        end(skip + source),
        unit(wide) {}
  /// Of sample first + i.
  __device__ unsigned weight(int i) const {
    const int covered = min(max(end - i * unit, 0), unit);
    return static_cast<unsigned>(i == 0 ? covered - skip : covered);
  }
};

/// The weights of four neighbouring samples.
struct Weights {
  unsigned low, high;  ///< two each, of 16 bits

  Weights() = default;
  __device__ Weights(const Cover& cover, int i)
      : low(cover.weight(i) | cover.weight(i + 1) << 16),
        high(cover.weight(i + 2) | cover.weight(i + 3) << 16) {}
  __device__ unsigned sum(unsigned bytes, unsigned before) const {
    return __dp2a_hi(high, bytes, __dp2a_lo(low, bytes, before));
  }
};

/// 4 * groups neighbouring samples of a row, wherever they begin: read as whole words, none of them
/// without a byte that is used.
template <int channels, int groups>
class Samples {
 public:
  /// `used`: bytes from here on, at least one.
  __device__ void fetch(const std::uint8_t* from, int used) {
    const auto address = reinterpret_cast<std::size_t>(from);
    const auto before = static_cast<int>(address & 3);
    const auto* words = reinterpret_cast<const unsigned*>(address - before);
    word_[0] = __ldg(words);
#pragma unroll
    for (int i = 1; i < kWords; ++i) word_[i] = 4 * i < before + used ? __ldg(words + i) : 0;
  }
  /// Adds the weighed samples to each channel's sum. `shift`: bits before the first sample.
  __device__ void add(const Weights& weights, int group, unsigned shift,
                      unsigned (&sums)[channels]) const {
    unsigned word[channels];
#pragma unroll
    for (int i = 0; i < channels; ++i) {
      const int at = channels * group + i;
      word[i] = __funnelshift_r(word_[at], at + 1 < kWords ? word_[at + 1] : 0, shift);
    }
#pragma unroll
    for (int c = 0; c < channels; ++c) sums[c] = weights.sum(four(word, c), sums[c]);
  }

 private:
  static constexpr int kWords = (4 * groups * channels + 6) / 4;

  /// A channel's bytes of four samples.
  static __device__ unsigned four(const unsigned (&word)[channels], int channel) {
    if constexpr (channels == 1) {
      return word[0];
    } else if constexpr (channels == 2) {
      return __byte_perm(word[0], word[1], channel == 0 ? 0x6420 : 0x7531);
    } else {
      const unsigned early = channel == 0 ? 0x0630 : channel == 1 ? 0x0741 : 0x0052;
      const unsigned late = channel == 0 ? 0x5210 : channel == 1 ? 0x6210 : 0x7410;
      return __byte_perm(__byte_perm(word[0], word[1], early), word[2], late);
    }
  }

  unsigned word_[kWords];
};

/// Row after row of a plane: the sums of what one pixel of the result covers across. Up to 4 *
/// groups samples; `ahead` rows are on their way while others are summed.
template <int channels, int groups, int ahead>
class PlaneSums {
 public:
  /// `plane`: the first row that is looked at.
  __device__ PlaneSums(const std::uint8_t* plane, int pitch, const Cover& cover)
      : next_(plane + channels * cover.first), pitch_(pitch), used_(0) {
    shift_ = 8 * static_cast<unsigned>(reinterpret_cast<std::size_t>(next_) & 3);
#pragma unroll
    for (int i = 0; i < groups; ++i) weights_[i] = Weights(cover, 4 * i);
#pragma unroll
    for (int i = 0; i < 4 * groups; ++i) used_ += cover.end > i * cover.unit ? channels : 0;
  }
  /// The next row, which will be summed as the same `slot`.
  __device__ void fetch(int slot) {
    samples_[slot].fetch(next_, used_);
    next_ += pitch_;
  }
  __device__ void sum(int slot, unsigned (&sums)[channels]) {
#pragma unroll
    for (unsigned& sum : sums) sum = 0;
#pragma unroll
    for (int i = 0; i < groups; ++i) samples_[slot].add(weights_[i], i, shift_, sums);
    shift_ += 8 * static_cast<unsigned>(pitch_);  // of which shifting takes what is within a word
  }

 private:
  const std::uint8_t* next_;
  int pitch_, used_;
  unsigned shift_;
  Weights weights_[groups];
  Samples<channels, groups> samples_[ahead];
};

/// Any number of samples: read when they are summed.
template <int channels, int ahead>
class PlaneSums<channels, 0, ahead> {
 public:
  __device__ PlaneSums(const std::uint8_t* plane, int pitch, const Cover& cover)
      : next_(plane + channels * cover.first), pitch_(pitch), cover_(cover) {}
  __device__ void fetch(int) {}
  __device__ void sum(int, unsigned (&sums)[channels]) {
    const unsigned shift = 8 * static_cast<unsigned>(reinterpret_cast<std::size_t>(next_) & 3);
    const int count = (cover_.end - 1) / cover_.unit + 1;
    for (unsigned& sum : sums) sum = 0;
#pragma unroll 1
    for (int i = 0; i < count; i += 4) {
      Samples<channels, 1> samples;
      samples.fetch(next_ + channels * i, channels * min(count - i, 4));
      samples.add(Weights(cover_, i), 0, shift, sums);
    }
    next_ += pitch_;
  }

 private:
  const std::uint8_t* next_;
  int pitch_;
  Cover cover_;
};

/// An average from its sum.
struct Mean {
  float part;  ///< 1 / total weight

  template <typename Sum>
  __device__ float operator()(Sum sum) const {
    return static_cast<float>(sum) * part;
  }
  /// The nearest whole level, of a half the upper: what rounding takes from a half is less than the
  /// 2^-14 that is added.
  template <typename Sum>
  __device__ float level(Sum sum) const {
    constexpr float kWhole = 8388608.0F;  // 2^23: floats from here on are whole numbers
    return (__fmaf_rn(static_cast<float>(sum), part, 1.0F / 16384) + kWhole) - kWhole;
  }
};

// A reader of rows, one a format: what one pixel of the result covers across of the rows from `row`
// on, a multiple of kStep. Every row that is fetched is summed, in order; the slots, which are
// below kAhead, take turns: more rows ahead need registers, which warps then lack (measured).
// levels(): of blue, green and red, from sums over rows.

/// `channels`: 3 of BGR, or 1 of grey.
template <int channels, int groups>
class PackedRows {
 public:
  static constexpr int kChannels = channels;
  static constexpr int kStep = 1;
  static constexpr int kAhead = groups == 0 ? 1 : (channels == 1 ? 6 : 4) / groups;
  __device__ PackedRows(const Picture& picture, int x, int width, int row)
      : plane_(picture.pixels + static_cast<std::ptrdiff_t>(row) * picture.pitch, picture.pitch,
               Cover(x, picture.width, width)) {}
  __device__ void fetch(int slot) { plane_.fetch(slot); }
  __device__ void sum(int slot, unsigned (&sums)[channels]) { plane_.sum(slot, sums); }
  template <typename Sum>
  __device__ void levels(const Mean& mean, const Sum (&sums)[channels], float (&level)[3]) const {
    for (int c = 0; c < 3; ++c) level[c] = mean.level(sums[c % channels]);
  }

 private:
  PlaneSums<channels, groups, kAhead> plane_;
};

/// Luma, Cb and Cr. What a camera's chroma says of four pixels is taken for each of them (nearest):
/// a sample of chroma is two pixels wide, and a row of it is summed for two rows of luma.
template <int groups>
class Nv12Rows {
 public:
  static constexpr int kChannels = 3;
  static constexpr int kStep = 2;
  static constexpr int kAhead = groups == 0 ? 2 : 4;
  __device__ Nv12Rows(const Picture& picture, int x, int width, int row)
      : luma_(picture.pixels + static_cast<std::ptrdiff_t>(row) * picture.pitch, picture.pitch,
              Cover(x, picture.width, width)),
        chroma_(picture.chroma + static_cast<std::ptrdiff_t>(row / 2) * picture.chroma_pitch,
                picture.chroma_pitch, Cover(x, picture.width, 2 * width)),
        matrix_(nv12_matrix_of(picture)) {}
  __device__ void fetch(int slot) {
    luma_.fetch(slot);
    if (slot % 2 == 0) chroma_.fetch(slot / 2);
  }
  __device__ void sum(int slot, unsigned (&sums)[kChannels]) {
    unsigned luma[1];
    luma_.sum(slot, luma);
    if (slot % 2 == 0) chroma_.sum(slot / 2, colour_);
    sums[0] = luma[0];
    sums[1] = colour_[0];
    sums[2] = colour_[1];
  }
  template <typename Sum>
  __device__ void levels(const Mean& mean, const Sum (&sums)[kChannels], float (&level)[3]) const {
    convert(matrix_, mean(sums[0]), mean(sums[1]), mean(sums[2]), level);
  }

 private:
  PlaneSums<1, groups, kAhead> luma_;
  PlaneSums<2, groups, kAhead / 2> chroma_;
  const Nv12Matrix& matrix_;
  unsigned colour_[2];
};

}  // namespace lazarillo::gpu
