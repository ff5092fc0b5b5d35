#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "ring/values.h"

namespace lazarillo {
namespace {

using test::is_whole;
using test::write_value;

// Publishing, pinning and releasing count as one operation each.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr std::uint64_t kOperations = 500'000;
#else
constexpr std::uint64_t kOperations = 50'000'000;
#endif
constexpr std::uint64_t kBytes = 64;
constexpr int kReaders = 3;

struct Count {
  alignas(64) std::atomic<std::uint64_t> taken;
  std::atomic<std::uint64_t> torn;
  std::atomic<std::uint64_t> dropped;
  std::atomic<std::uint64_t> out_of_order;
  std::atomic<bool> ready;
};

Pin checked(Pin pin, std::uint64_t after, Count& count) {
  count.taken.store(count.taken.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (!is_whole(pin)) ++count.torn;
  if (pin.sequence() <= after) ++count.out_of_order;
  return pin;
}

/// Reader 0 takes the newest, reader 1 all it can get, reader 2 takes in turns and holds each value
/// until it has the next, checking it again then.
void read_all(const Ring& ring, int index, Count& count) {
  RingReader reader(ring);
  count.ready = true;
  std::optional<Pin> held;
  for (std::uint64_t turn = 0;; ++turn) {
    const bool closed = ring.closed();  // before looking: what was published before is then seen
    const std::uint64_t before = reader.position();
    auto pin = index == 0 || (index == 2 && turn % 2 == 0) ? reader.newest() : reader.next();
    if (pin) {
      Pin now = checked(std::move(*pin), before, count);
      if (index != 2) continue;
      if (held && !is_whole(*held)) ++count.torn;
      held = std::move(now);
    } else if (closed) {
      break;
    } else if (turn % 64 == 0) {
      (void)reader.wait(std::chrono::milliseconds(1));
    } else {
      if (turn % 16 == 0) std::this_thread::yield();
    }
  }
  count.dropped = reader.dropped();
}

/// Publishes until everybody together has done enough.
std::uint64_t write_all(RingWriter& writer, const std::array<Count, kReaders>& counts) {
  std::uint64_t n = 0;
  for (std::uint64_t done = 0; done < kOperations;) {
    for (int i = 0; i < 1024; ++i) {
      ++n;
      if (write_value(writer, n, kBytes) != n) return 0;
    }
    done = n;
    for (const Count& count : counts) done += 2 * count.taken.load(std::memory_order_relaxed);
  }
  writer.close();
  return n;
}

void expect_all_whole(const std::array<Count, kReaders>& counts, std::uint64_t published) {
  ASSERT_GT(published, 0U);
  std::uint64_t done = published;
  for (const Count& count : counts) {
    EXPECT_GT(count.taken, 0U);
    EXPECT_EQ(count.torn, 0U);
    EXPECT_EQ(count.out_of_order, 0U);
    EXPECT_EQ(count.taken + count.dropped, published);
    done += 2 * count.taken;
  }
  EXPECT_GE(done, kOperations);
  testing::Test::RecordProperty("operations", std::to_string(done));
}

void wait_until_all_ready(const std::array<Count, kReaders>& counts) {
  for (const Count& count : counts) {
    while (!count.ready) std::this_thread::yield();
  }
}

// As few slots as the rule allows, so that the writer is always at the heels of the readers.
Ring make_ring() { return Ring::create({"stress", 8, kBytes, kReaders, 2}); }

TEST(RingStress, ThreadsNeverSeeATornValue) {
  const Ring ring = make_ring();
  RingWriter writer(ring);
  std::array<Count, kReaders> counts{};
  std::uint64_t published = 0;
  {
    std::vector<std::jthread> readers;
    for (int r = 0; r < kReaders; ++r)
      readers.emplace_back([&, r] { read_all(ring, r, counts[r]); });
    wait_until_all_ready(counts);
    published = write_all(writer, counts);
  }
  expect_all_whole(counts, published);
}

TEST(RingStress, ProcessesNeverSeeATornValue) {
  const Ring ring = make_ring();
  RingWriter writer(ring);
  void* const shared = ::mmap(nullptr, sizeof(std::array<Count, kReaders>), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  auto& counts = *new (shared) std::array<Count, kReaders>{};
  std::array<pid_t, kReaders> children{};
  for (int r = 0; r < kReaders; ++r) {
    children[r] = ::fork();
    if (children[r] == 0) {
      ::alarm(280);
      read_all(ring, r, counts[r]);
      ::_exit(0);
    }
  }
  wait_until_all_ready(counts);
  const std::uint64_t published = write_all(writer, counts);
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  expect_all_whole(counts, published);
  ::munmap(shared, sizeof(counts));
}

}  // namespace
}  // namespace lazarillo
