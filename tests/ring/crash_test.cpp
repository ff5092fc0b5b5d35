#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <random>
#include <thread>

#include "error.h"
#include "ring/process.h"
#include "ring/values.h"

namespace lazarillo {
namespace {

using test::is_whole;
using test::write_value;

/// A child process that runs a function, says so when it wants, and is killed.
class Child {
 public:
  explicit Child(const std::function<void(const std::function<void()>& ready)>& body) {
    if (::pipe(pipe_.data()) != 0) throw std::runtime_error("no pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      ::alarm(60);  // not to outlive a test that failed
      body([this] { (void)!::write(pipe_[1], "r", 1); });
      for (;;) ::pause();
    }
  }
  ~Child() {
    if (pid_ != 0) kill_and_forget();
    ::close(pipe_[0]);
    ::close(pipe_[1]);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void wait_ready() {
    char ready = 0;
    ASSERT_EQ(::read(pipe_[0], &ready, 1), 1);
  }
  /// Dead, but its number is still taken, as while a supervisor has not looked yet.
  void kill_only() {
    ASSERT_EQ(::kill(pid_, SIGKILL), 0);
    siginfo_t info{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT), 0);
  }
  void kill_and_forget() {
    ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
  }

 private:
  std::array<int, 2> pipe_{};
  pid_t pid_ = 0;
};

Ring make_ring() { return Ring::create({"crash", 8, 4096, 3, 2}); }

TEST(RingCrash, AWriterKilledInTheMiddleOfAValueIsReplaced) {
  const Ring ring = make_ring();
  RingReader reader(ring);
  Child child([&](const auto& ready) {
    RingWriter writer(ring);
    for (std::uint64_t n = 1; n <= 20; ++n) write_value(writer, n, 4096);
    test::fill(writer.begin().first(2048), 21);
    ready();
    for (;;) ::pause();
  });
  child.wait_ready();
  EXPECT_THROW(RingWriter{ring}, Error) << "it still lives";
  child.kill_only();

  const auto held = reader.newest();
  ASSERT_TRUE(held);
  EXPECT_EQ(held->sequence(), 20U);
  EXPECT_TRUE(is_whole(*held));
  EXPECT_EQ(ring.writer_epoch(), 1U);
  RingWriter next(ring);
  EXPECT_EQ(ring.writer_epoch(), 2U);
  for (std::uint64_t n = 21; n <= 100; ++n) ASSERT_EQ(write_value(next, n, 4096), n);
  EXPECT_TRUE(is_whole(*held)) << "the new writer respects pins it did not see being set";
  std::uint64_t taken = 0;
  while (const auto pin = reader.next()) {
    EXPECT_TRUE(is_whole(*pin));
    ++taken;
  }
  EXPECT_EQ(taken, 7U) << "8 slots less the one held: the slot left half written is in use again";
  EXPECT_EQ(reader.position(), 100U);
}

TEST(RingCrash, AWriterKilledAtAnyMomentLeavesWholeValues) {
  const Ring ring = make_ring();
  RingReader reader(ring);
  std::mt19937 random(20240229);
  for (int round = 1; round <= 60; ++round) {
    Child child([&](const auto&) {
      RingWriter writer(ring);
      for (std::uint64_t n = ring.newest_sequence() + 1;; ++n) write_value(writer, n, 4096);
    });
    const std::uint64_t until = reader.position() + 1 + random() % 500;
    while (reader.position() < until) {
      const auto pin = round % 2 == 0 ? reader.newest() : reader.next();
      ASSERT_TRUE(!pin || is_whole(*pin)) << "round " << round;
      if (!pin) std::this_thread::yield();
    }
    child.kill_and_forget();
    while (const auto pin = reader.next()) ASSERT_TRUE(is_whole(*pin)) << "round " << round;
    ASSERT_EQ(ring.writer_epoch(), static_cast<std::uint64_t>(round));
  }
  // And everything it had is in use again.
  RingWriter writer(ring);
  const std::uint64_t last = ring.newest_sequence();
  for (std::uint64_t n = last + 1; n <= last + 8; ++n) write_value(writer, n, 4096);
  for (std::uint64_t n = last + 1; n <= last + 8; ++n) EXPECT_EQ(reader.next()->sequence(), n);
}

TEST(RingCrash, WhatAWriterLeftBetweenItsStepsIsRepaired) {
  const Ring ring = make_ring();
  {
    RingWriter writer(ring);
    for (std::uint64_t n = 1; n <= 8; ++n) write_value(writer, n, 4096);
  }
  // Killed while it asked for the slot of value 3, and in another life after value 8 was whole and
  // before it was announced.
  std::uint32_t slot_of_7 = 0;
  for (std::uint32_t slot = 0; slot < 8; ++slot) {
    std::atomic<std::uint64_t>& sequence = ring.slot(slot).sequence;
    if (sequence == 3) sequence = 3 | kClaimed;
    if (sequence == 7) slot_of_7 = slot;
  }
  ring.header().newest = std::uint64_t{7} << 8 | slot_of_7;
  RingReader reader(ring);
  EXPECT_EQ(reader.next()->sequence(), 1U);
  RingWriter writer(ring);
  for (std::uint64_t n = 2; n <= 8; ++n) {
    const auto pin = reader.next();
    ASSERT_TRUE(pin);
    EXPECT_EQ(pin->sequence(), n);
    EXPECT_TRUE(is_whole(*pin));
  }
  EXPECT_EQ(write_value(writer, 9, 4096), 9U);
}

TEST(RingCrash, AReaderKilledWhileItReadsHoldsOnlyItsPins) {
  const Ring ring = make_ring();
  RingWriter writer(ring);
  write_value(writer, 1, 4096);
  Child child([&](const auto& ready) {
    RingReader reader(ring);
    const auto pin = reader.newest();
    const auto other = reader.wait(std::chrono::hours(1)) ? reader.newest() : std::nullopt;
    ready();
    for (;;) ::pause();
  });
  while (ring.reader(0).position != 1) std::this_thread::yield();
  write_value(writer, 2, 4096);
  child.wait_ready();
  EXPECT_EQ(writer.reclaim(), 0U) << "it still lives";
  child.kill_only();
  for (std::uint64_t n = 3; n <= 1000; ++n) ASSERT_EQ(write_value(writer, n, 4096), n);
  const auto in_use = [&](std::uint64_t value) {
    for (std::uint32_t slot = 0; slot < 8; ++slot) {
      if (ring.slot(slot).sequence == value) return true;
    }
    return false;
  };
  EXPECT_TRUE(in_use(1) && in_use(2));
  EXPECT_EQ(writer.reclaim(), 1U);
  EXPECT_EQ(ring.reader(0).pid, 0U);
  write_value(writer, 1001, 4096);
  write_value(writer, 1002, 4096);
  EXPECT_FALSE(in_use(1) || in_use(2)) << "the oldest are used again first";
  child.kill_and_forget();
  EXPECT_EQ(writer.reclaim(), 0U);
}

TEST(RingCrash, ANewReaderTakesTheEntryOfADeadOne) {
  const Ring ring = make_ring();
  RingWriter writer(ring);
  RingReader first(ring);
  RingReader second(ring);
  Child child([&](const auto& ready) {
    RingReader third(ring);
    ready();
    for (;;) ::pause();
  });
  child.wait_ready();
  EXPECT_THROW(RingReader{ring}, Error);
  child.kill_and_forget();
  RingReader third(ring);
  write_value(writer, 1, 4096);
  EXPECT_TRUE(is_whole(*third.newest()));
}

TEST(RingCrash, AProcessWithTheSameNumberIsNotTheSameProcess) {
  const ProcessId self = this_process();
  EXPECT_GT(self.start, 0U);
  EXPECT_TRUE(is_alive(self));
  EXPECT_FALSE(is_alive({self.pid, self.start - 1}));
  const Ring ring = make_ring();
  RingWriter writer(ring);
  RingReader reader(ring);
  ring.reader(1).start = self.start - 1;
  ring.reader(1).pid = self.pid;
  ring.pin(1, 0) = 5;
  EXPECT_EQ(writer.reclaim(), 1U);
  EXPECT_EQ(ring.reader(1).pid, 0U);
  EXPECT_EQ(ring.pin(1, 0), 0U);
  EXPECT_EQ(ring.reader(0).pid, self.pid);
}

TEST(RingCrash, AForkedChildThatEndsTakesNothingFromItsParent) {
  const Ring ring = make_ring();
  auto writer = std::make_unique<RingWriter>(ring);
  auto reader = std::make_unique<RingReader>(ring);
  const pid_t pid = ::fork();
  if (pid == 0) {
    writer.reset();
    reader.reset();
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  ASSERT_EQ(status, 0);
  EXPECT_EQ(ring.reader(0).pid, this_process().pid);
  EXPECT_EQ(ring.header().writer_pid, this_process().pid);
}

}  // namespace
}  // namespace lazarillo
