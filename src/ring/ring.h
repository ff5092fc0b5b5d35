#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "ring/layout.h"
#include "ring/shared_memory.h"

namespace lazarillo {

struct RingOptions {
  std::string name;              ///< for people; at most 31 bytes
  std::uint32_t slots = 8;       ///< at least readers * pins + 2, at most 256
  std::uint64_t slot_bytes = 0;  ///< the largest value
  std::uint32_t readers = 3;     ///< how many may read at the same time
  std::uint32_t pins = 2;        ///< values one reader may hold at the same time
};

/// A ring of values in shared memory: one RingWriter, several RingReaders, in any processes. A
/// handle: copies mean the same memory, which stays mapped until the last copy is gone. Any thread
/// may call the const functions. The protocol is docs/ring.md.
class Ring {
 public:
  /// A new, empty ring. Throws Error(usage) when the numbers do not fit together, Error(output)
  /// with the MiB needed when there is not enough memory.
  [[nodiscard]] static Ring create(const RingOptions& options);

  /// A ring somebody else made, by an inherited descriptor or a path. Throws Error(source) when it
  /// cannot be opened, is no ring, is of another version, or is damaged.
  [[nodiscard]] static Ring open(int fd);
  [[nodiscard]] static Ring open(const std::filesystem::path& path);

  [[nodiscard]] int fd() const { return memory_->fd(); }
  [[nodiscard]] std::string name() const;
  [[nodiscard]] const RingGeometry& geometry() const { return geometry_; }

  /// The writer has said that nothing will come any more.
  [[nodiscard]] bool closed() const { return header().closed.load() != 0; }
  /// Sequence of the newest value, 0 before the first.
  [[nodiscard]] std::uint64_t newest_sequence() const { return header().newest.load() >> 8; }
  /// How many writers this ring has had.
  [[nodiscard]] std::uint64_t writer_epoch() const { return header().writer_epoch.load(); }
  /// How long ago the writer was last heard of; `now` is steady_now_ns(). The time since boot when
  /// nobody has written yet.
  [[nodiscard]] std::int64_t heartbeat_age_ns(std::int64_t now) const {
    return now - header().heartbeat_ns.load();
  }

  // The memory itself, for RingWriter, RingReader and tests. Indices are not checked.
  [[nodiscard]] RingHeader& header() const { return *at<RingHeader>(0); }
  [[nodiscard]] RingReaderEntry& reader(std::uint32_t index) const {
    return *at<RingReaderEntry>(sizeof(RingHeader) + std::uint64_t{index} * reader_stride_);
  }
  [[nodiscard]] std::atomic<std::uint32_t>& pin(std::uint32_t reader, std::uint32_t index) const {
    return *at<std::atomic<std::uint32_t>>(sizeof(RingHeader) +
                                           std::uint64_t{reader} * reader_stride_ +
                                           sizeof(RingReaderEntry) + 4 * std::uint64_t{index});
  }
  [[nodiscard]] RingSlot& slot(std::uint32_t index) const {
    return *at<RingSlot>(slots_offset_ + index * slot_stride_);
  }
  [[nodiscard]] std::byte* payload(std::uint32_t slot) const {
    return memory_->data() + slots_offset_ + slot * slot_stride_ + sizeof(RingSlot);
  }

 private:
  friend class SetupLock;
  Ring(SharedMemory memory, const RingGeometry& geometry);
  [[nodiscard]] static Ring open(SharedMemory memory);

  template <typename T>
  [[nodiscard]] T* at(std::uint64_t offset) const {
    return reinterpret_cast<T*>(memory_->data() + offset);
  }

  std::shared_ptr<const SharedMemory> memory_;
  // Our own copy: whatever happens to the header later, we stay inside the mapping.
  RingGeometry geometry_;
  std::uint64_t reader_stride_;
  std::uint64_t slots_offset_;
  std::uint64_t slot_stride_;
};

/// Held while a writer or a reader signs in, among all processes and threads. The kernel frees it
/// when its holder dies. Throws Error(source) when somebody (stopped in the middle?) does not give
/// it back within two seconds.
class SetupLock {
 public:
  explicit SetupLock(const Ring& ring);
  ~SetupLock();
  SetupLock(const SetupLock&) = delete;
  SetupLock& operator=(const SetupLock&) = delete;

 private:
  int fd_;
};

/// Frees the entries of readers whose process is dead, with their pins; returns how many. The
/// caller holds the SetupLock.
std::uint32_t reclaim_dead_readers(const Ring& ring);

}  // namespace lazarillo
