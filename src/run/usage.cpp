#include "run/usage.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace lazarillo {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::string first_line(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  return line;
}

/// User and system time of a thread (proc(5), stat fields 14 and 15).
double thread_cpu_s(const std::filesystem::path& task) {
  const std::string stat = first_line(task / "stat");
  const auto name_end = stat.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(stat.substr(name_end + 2));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  long long user = 0;
  long long system = 0;
  fields >> user >> system;
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

Usage usage_now() {
  Usage usage;
  std::error_code ignored;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", ignored)) {
    usage.cpu_s[first_line(task.path() / "comm")] += thread_cpu_s(task.path());
  }
  rusage own{};
  ::getrusage(RUSAGE_SELF, &own);
  usage.cpu_s[Usage::kAll] = seconds(own.ru_utime) + seconds(own.ru_stime);

  usage.rss_mib = resident_mib();
  return usage;
}

double resident_mib() {
  std::istringstream pages(first_line("/proc/self/statm"));
  long long size = 0;
  long long resident = 0;
  pages >> size >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1 << 20);
}

void MemoryTrend::add(std::int64_t now_ns, double mib) {
  last_ns_ = now_ns;
  values_.push_back(static_cast<float>(mib));
}

double MemoryTrend::growth_mib() const {
  if (values_.empty()) return 0;
  const auto tenth = static_cast<std::ptrdiff_t>(values_.size() < 20 ? 1 : values_.size() / 10);
  return *std::min_element(values_.end() - tenth, values_.end()) -
         *std::min_element(values_.begin(), values_.begin() + tenth);
}

std::map<std::string, double> cores_between(const Usage& before, const Usage& after,
                                            double wall_s) {
  std::map<std::string, double> cores;
  if (wall_s <= 0) return cores;
  for (const auto& [name, cpu_s] : after.cpu_s) {
    const auto found = before.cpu_s.find(name);
    const double used = cpu_s - (found == before.cpu_s.end() ? 0 : found->second);
    if (used > 0) cores[name] = used / wall_s;
  }
  return cores;
}

}  // namespace lazarillo
