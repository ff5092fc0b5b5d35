#include "run/thread_role.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <thread>

namespace lazarillo {
namespace {

// Above ordinary threads, below what an audio server or a driver may want.
constexpr int kUrgentPriority = 5;
constexpr int kUrgentNice = -10;
constexpr int kBackgroundNice = 10;
// A third of the weight of an ordinary thread: 2 cores that are full still let it come to its end.
constexpr int kGivingWay = 5;

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

GivingWay::GivingWay() : before_(::getpriority(PRIO_PROCESS, 0)) {
  const int nicer = before_ + kGivingWay;
  std::thread([&] { active_ = renice(nicer) && renice(before_); }).join();
  if (active_) (void)renice(nicer);
}

GivingWay::~GivingWay() {
  if (!active_) return;
  std::error_code error;
  for (std::filesystem::directory_iterator task("/proc/self/task", error), end;
       !error && task != end; task.increment(error)) {
    const auto id = static_cast<id_t>(std::stoul(task->path().filename().string()));
    (void)::setpriority(PRIO_PROCESS, id, before_);
  }
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
