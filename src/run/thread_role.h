#pragma once

namespace lazarillo {

/// How urgent a thread's work is.
enum class ThreadRole {
  urgent,      ///< capture, guiding, sound: short, and the walker waits for it
  normal,      ///< networks
  background,  ///< pictures for people who watch
};

/// Names the calling thread (at most 15 characters) and gives it the priority of its role as far as
/// this user may: urgent is SCHED_FIFO, else nice -10, else as it was; background is nice 10.
/// Threads that it creates inherit name and niceness, not SCHED_FIFO.
void begin_thread(const char* name, ThreadRole role);

/// While one lives, the calling thread and every thread made from it give way to others (nice +5):
/// for long work that nobody waits for, in a process that does nothing else meanwhile. Its end gives
/// all threads of the process back the niceness the calling one had. Where this user may not undo it
/// (RLIMIT_NICE), nothing is done.
class GivingWay {
 public:
  GivingWay();
  ~GivingWay();
  GivingWay(const GivingWay&) = delete;
  GivingWay& operator=(const GivingWay&) = delete;

 private:
  const int before_;
  bool active_ = false;
};

/// What begin_thread can do here for an urgent thread: "SCHED_FIFO", "nice -10" or "none".
[[nodiscard]] const char* urgent_priority_here();

}  // namespace lazarillo
