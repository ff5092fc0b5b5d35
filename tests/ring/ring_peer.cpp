// The C++ side of tests/system/test_ring.py: uses a ring by the file descriptor it inherits.
//   ring_peer write FD COUNT BYTES   takes over the writing and publishes COUNT values, closes
//   ring_peer read FD next|newest    reads until the ring is closed
// Both print one line of JSON.

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <string>

#include "ring/values.h"

namespace lazarillo {
namespace {

int write(const Ring& ring, std::uint64_t count, std::uint64_t bytes) {
  RingWriter writer(ring);
  const std::uint64_t first = ring.newest_sequence() + 1;
  for (std::uint64_t n = first; n < first + count; ++n) {
    if (test::write_value(writer, n, bytes) != n) return 1;
  }
  writer.close();
  fmt::print("{{\"first\": {}, \"last\": {}, \"epoch\": {}}}\n", first, ring.newest_sequence(),
             ring.writer_epoch());
  return 0;
}

int read(const Ring& ring, bool in_order) {
  RingReader reader(ring);
  fmt::print("ready\n");
  std::fflush(stdout);
  std::uint64_t taken = 0;
  std::uint64_t bad = 0;
  for (;;) {
    if (const auto pin = in_order ? reader.next() : reader.newest()) {
      ++taken;
      if (!test::is_whole(*pin)) ++bad;
    } else if (!reader.wait(std::chrono::minutes(1))) {
      break;
    }
  }
  fmt::print("{{\"taken\": {}, \"dropped\": {}, \"bad\": {}, \"position\": {}}}\n", taken,
             reader.dropped(), bad, reader.position());
  return ring.closed() ? 0 : 1;
}

int run(int argc, char** argv) {
  const std::string what = argc > 2 ? argv[1] : "";
  if (what == "write" && argc == 5) {
    return write(Ring::open(std::stoi(argv[2])), std::stoull(argv[3]), std::stoull(argv[4]));
  }
  if (what == "read" && argc == 4) {
    return read(Ring::open(std::stoi(argv[2])), std::string(argv[3]) == "next");
  }
  return 2;
}

}  // namespace
}  // namespace lazarillo

int main(int argc, char** argv) {
  try {
    return lazarillo::run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "ring_peer: {}\n", error.what());
    return 1;
  }
}
