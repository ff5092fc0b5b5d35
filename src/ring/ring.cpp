#include "ring/ring.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>
#include <thread>
#include <utility>

#include "error.h"
#include "ring/process.h"

namespace lazarillo {

Ring::Ring(SharedMemory memory, const RingGeometry& geometry)
    : memory_(std::make_shared<const SharedMemory>(std::move(memory))),
      geometry_(geometry),
      reader_stride_(geometry.reader_stride()),
      slots_offset_(geometry.slots_offset()),
      slot_stride_(geometry.slot_stride()) {}

Ring Ring::create(const RingOptions& options) {
  const RingGeometry geometry{options.slots, options.slot_bytes, options.readers, options.pins};
  if (options.name.size() >= sizeof(RingHeader::name)) {
    throw Error(ExitCode::usage, "the ring's name '" + options.name + "' has more than 31 bytes");
  }
  if (!geometry.valid()) {
    throw Error(ExitCode::usage,
                "the ring '" + options.name + "' cannot have " + std::to_string(options.slots) +
                    " slots of " + std::to_string(options.slot_bytes) + " bytes for " +
                    std::to_string(options.readers) + " readers with " +
                    std::to_string(options.pins) +
                    " pins: it needs readers * pins + 2 slots, at most 256, of at most 2^44 bytes");
  }
  Ring ring(SharedMemory::create(options.name, geometry.total_bytes()), geometry);
  RingHeader& header = ring.header();
  header.version = kRingVersion;
  header.header_bytes = sizeof(RingHeader);
  header.slots = geometry.slots;
  header.readers = geometry.readers;
  header.pins = geometry.pins;
  header.reader_stride = geometry.reader_stride();
  header.slot_stride = geometry.slot_stride();
  header.slot_bytes = geometry.slot_bytes;
  header.slots_offset = geometry.slots_offset();
  header.total_bytes = geometry.total_bytes();
  std::ranges::copy(options.name, header.name.begin());
  header.magic = kRingMagic;
  return ring;
}

Ring Ring::open(int fd) { return open(SharedMemory::open(fd)); }

Ring Ring::open(const std::filesystem::path& path) { return open(SharedMemory::open(path)); }

Ring Ring::open(SharedMemory memory) {
  const auto refuse = [&](const std::string& why) {
    return Error(ExitCode::source, "cannot open the ring " + memory.name() + ": " + why);
  };
  if (memory.bytes() < sizeof(RingHeader)) {
    throw refuse("it is cut short: " + std::to_string(memory.bytes()) + " bytes");
  }
  const auto& header = *reinterpret_cast<const RingHeader*>(memory.data());
  if (header.magic != kRingMagic) throw refuse("it is not a ring of Lazarillo");
  if (header.version != kRingVersion) {
    throw refuse("it is of version " + std::to_string(header.version) + ", this program reads " +
                 std::to_string(kRingVersion) + ": use programs of the same release");
  }
  const RingGeometry geometry{header.slots, header.slot_bytes, header.readers, header.pins};
  if (!geometry.valid() || header.header_bytes != sizeof(RingHeader) ||
      header.reader_stride != geometry.reader_stride() ||
      header.slot_stride != geometry.slot_stride() ||
      header.slots_offset != geometry.slots_offset() ||
      header.total_bytes != geometry.total_bytes() || header.name.back() != '\0') {
    throw refuse("its header is damaged");
  }
  if (memory.bytes() != geometry.total_bytes()) {
    throw refuse("it should have " + std::to_string(geometry.total_bytes()) + " bytes and has " +
                 std::to_string(memory.bytes()));
  }
  memory.reserve();
  return {std::move(memory), geometry};
}

std::string Ring::name() const { return header().name.data(); }

SetupLock::SetupLock(const Ring& ring) {
  const auto refuse = [&](const std::string& why) {
    return Error(ExitCode::source, "cannot sign in at the ring '" + ring.name() + "': " + why);
  };
  // Opened anew: descriptors that were inherited or duplicated would share one lock.
  const std::string path = "/proc/self/fd/" + std::to_string(ring.fd());
  fd_ = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd_ < 0) throw refuse(std::strerror(errno));
  for (int attempt = 0; attempt < 200; ++attempt) {
    if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ::close(fd_);
  throw refuse("another process began to sign in and does not finish; end it");
}

SetupLock::~SetupLock() {
  // Explicitly: a child forked meanwhile holds the same lock.
  ::flock(fd_, LOCK_UN);
  ::close(fd_);
}

std::uint32_t reclaim_dead_readers(const Ring& ring) {
  std::uint32_t freed = 0;
  for (std::uint32_t i = 0; i < ring.geometry().readers; ++i) {
    RingReaderEntry& entry = ring.reader(i);
    const std::uint32_t pid = entry.pid.load();
    if (pid == 0 || is_alive({pid, entry.start.load()})) continue;
    for (std::uint32_t p = 0; p < ring.geometry().pins; ++p) ring.pin(i, p).store(0);
    entry.waiting.store(0);
    entry.pid.store(0);
    ++freed;
  }
  return freed;
}

}  // namespace lazarillo
