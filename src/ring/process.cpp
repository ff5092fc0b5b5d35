#include "ring/process.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>

namespace lazarillo {
namespace {

struct Stat {
  char state = 0;
  std::uint64_t start = 0;
};

std::optional<Stat> read_stat(std::uint32_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  // The second field is the program's name in parentheses and may hold anything, also parentheses.
  const std::size_t after_name = text.rfind(')');
  if (after_name == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(after_name + 1));
  Stat stat;
  std::string skipped;
  fields >> stat.state;                                        // field 3
  for (int field = 4; field < 22; ++field) fields >> skipped;  // to field 21
  if (!(fields >> stat.start)) return std::nullopt;
  return stat;
}

}  // namespace

ProcessId this_process() {
  const auto pid = static_cast<std::uint32_t>(::getpid());
  const auto stat = read_stat(pid);
  return {pid, stat ? stat->start : 0};
}

bool is_alive(const ProcessId& process) {
  if (::kill(static_cast<pid_t>(process.pid), 0) != 0 && errno == ESRCH) return false;
  const auto stat = read_stat(process.pid);
  if (!stat) return true;
  return stat->state != 'Z' && stat->state != 'X' &&
         (process.start == 0 || stat->start == process.start);
}

}  // namespace lazarillo
