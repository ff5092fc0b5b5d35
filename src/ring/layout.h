#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace lazarillo {

// The ring's memory, byte for byte as docs/ring.md specifies it. Little-endian; every word another
// process may change while we look is atomic.

inline constexpr std::array<char, 8> kRingMagic{'L', 'Z', 'R', 'I', 'N', 'G', '\0', '\0'};
inline constexpr std::uint32_t kRingVersion = 1;
inline constexpr std::uint32_t kMaxRingSlots = 256;  ///< a slot's index has 8 bits in `newest`
inline constexpr std::uint64_t kMaxSlotBytes = std::uint64_t{1} << 44;
/// Set in RingSlot::sequence while a writer asks whether somebody reads the slot.
inline constexpr std::uint64_t kClaimed = std::uint64_t{1} << 63;

enum class ValueKind : std::uint32_t {
  frame = 1,
  imu_batch = 2,
  calibration_json = 3,
  internal = 16,  ///< this and above: Lazarillo's own, their meaning is the program's
};

enum class RingPixelFormat : std::uint32_t {
  bgr8 = 0,
  gray8 = 1,
  /// Lazarillo's own: NV12 in the memory of an NVIDIA card; the payload says where.
  nv12_on_card = 16,
};

// SlotRecord::flags
inline constexpr std::uint32_t kIntrinsicsAssumed = 1;
inline constexpr std::uint32_t kTurnKnown = 2;
inline constexpr std::uint32_t kHeadKnown = 4;
inline constexpr std::uint32_t kGaitShift = 3;  ///< bits 3 and 4: 0 unknown, 1 stands, 2 walks
inline constexpr std::uint32_t kGaitMask = 3;

/// What a slot's payload is. Times are ns; capture_ns is the host's CLOCK_MONOTONIC, device_ns the
/// camera's own clock. The picture fields (from width on) mean something for a frame only.
struct SlotRecord {
  ValueKind kind = ValueKind::frame;
  std::uint32_t camera = 0;
  std::uint64_t frame_sequence = 0;
  std::int64_t capture_ns = 0;
  std::int64_t device_ns = 0;
  std::int64_t stream_ns = 0;
  std::uint64_t payload_bytes = 0;
  std::uint32_t width = 0;         ///< pixels
  std::uint32_t height = 0;        ///< pixels
  std::uint32_t stride_bytes = 0;  ///< distance of two rows
  RingPixelFormat pixel_format = RingPixelFormat::bgr8;
  double fx = 0.0;  ///< pixels, as are fy, cx and cy
  double fy = 0.0;
  double cx = 0.0;
  double cy = 0.0;
  std::uint32_t flags = 0;
  std::uint32_t picture_state = 0;  ///< 0: clear, or not looked at; 1 dark, 2 blocked, 3 repeated,
                                    ///< 4 bright, 5 blurred
  float turned_right_deg = 0;       ///< since the camera's first frame; with kTurnKnown
  float turned_up_deg = 0;
  float gravity_pitch_deg = 0;  ///< this and the next three with kHeadKnown
  float gravity_roll_deg = 0;
  float gravity_deviation_deg = 0;
  float steps_per_min = 0;
};

struct RingHeader {
  std::array<char, 8> magic;  ///< written last by the creator
  std::uint32_t version;
  std::uint32_t header_bytes;
  std::uint32_t slots;
  std::uint32_t readers;
  std::uint32_t pins;  ///< of each reader
  std::uint32_t reader_stride;
  std::uint64_t slot_stride;
  std::uint64_t slot_bytes;  ///< payload capacity
  std::uint64_t slots_offset;
  std::uint64_t total_bytes;
  std::array<char, 32> name;  ///< ends with at least one zero
  std::array<std::byte, 32> reserved;
  std::atomic<std::uint32_t> writer_pid;  ///< 0: nobody writes
  std::atomic<std::uint32_t> closed;
  std::atomic<std::uint64_t> writer_start;
  std::atomic<std::uint64_t> writer_epoch;
  std::array<std::byte, 40> reserved2;
  // A cache line of its own: the writer changes it with every value.
  std::atomic<std::uint64_t> newest;  ///< sequence << 8 | slot; 0: nothing yet
  std::atomic<std::int64_t> heartbeat_ns;
  std::atomic<std::uint32_t> published;  ///< the futex: changes with every value
  std::array<std::byte, 44> reserved3;
};

/// The pins follow: `pins` words u32, slot + 1, or 0 for none.
struct RingReaderEntry {
  std::atomic<std::uint32_t> pid;      ///< 0: the entry is free
  std::atomic<std::uint32_t> waiting;  ///< 1: wants to be woken
  std::atomic<std::uint64_t> start;    ///< start time of the process, so that a reused pid is known
  std::atomic<std::uint64_t> position;
  std::atomic<std::uint64_t> dropped;
};

/// The payload follows.
struct RingSlot {
  std::atomic<std::uint64_t> sequence;  ///< 0: empty or being written
  std::array<std::byte, 56> reserved;
  SlotRecord record;
};

static_assert(std::endian::native == std::endian::little);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(std::atomic<std::int64_t>::is_always_lock_free);
static_assert(std::is_standard_layout_v<RingHeader> && sizeof(RingHeader) == 256);
static_assert(std::is_standard_layout_v<RingReaderEntry> && sizeof(RingReaderEntry) == 32);
static_assert(std::is_standard_layout_v<RingSlot> && sizeof(RingSlot) == 192);
static_assert(std::is_trivially_copyable_v<SlotRecord> && sizeof(SlotRecord) == 128);

/// A value of ValueKind::imu_batch is an array of these, in order of time (docs/ring.md, "IMU
/// batches").
struct ImuSample {
  static constexpr std::uint32_t kAccel = 1, kGyro = 2;  ///< flags: what is valid
  std::int64_t capture_ns = 0;
  std::int64_t device_ns = 0;
  std::array<float, 3> accel_m_s2{};  ///< in the IMU's own frame
  std::array<float, 3> gyro_rad_s{};
  float temperature_c = 0;
  std::uint32_t flags = 0;
};
static_assert(std::is_trivially_copyable_v<ImuSample> && sizeof(ImuSample) == 48);

/// Where everything lies, from the four numbers that decide it.
struct RingGeometry {
  std::uint32_t slots = 0;
  std::uint64_t slot_bytes = 0;
  std::uint32_t readers = 0;
  std::uint32_t pins = 0;

  /// Within the limits, and enough slots that the writer always finds a free one: all pins may hold
  /// different slots, one slot is the newest, one is written.
  [[nodiscard]] constexpr bool valid() const {
    return slots <= kMaxRingSlots && slot_bytes >= 1 && slot_bytes <= kMaxSlotBytes &&
           readers >= 1 && pins >= 1 && std::uint64_t{readers} * pins + 2 <= slots;
  }
  [[nodiscard]] constexpr std::uint32_t reader_stride() const {
    return (static_cast<std::uint32_t>(sizeof(RingReaderEntry)) + 4 * pins + 63) / 64 * 64;
  }
  [[nodiscard]] constexpr std::uint64_t slot_stride() const {
    return (sizeof(RingSlot) + slot_bytes + 63) / 64 * 64;
  }
  [[nodiscard]] constexpr std::uint64_t slots_offset() const {
    return sizeof(RingHeader) + std::uint64_t{readers} * reader_stride();
  }
  [[nodiscard]] constexpr std::uint64_t total_bytes() const {
    return slots_offset() + slots * slot_stride();
  }
};

}  // namespace lazarillo
