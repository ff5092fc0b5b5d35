#include "run/thread_role.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <latch>
#include <thread>

namespace lazarillo {
namespace {

int niceness(pid_t thread = 0) {
  return ::getpriority(PRIO_PROCESS, static_cast<id_t>(thread));
}

bool may_undo() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NICE, &limit);
  return ::geteuid() == 0 || limit.rlim_cur >= static_cast<rlim_t>(20 - niceness());
}

TEST(GivingWay, ThreadsMadeMeanwhileGiveWayUntilItsEnd) {
  if (!may_undo()) GTEST_SKIP() << "this user may not take niceness back";
  // Away from the thread that runs the other tests.
  std::thread([] {
    const int before = niceness();
    std::latch made(1);
    std::latch checked(1);
    pid_t id = 0;
    std::thread inner;
    {
      const GivingWay giving_way;
      EXPECT_GT(niceness(), before);
      inner = std::thread([&] {
        id = static_cast<pid_t>(::syscall(SYS_gettid));
        made.count_down();
        checked.wait();
      });
      made.wait();
      EXPECT_GT(niceness(id), before);
    }
    EXPECT_EQ(niceness(), before);
    EXPECT_EQ(niceness(id), before);
    checked.count_down();
    inner.join();
  }).join();
}

TEST(GivingWay, NeverLeavesAThreadNice) {
  std::thread([] {
    const int before = niceness();
    { const GivingWay giving_way; }
    EXPECT_EQ(niceness(), before);
  }).join();
}

}  // namespace
}  // namespace lazarillo
