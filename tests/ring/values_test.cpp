#include "ring/values.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "clock.h"
#include "error.h"

namespace lazarillo {
namespace {

using namespace std::chrono_literals;
using test::is_whole;
using test::write_value;

Ring make_ring(std::uint32_t slots = 8, std::uint32_t readers = 3, std::uint32_t pins = 2) {
  return Ring::create({"test", slots, 256, readers, pins});
}

TEST(Ring, AFrameTravelsWithItsWholeRecord) {
  const Ring ring = make_ring();
  RingWriter writer(ring);
  RingReader reader(Ring::open(ring.fd()));  // another mapping, as another process has it
  EXPECT_FALSE(reader.newest());
  EXPECT_FALSE(reader.next());

  SlotRecord sent;
  sent.kind = ValueKind::frame;
  sent.camera = 2;
  sent.frame_sequence = 0x1122334455667788;
  sent.capture_ns = 123456789012345;
  sent.device_ns = -5;
  sent.stream_ns = 40'000'000;
  sent.payload_bytes = 4 * 2 * 3;
  sent.width = 3;
  sent.height = 2;
  sent.stride_bytes = 12;
  sent.pixel_format = RingPixelFormat::gray8;
  sent.fx = 500.5;
  sent.fy = 501.5;
  sent.cx = 1.25;
  sent.cy = 0.75;
  sent.flags = kIntrinsicsAssumed;
  const std::span<std::byte> place = writer.begin();
  ASSERT_EQ(place.size(), 256U);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(place.data()) % 64, 0U);
  for (std::size_t i = 0; i < sent.payload_bytes; ++i) place[i] = std::byte(i + 1);
  EXPECT_EQ(writer.publish(sent), 1U);

  const auto pin = reader.newest();
  ASSERT_TRUE(pin);
  EXPECT_EQ(pin->sequence(), 1U);
  EXPECT_EQ(std::memcmp(&pin->record(), &sent, sizeof(sent)), 0);
  ASSERT_EQ(pin->bytes().size(), 24U);
  for (std::size_t i = 0; i < 24; ++i) EXPECT_EQ(pin->bytes()[i], std::byte(i + 1));
  EXPECT_EQ(ring.name(), "test");
}

TEST(Ring, ValuesOfAnySizeUpToTheCapacityAndNotAByteMore) {
  RingWriter writer(make_ring());
  RingReader reader(writer.ring());
  for (const std::uint64_t bytes : {0, 8, 256}) {
    write_value(writer, writer.ring().newest_sequence() + 1, bytes);
    const auto pin = reader.newest();
    ASSERT_TRUE(pin);
    EXPECT_EQ(pin->bytes().size(), bytes);
    EXPECT_TRUE(is_whole(*pin));
  }
  (void)writer.begin();
  SlotRecord record;
  record.payload_bytes = 257;
  EXPECT_EQ(writer.publish(record), 0U);
  EXPECT_FALSE(reader.newest());
  record.payload_bytes = 256;
  EXPECT_EQ(writer.publish(record), 4U);
  EXPECT_EQ(writer.publish(record), 0U) << "without begin()";
}

TEST(Ring, AFaultyWritersOverlongValueIsSkipped) {
  RingWriter writer(make_ring());
  RingReader reader(writer.ring());
  write_value(writer, 1, 8);
  std::uint32_t slot = 0;
  while (writer.ring().slot(slot).sequence != 1) ++slot;
  writer.ring().slot(slot).record.payload_bytes = 257;
  EXPECT_FALSE(reader.newest());
  EXPECT_EQ(reader.dropped(), 1U);
  write_value(writer, 2, 8);
  const auto pin = reader.next();
  ASSERT_TRUE(pin);
  EXPECT_TRUE(is_whole(*pin));
  EXPECT_EQ(reader.dropped(), 1U);
}

TEST(Ring, NewestSkipsAndCountsWhatItSkipped) {
  RingWriter writer(make_ring());
  RingReader reader(writer.ring());
  for (std::uint64_t n = 1; n <= 5; ++n) write_value(writer, n, 64);
  EXPECT_EQ(reader.newest()->sequence(), 5U);
  EXPECT_EQ(reader.dropped(), 4U);
  EXPECT_FALSE(reader.newest()) << "a value is taken once";
  write_value(writer, 6, 64);
  EXPECT_EQ(reader.newest()->sequence(), 6U);
  EXPECT_EQ(reader.dropped(), 4U);
  EXPECT_EQ(reader.position(), 6U);
}

TEST(Ring, NextTakesInOrderAndCountsOnlyWhatWasOverwritten) {
  RingWriter writer(make_ring(8));
  RingReader reader(writer.ring());
  for (std::uint64_t n = 1; n <= 3; ++n) write_value(writer, n, 64);
  for (std::uint64_t n = 1; n <= 3; ++n) EXPECT_EQ(reader.next()->sequence(), n);
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(reader.dropped(), 0U);
  // 8 slots hold the last 8 values: of 4..23 these are 16..23.
  for (std::uint64_t n = 4; n <= 23; ++n) write_value(writer, n, 64);
  for (std::uint64_t n = 16; n <= 23; ++n) {
    const auto pin = reader.next();
    ASSERT_TRUE(pin);
    EXPECT_EQ(pin->sequence(), n);
    EXPECT_TRUE(is_whole(*pin));
  }
  EXPECT_EQ(reader.dropped(), 12U);
  EXPECT_FALSE(reader.next());
}

TEST(Ring, WhatCameBeforeAReaderIsThereAndIsNotCountedAsDropped) {
  RingWriter writer(make_ring(8));
  for (std::uint64_t n = 1; n <= 20; ++n) write_value(writer, n, 64);
  RingReader in_order(writer.ring());
  RingReader latest(writer.ring());
  EXPECT_EQ(in_order.next()->sequence(), 13U);
  EXPECT_EQ(latest.newest()->sequence(), 20U);
  EXPECT_EQ(in_order.dropped() + latest.dropped(), 0U);
  for (std::uint64_t n = 21; n <= 40; ++n) write_value(writer, n, 64);
  EXPECT_EQ(in_order.next()->sequence(), 33U);
  EXPECT_EQ(in_order.dropped(), 12U);
  EXPECT_EQ(latest.newest()->sequence(), 40U);
  EXPECT_EQ(latest.dropped(), 19U);
}

TEST(Ring, TheSlowestReadersNeitherBlockTheWriterNorLoseWhatTheyHold) {
  RingWriter writer(make_ring(8, 3, 2));
  std::vector<RingReader> readers;
  for (int r = 0; r < 3; ++r) readers.emplace_back(writer.ring());
  std::vector<Pin> held;
  std::uint64_t n = 0;
  for (RingReader& reader : readers) {
    for (int p = 0; p < 2; ++p) {
      write_value(writer, ++n, 256);
      held.push_back(*reader.newest());
    }
    EXPECT_FALSE(reader.can_pin());
    EXPECT_FALSE(reader.newest());
  }
  // All six pins are in use by different values: one slot is left to write, one holds the newest.
  for (; n < 10'000; ++n) ASSERT_EQ(write_value(writer, n + 1, 256), n + 1);
  for (std::size_t i = 0; i < held.size(); ++i) {
    EXPECT_EQ(held[i].sequence(), i + 1);
    EXPECT_TRUE(is_whole(held[i]));
  }
  held[0].release();
  EXPECT_TRUE(readers[0].can_pin());
  EXPECT_EQ(readers[0].newest()->sequence(), 10'000U);
}

TEST(Ring, TheWriterFindsASlotHoweverReadersJumpFromSlotToSlot) {
  // Worse than any reader: a pin that changes all the time, in a ring of as few slots as can be.
  const Ring ring = make_ring(3, 1, 1);
  RingWriter writer(ring);
  {
    const std::jthread jumping([&ring](const std::stop_token& stop) {
      for (std::uint32_t n = 0; !stop.stop_requested(); ++n) ring.pin(0, 0) = n % 3 + 1;
    });
    while (ring.pin(0, 0) == 0) std::this_thread::yield();
    for (std::uint64_t n = 1; n <= 100'000; ++n) {
      ASSERT_EQ(write_value(writer, n, 64), n);
      // What was claimed in vain was given back.
      for (std::uint32_t slot = 0; slot < 3; ++slot) ASSERT_LE(ring.slot(slot).sequence, n);
    }
  }
  ring.pin(0, 0) = 0;
  EXPECT_EQ(RingReader(ring).newest()->sequence(), 100'000U);
}

TEST(Ring, AReaderThatKeepsUpLosesNothing) {
  const Ring ring = make_ring(8, 1, 1);
  RingWriter writer(ring);
  RingReader reader(ring);
  constexpr std::uint64_t kValues = 300'000;
  // Never more than 5 values ahead: with the one held and the one being written 7 of 8 slots.
  const std::jthread writing([&](const std::stop_token& stop) {
    for (std::uint64_t n = 1; n <= kValues && !stop.stop_requested(); ++n) {
      while (n > ring.reader(0).position + 5 && !stop.stop_requested()) std::this_thread::yield();
      write_value(writer, n, 64);
    }
  });
  // Looks often, so as to look while a value is being published.
  for (std::uint64_t n = 1, looked = 0; n <= kValues; ++looked) {
    const auto pin = reader.next();
    if (!pin) {
      if (looked % 64 == 0) std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(pin->sequence(), n++);
    ASSERT_TRUE(is_whole(*pin));
  }
  EXPECT_EQ(reader.dropped(), 0U);
}

TEST(Ring, APinOutlivesItsReaderAndIsReleasedByAnotherThread) {
  RingWriter writer(make_ring(3, 1, 1));
  write_value(writer, 1, 64);
  std::optional<Pin> pin = RingReader(writer.ring()).newest();
  ASSERT_TRUE(pin);
  EXPECT_THROW(RingReader{writer.ring()}, Error) << "the entry still holds a pin";
  for (std::uint64_t n = 2; n <= 100; ++n) write_value(writer, n, 64);
  std::thread([moved = std::move(*pin)]() mutable {
    EXPECT_TRUE(is_whole(moved));
    moved.release();
  }).join();
  pin.reset();
  RingReader again(writer.ring());
  EXPECT_EQ(again.newest()->sequence(), 100U);
}

TEST(Ring, AReaderTooManyIsRefused) {
  const Ring ring = make_ring(8, 3, 2);
  std::vector<RingReader> readers;
  for (int r = 0; r < 3; ++r) readers.emplace_back(ring);
  try {
    RingReader one_more(ring);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("has 3 readers already"), std::string::npos);
  }
  readers.pop_back();
  EXPECT_NO_THROW(RingReader{ring});
}

TEST(Ring, ASecondWriterIsRefusedWhileTheFirstLives) {
  const Ring ring = make_ring();
  {
    RingWriter writer(ring);
    EXPECT_THROW(RingWriter{ring}, Error);
    write_value(writer, 1, 64);
    EXPECT_EQ(ring.writer_epoch(), 1U);
  }
  RingWriter writer(ring);
  EXPECT_EQ(ring.writer_epoch(), 2U);
  EXPECT_EQ(write_value(writer, 2, 64), 2U);
}

TEST(Ring, AWaitingReaderIsWokenByAValueAndByClosing) {
  const Ring ring = make_ring();
  RingWriter writer(ring);
  std::atomic<pid_t> reader_thread{0};
  // Until the end of time: without being woken nobody gets further, and the test runs out of time.
  std::thread waiting([&] {
    RingReader reader(ring);
    reader_thread = ::gettid();
    while (reader.wait(std::chrono::nanoseconds::max())) {
      const auto pin = reader.next();
      EXPECT_TRUE(pin && is_whole(*pin));
    }
    EXPECT_TRUE(ring.closed());
    EXPECT_EQ(reader.position(), 100U);
    EXPECT_EQ(reader.dropped(), 0U);
  });
  const auto until_it_sleeps = [&] {
    char state = 0;
    while (ring.reader(0).waiting == 0 || reader_thread == 0 || state != 'S') {
      std::ifstream stat("/proc/self/task/" + std::to_string(reader_thread) + "/stat");
      stat.ignore(1000, ')') >> state;
    }
  };
  for (std::uint64_t n = 1; n <= 100; ++n) {
    until_it_sleeps();
    write_value(writer, n, 64);
    while (ring.reader(0).position != n) std::this_thread::yield();
  }
  until_it_sleeps();
  writer.close();
  waiting.join();
}

TEST(Ring, WaitingEndsWhenTimeIsOver) {
  const Ring ring = make_ring();
  RingReader reader(ring);
  const std::int64_t before = steady_now_ns();
  EXPECT_FALSE(reader.wait(2ms));
  EXPECT_GE(steady_now_ns() - before, 2'000'000);
  EXPECT_FALSE(reader.wait(0ms));
  EXPECT_FALSE(reader.wait(-1ms));
}

TEST(Ring, TheHeartbeatTellsWhenTheWriterWasLastHeardOf) {
  const Ring ring = make_ring();
  RingWriter writer(ring);
  const std::int64_t a = steady_now_ns();
  writer.beat();
  const std::int64_t b = steady_now_ns();
  EXPECT_GE(ring.heartbeat_age_ns(b), 0);
  EXPECT_LE(ring.heartbeat_age_ns(b), b - a);
  write_value(writer, 1, 64);
  EXPECT_LE(ring.heartbeat_age_ns(b), 0) << "publishing is a sign of life, too";
}

TEST(Ring, ItsMemoryHasNoNameAndLivesAsLongAsSomebodyHoldsIt) {
  std::optional<Ring> ring = make_ring();
  const std::string link =
      std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(ring->fd())).string();
  EXPECT_EQ(link, "/memfd:test (deleted)");
  EXPECT_NE(::fcntl(ring->fd(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::ftruncate(ring->fd(), 0), 0) << "nobody may shorten it";
  std::optional<RingWriter> writer(
      Ring::open(std::filesystem::path("/proc/self/fd/" + std::to_string(ring->fd()))));
  RingReader reader(*ring);
  ring.reset();
  write_value(*writer, 1, 64);
  writer.reset();
  EXPECT_TRUE(is_whole(*reader.newest()));
}

}  // namespace
}  // namespace lazarillo
