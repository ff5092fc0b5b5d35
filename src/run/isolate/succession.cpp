#include "run/isolate/succession.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace lazarillo {
namespace {

constexpr const char* kVariable = "LAZARILLO_SUCCESSION";

}  // namespace

void start_successor(const Succession& s) {
  if (s.generation > kMostGenerations) return;
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string words{std::istreambuf_iterator<char>(file), {}};
  std::vector<char*> arguments;
  for (std::size_t at = 0; at < words.size(); at = words.find('\0', at) + 1) {
    arguments.push_back(words.data() + at);
    if (words.find('\0', at) == std::string::npos) break;
  }
  arguments.push_back(nullptr);
  const std::string value = std::to_string(s.origin_ns) + ' ' + std::to_string(s.last_track) + ' ' +
                            std::to_string(s.last_frame) + ' ' + std::to_string(s.generation) +
                            ' ' + std::to_string(s.manner ? s.manner->words_per_minute : -1) + ' ' +
                            std::to_string(s.manner && s.manner->muted ? 1 : 0);
  ::setenv(kVariable, value.c_str(), 1);
  // This process takes the new role itself: nobody waits for another child.
  ::execv("/proc/self/exe", arguments.data());
}

std::optional<Succession> take_succession() {
  const char* value = std::getenv(kVariable);
  if (value == nullptr) return std::nullopt;
  Succession s;
  long long origin = 0;
  long long frame = 0;
  double words = -1;
  int muted = 0;
  const bool whole = std::sscanf(value, "%lld %d %lld %d %lf %d", &origin, &s.last_track, &frame,
                                 &s.generation, &words, &muted) == 6;
  ::unsetenv(kVariable);
  if (!whole) return std::nullopt;
  s.origin_ns = origin;
  s.last_frame = frame;
  if (words >= 0) s.manner = Manner{words, muted != 0};
  return s;
}

}  // namespace lazarillo
