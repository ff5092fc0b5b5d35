#pragma once

#include <filesystem>
#include <string>

#include "simulate/sensor.h"
#include "simulate/world.h"

namespace lazarillo::simulate {

/// Reads a world. A table [sensor] in it goes over `sensor`. Throws Error(usage) with file and
/// line: unreadable, not TOML, an unknown key (the nearest known one named), a number out of range.
[[nodiscard]] World read_world(const std::filesystem::path& file, SensorOptions& sensor);

/// Reads a file that holds nothing but a table [sensor] over `sensor`. Throws as read_world().
void read_sensor(const std::filesystem::path& file, SensorOptions& sensor);

/// The world as such a file, with what of `sensor` differs from the defaults.
[[nodiscard]] std::string to_toml(const World& world, SensorOptions sensor);

}  // namespace lazarillo::simulate
