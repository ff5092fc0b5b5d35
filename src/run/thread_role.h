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

/// What begin_thread can do here for an urgent thread: "SCHED_FIFO", "nice -10" or "none".
[[nodiscard]] const char* urgent_priority_here();

}  // namespace lazarillo
