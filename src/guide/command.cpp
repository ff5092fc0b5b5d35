#include "guide/command.h"

#include <array>

namespace lazarillo {
namespace {

constexpr std::array<const char*, kCommands> kNames{
    "critical-only", "calm",   "normal", "dense",  "more",       "less",
    "repeat",        "around", "mute",   "unmute", "toggle-mute"};

}  // namespace

const char* to_string(Command command) { return kNames[static_cast<std::size_t>(command)]; }

std::optional<Command> command_of(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (name == kNames[i]) return static_cast<Command>(i);
  }
  return std::nullopt;
}

std::string command_names() {
  std::string all;
  for (const char* name : kNames) all += (all.empty() ? "" : ", ") + std::string(name);
  return all;
}

}  // namespace lazarillo
