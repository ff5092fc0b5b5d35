#include "source/jpeg_outline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "jpegs.h"

namespace lazarillo {
namespace {

using test::Bytes;
using test::make_jpeg;

TEST(JpegOutline, TellsSizeAndKind) {
  const Bytes jpeg = make_jpeg("Y42B", 101, 57).jpeg;
  const auto outline = outline_of(jpeg);
  ASSERT_TRUE(outline);
  EXPECT_EQ(outline->width, 101);
  EXPECT_EQ(outline->height, 57);
  EXPECT_EQ(outline->components, 3);
  EXPECT_EQ(outline->bits, 8);
  EXPECT_TRUE(outline->baseline);
  EXPECT_TRUE(outline->has_tables);
  EXPECT_FALSE(outline->has_adobe_rgb);
  EXPECT_EQ(outline->bytes, jpeg.size());
  EXPECT_EQ(outline_of(make_jpeg("GRAY8", 64, 48).jpeg)->components, 1);
}

TEST(JpegOutline, LeavesOutWhatFillsThePacket) {
  Bytes jpeg = make_jpeg("I420", 64, 48).jpeg;
  const std::size_t bytes = jpeg.size();
  jpeg.resize(bytes + 1000);
  EXPECT_EQ(outline_of(jpeg)->bytes, bytes);
  // Filling before a marker is allowed, too.
  jpeg.insert(jpeg.begin() + 2, 3, 0xFF);
  EXPECT_EQ(outline_of(jpeg)->bytes, bytes + 3);
}

TEST(JpegOutline, SeesAdobesRgb) {
  Bytes jpeg = make_jpeg("Y444", 64, 48).jpeg;
  Bytes adobe = {0xFF, 0xEE, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 0};
  jpeg.insert(jpeg.begin() + 2, adobe.begin(), adobe.end());
  EXPECT_TRUE(outline_of(jpeg)->has_adobe_rgb);
  jpeg[2 + adobe.size() - 1] = 1;  // YCbCr
  EXPECT_FALSE(outline_of(jpeg)->has_adobe_rgb);
}

TEST(JpegOutline, NothingOfADamagedOneIsBelieved) {
  const Bytes whole = make_jpeg("I420", 64, 48).jpeg;
  const std::size_t scan = outline_of(whole)->scan;
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    EXPECT_FALSE(outline_of(std::span(whole).first(bytes))) << bytes;
  }
  // Wherever a byte of the header is another, what is told stays within the bytes there are.
  for (std::size_t at = 0; at < scan; ++at) {
    for (const int other : {0x00, 0x01, 0x7F, 0xD9, 0xFF}) {
      Bytes damaged = whole;
      damaged[at] = static_cast<std::uint8_t>(other);
      if (const auto outline = outline_of(damaged)) {
        EXPECT_LE(outline->bytes, damaged.size());
        EXPECT_LT(outline->scan, outline->bytes);
      }
    }
  }
  Bytes twice = whole;  // two sizes: which one counts?
  for (const test::JpegSegment& s : test::segments_of(whole)) {
    if (s.marker != 0xC0) continue;
    const Bytes frame(whole.begin() + static_cast<std::ptrdiff_t>(s.begin),
                      whole.begin() + static_cast<std::ptrdiff_t>(s.end));
    twice.insert(twice.begin() + static_cast<std::ptrdiff_t>(s.end), frame.begin(), frame.end());
  }
  EXPECT_GT(twice.size(), whole.size());
  EXPECT_FALSE(outline_of(twice));
}

/// Tables by their place, however many stand in a segment.
std::map<int, Bytes> tables_of(const Bytes& jpeg) {
  std::map<int, Bytes> tables;
  for (const test::JpegSegment& s : test::segments_of(jpeg)) {
    std::size_t at = s.begin + 4;
    while (s.marker == 0xC4 && at < s.end) {
      std::size_t bytes = 16;
      for (std::size_t i = 0; i < 16; ++i) bytes += jpeg[at + 1 + i];
      const auto from = jpeg.begin() + static_cast<std::ptrdiff_t>(at + 1);
      tables[jpeg[at]] = Bytes(from, from + static_cast<std::ptrdiff_t>(bytes));
      at += 1 + bytes;
    }
  }
  return tables;
}

TEST(JpegOutline, StandardTablesAreThoseOfLibjpeg) {
  const Bytes whole = make_jpeg("I420", 64, 48).jpeg;
  ASSERT_EQ(tables_of(whole).size(), 4U);
  const Bytes bare = test::without_tables(whole);
  const auto outline = outline_of(bare);
  ASSERT_TRUE(outline);
  EXPECT_FALSE(outline->has_tables);
  Bytes completed = {1, 2, 3};
  add_standard_tables(bare, *outline, completed);
  EXPECT_EQ(tables_of(completed), tables_of(whole));
  EXPECT_EQ(test::without_tables(completed), bare);
  EXPECT_TRUE(outline_of(completed)->has_tables);
}

}  // namespace
}  // namespace lazarillo
