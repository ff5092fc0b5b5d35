#include "ring/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cctype>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>

namespace lazarillo {
namespace {

// The layout table of docs/ring.md: "header.slots" -> offset.
std::map<std::string, std::size_t> documented() {
  std::ifstream doc(std::string(LZ_SOURCE_DIR) + "/docs/ring.md");
  std::map<std::string, std::size_t> offsets;
  for (std::string line; std::getline(doc, line);) {
    // | part | offset | type | `field` | ...
    std::istringstream row(line);
    std::array<std::string, 5> cells;
    for (std::string& cell : cells) std::getline(row, cell, '|');
    const std::string& offset = cells[2];
    // Rows of another table have other cells.
    const bool number =
        offset.size() > 2 && offset.find_first_not_of("0123456789", 1) == offset.size() - 1;
    if (cells[0].empty() && number) {
      std::string part = cells[1].substr(1, cells[1].size() - 2);
      const std::string field = cells[4].substr(2, cells[4].size() - 4);
      offsets[part.append(".").append(field)] = std::stoul(offset);
    }
  }
  return offsets;
}

TEST(RingLayout, IsTheDocumentedOne) {
  const std::map<std::string, std::size_t> expected{
#define FIELD(part, type, field) {#part "." #field, offsetof(type, field)}
      FIELD(header, RingHeader, magic),
      FIELD(header, RingHeader, version),
      FIELD(header, RingHeader, header_bytes),
      FIELD(header, RingHeader, slots),
      FIELD(header, RingHeader, readers),
      FIELD(header, RingHeader, pins),
      FIELD(header, RingHeader, reader_stride),
      FIELD(header, RingHeader, slot_stride),
      FIELD(header, RingHeader, slot_bytes),
      FIELD(header, RingHeader, slots_offset),
      FIELD(header, RingHeader, total_bytes),
      FIELD(header, RingHeader, name),
      FIELD(header, RingHeader, writer_pid),
      FIELD(header, RingHeader, closed),
      FIELD(header, RingHeader, writer_start),
      FIELD(header, RingHeader, writer_epoch),
      FIELD(header, RingHeader, newest),
      FIELD(header, RingHeader, heartbeat_ns),
      FIELD(header, RingHeader, published),
      FIELD(reader, RingReaderEntry, pid),
      FIELD(reader, RingReaderEntry, waiting),
      FIELD(reader, RingReaderEntry, start),
      FIELD(reader, RingReaderEntry, position),
      FIELD(reader, RingReaderEntry, dropped),
      {"reader.pins", sizeof(RingReaderEntry)},
      FIELD(slot, RingSlot, sequence),
      FIELD(slot, RingSlot, record),
      {"slot.payload", sizeof(RingSlot)},
      FIELD(record, SlotRecord, kind),
      FIELD(record, SlotRecord, camera),
      FIELD(record, SlotRecord, frame_sequence),
      FIELD(record, SlotRecord, capture_ns),
      FIELD(record, SlotRecord, device_ns),
      FIELD(record, SlotRecord, stream_ns),
      FIELD(record, SlotRecord, payload_bytes),
      FIELD(record, SlotRecord, width),
      FIELD(record, SlotRecord, height),
      FIELD(record, SlotRecord, stride_bytes),
      FIELD(record, SlotRecord, pixel_format),
      FIELD(record, SlotRecord, fx),
      FIELD(record, SlotRecord, fy),
      FIELD(record, SlotRecord, cx),
      FIELD(record, SlotRecord, cy),
      FIELD(record, SlotRecord, flags),
      FIELD(record, SlotRecord, picture_state),
      FIELD(record, SlotRecord, turned_right_deg),
      FIELD(record, SlotRecord, turned_up_deg),
      FIELD(record, SlotRecord, gravity_pitch_deg),
      FIELD(record, SlotRecord, gravity_roll_deg),
      FIELD(record, SlotRecord, gravity_deviation_deg),
      FIELD(record, SlotRecord, steps_per_min),
#undef FIELD
  };
  EXPECT_EQ(documented(), expected);
}

TEST(RingLayout, AnImuSampleIsTheDocumentedOne) {
  std::ifstream file(LZ_SOURCE_DIR "/docs/ring.md");
  const std::string text(std::istreambuf_iterator<char>(file), {});
#define FIELD(field)                                                                               \
  EXPECT_THAT(text, testing::ContainsRegex("\n\\| " + std::to_string(offsetof(ImuSample, field)) + \
                                           " \\| [^|]* \\| `" #field "` \\|"))
  FIELD(capture_ns);
  FIELD(device_ns);
  FIELD(accel_m_s2);
  FIELD(gyro_rad_s);
  FIELD(temperature_c);
  FIELD(flags);
#undef FIELD
}

TEST(RingLayout, EverySizeIsAlignedToCacheLines) {
  for (const std::uint64_t bytes : {1, 63, 64, 65, 6220800}) {
    const RingGeometry geometry{16, bytes, 3, 3};
    EXPECT_EQ(geometry.reader_stride() % 64, 0U);
    EXPECT_EQ(geometry.slots_offset() % 64, 0U);
    EXPECT_EQ(geometry.slot_stride() % 64, 0U);
    EXPECT_GE(geometry.slot_stride(), sizeof(RingSlot) + bytes);
    EXPECT_GE(geometry.reader_stride(), 32U + 4 * 3);
  }
  // Worked by hand from the specification: 256 + 3 * 64 + 16 * (192 + 128).
  EXPECT_EQ((RingGeometry{16, 100, 3, 3}.total_bytes()), 5568U);
}

TEST(RingLayout, TheWriterNeedsAFreeSlotBesideAllPinsAndTheNewest) {
  EXPECT_TRUE((RingGeometry{8, 1, 3, 2}.valid()));
  EXPECT_FALSE((RingGeometry{7, 1, 3, 2}.valid()));
  EXPECT_TRUE((RingGeometry{256, 1, 127, 2}.valid()));
  EXPECT_FALSE((RingGeometry{257, 1, 3, 2}.valid()));
  EXPECT_FALSE((RingGeometry{8, 0, 3, 2}.valid()));
  EXPECT_FALSE((RingGeometry{8, kMaxSlotBytes + 1, 3, 2}.valid()));
  EXPECT_FALSE((RingGeometry{8, 1, 0, 2}.valid()));
  EXPECT_FALSE((RingGeometry{8, 1, 3, 0}.valid()));
  EXPECT_FALSE((RingGeometry{8, 1, 0x80000000U, 2}.valid()));  // the product wraps in 32 bits
}

}  // namespace
}  // namespace lazarillo
