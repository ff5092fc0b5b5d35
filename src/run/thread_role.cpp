#include "run/thread_role.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>

namespace lazarillo {
namespace {

// Above ordinary threads, below what an audio server or a driver may want.
constexpr int kUrgentPriority = 5;
constexpr int kUrgentNice = -10;
constexpr int kBackgroundNice = 10;

bool renice(int nice) {
  const auto id = static_cast<id_t>(::syscall(SYS_gettid));
  return ::setpriority(PRIO_PROCESS, id, nice) == 0;
}

bool make_real_time() {
  const sched_param parameters{kUrgentPriority};
  // Threads that libraries create from here stay ordinary: only what is short may run first.
  return ::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameters) == 0;
}

}  // namespace

void begin_thread(const char* name, ThreadRole role) {
  ::pthread_setname_np(::pthread_self(), name);
  if (role == ThreadRole::urgent && !make_real_time()) (void)renice(kUrgentNice);
  if (role == ThreadRole::background) (void)renice(kBackgroundNice);
}

const char* urgent_priority_here() {
  const char* found = "none";
  std::thread([&found] {
    if (make_real_time()) {
      found = "SCHED_FIFO";
    } else if (renice(kUrgentNice)) {
      found = "nice -10";
    }
  }).join();
  return found;
}

}  // namespace lazarillo
