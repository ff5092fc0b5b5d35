#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lazarillo {

/// What a walker can ask of a run. docs/usage.md says what each does.
enum class Command : std::uint8_t {
  critical_only,  ///< these four: the presets of pace_presets()
  calm,
  normal,
  dense,
  more,  ///< one preset up
  less,
  repeat,  ///< what was said last
  around,  ///< what is in view now
  mute,    ///< nothing but what is critical
  unmute,
  toggle_mute,
};
inline constexpr int kCommands = static_cast<int>(Command::toggle_mute) + 1;

/// As it is typed: "critical-only".
[[nodiscard]] const char* to_string(Command command);
/// nullopt: there is no such command.
[[nodiscard]] std::optional<Command> command_of(std::string_view name);
/// All names, for a message.
[[nodiscard]] std::string command_names();

}  // namespace lazarillo
