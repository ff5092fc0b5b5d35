#include "simulate/world_file.h"

#include <fmt/core.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>
#include <variant>

#include "error.h"
#include "nearest.h"

namespace lazarillo::simulate {
namespace {

constexpr std::array<const char*, 4> kShapes{"box", "pit", "stairs_up", "stairs_down"};
constexpr std::array<const char*, 3> kTroubles{"blind", "frozen", "dark"};

/// Reads tables strictly: what nobody asks for is refused.
class Reader {
 public:
  explicit Reader(const std::filesystem::path& file) : file_(file.string()) {}

  [[noreturn]] void refuse(const toml::node& node, const std::string& problem) const {
    throw Error(ExitCode::usage,
                fmt::format("'{}' line {}: {}", file_, node.source().begin.line, problem));
  }

  toml::table parsed() const {
    try {
      return toml::parse_file(file_);
    } catch (const toml::parse_error& error) {
      const auto line = error.source().begin.line;
      const std::string where = line == 0 ? "" : fmt::format(" line {}", line);
      throw Error(ExitCode::usage,
                  fmt::format("cannot read '{}'{}: {}", file_, where, error.description()));
    }
  }

  void only(const toml::table& table, const std::vector<std::string>& known) const {
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      refuse(node,
             fmt::format("there is no '{}'; the nearest is '{}'", name, nearest(name, known)));
    }
  }

  void number(const toml::table& table, const std::string& key, double& value, double least,
              double most) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) return;
    const auto given = node->value<double>();
    if (!node->is_number() || !given) refuse(*node, fmt::format("'{}' must be a number", key));
    if (!(*given >= least && *given <= most)) {
      refuse(*node, fmt::format("'{}' is {}, must be from {} to {}", key, *given, least, most));
    }
    value = *given;
  }

  void text(const toml::table& table, const std::string& key, std::string& value) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) return;
    if (!node->is_string()) refuse(*node, fmt::format("'{}' must be a text in quotes", key));
    value = *node->value<std::string>();
  }

  template <std::size_t n>
  std::size_t one_of(const toml::table& table, const std::string& key,
                     const std::array<const char*, n>& names) const {
    std::string name = names[0];
    text(table, key, name);
    const auto found = std::find(names.begin(), names.end(), name);
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
    refuse(*table.get(key),
           fmt::format("there is no {} '{}'; the nearest is '{}'", key, name,
                       nearest(name, std::vector<std::string>(names.begin(), names.end()))));
  }

  /// Every table of an array of tables.
  template <class Use>
  void each(const toml::table& table, const std::string& key, const Use& use) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) return;
    const toml::array* list = node->as_array();
    if (list == nullptr) refuse(*node, fmt::format("'{}' must be tables, [[{}]]", key, key));
    for (const toml::node& item : *list) {
      if (!item.is_table()) refuse(item, fmt::format("'{}' must be tables, [[{}]]", key, key));
      use(*item.as_table());
    }
  }

  void sensor(const toml::table& document, SensorOptions& options) const {
    const toml::node* node = document.get("sensor");
    if (node == nullptr) return;
    if (!node->is_table()) refuse(*node, "'sensor' must be a table");
    std::vector<std::string> known;
    for (const Key& key : keys_of(options)) known.push_back(key.name);
    only(*node->as_table(), known);
    for (const Key& key : keys_of(options)) {
      number(*node->as_table(), key.name, *key.value, key.least, key.most);
    }
  }

 private:
  std::string file_;
};

constexpr double kFar_m = 10'000, kFast = 60, kLong_s = 3600;

Actor read_actor(const Reader& reader, const toml::table& table) {
  reader.only(table, {"id", "label", "shape", "x", "y", "yaw", "width", "length", "height",
                      "bottom", "move"});
  Actor a;
  double id = 0;
  reader.number(table, "id", id, 1, 1e6);
  a.id = static_cast<int>(id);
  reader.text(table, "label", a.label);
  a.shape = static_cast<Shape>(reader.one_of(table, "shape", kShapes));
  reader.number(table, "x", a.at.x, -kFar_m, kFar_m);
  reader.number(table, "y", a.at.y, -kFar_m, kFar_m);
  reader.number(table, "yaw", a.yaw_deg, -360, 360);
  reader.number(table, "width", a.width, 0.01, kFar_m);
  reader.number(table, "length", a.length, 0.01, kFar_m);
  reader.number(table, "height", a.height, 0.01, 100);
  reader.number(table, "bottom", a.bottom, 0, 100);
  reader.each(table, "move", [&](const toml::table& t) {
    reader.only(t, {"at", "vx", "vy"});
    Stretch move;
    reader.number(t, "at", move.at_s, 0, kLong_s);
    reader.number(t, "vx", move.vx, -kFast, kFast);
    reader.number(t, "vy", move.vy, -kFast, kFast);
    if (!a.moves.empty() && move.at_s <= a.moves.back().at_s) {
      reader.refuse(t, "moves must be in order of their times");
    }
    a.moves.push_back(move);
  });
  return a;
}

}  // namespace

World read_world(const std::filesystem::path& file, SensorOptions& sensor) {
  const Reader reader(file);
  const toml::table document = reader.parsed();
  reader.only(document, {"title", "seed", "seconds", "start", "leg", "actor", "trouble", "sensor"});
  World world;
  reader.text(document, "title", world.title);
  double seed = 1;
  reader.number(document, "seed", seed, 0, 9e15);
  world.seed = static_cast<std::uint64_t>(seed);
  reader.number(document, "seconds", world.seconds, 0.1, kLong_s);
  if (const toml::node* node = document.get("start")) {
    if (!node->is_table()) reader.refuse(*node, "'start' must be a table: { x = 0, y = 0 }");
    reader.only(*node->as_table(), {"x", "y"});
    reader.number(*node->as_table(), "x", world.start.x, -kFar_m, kFar_m);
    reader.number(*node->as_table(), "y", world.start.y, -kFar_m, kFar_m);
  }
  if (document.contains("leg")) world.legs.clear();
  reader.each(document, "leg", [&](const toml::table& t) {
    reader.only(t, {"at", "heading", "speed"});
    Leg leg;
    reader.number(t, "at", leg.at_s, 0, kLong_s);
    reader.number(t, "heading", leg.heading_deg, -360, 360);
    reader.number(t, "speed", leg.speed_mps, 0, 5);
    if (world.legs.empty() ? leg.at_s != 0 : leg.at_s <= world.legs.back().at_s) {
      reader.refuse(t, "legs must be in order of their times, the first at 0");
    }
    world.legs.push_back(leg);
  });
  if (world.legs.empty()) world.legs.emplace_back();
  reader.each(document, "actor", [&](const toml::table& t) {
    Actor actor = read_actor(reader, t);
    if (actor.id == 0) actor.id = static_cast<int>(world.actors.size()) + 1;
    for (const Actor& other : world.actors) {
      if (other.id == actor.id) reader.refuse(t, fmt::format("the id {} stands twice", actor.id));
    }
    world.actors.push_back(std::move(actor));
  });
  reader.each(document, "trouble", [&](const toml::table& t) {
    reader.only(t, {"kind", "from", "until"});
    Trouble trouble;
    trouble.kind = static_cast<Trouble::Kind>(reader.one_of(t, "kind", kTroubles));
    reader.number(t, "from", trouble.from_s, 0, kLong_s);
    reader.number(t, "until", trouble.until_s, 0, kLong_s);
    if (trouble.until_s <= trouble.from_s) reader.refuse(t, "'until' must be after 'from'");
    world.troubles.push_back(trouble);
  });
  reader.sensor(document, sensor);
  return world;
}

void read_sensor(const std::filesystem::path& file, SensorOptions& sensor) {
  const Reader reader(file);
  const toml::table document = reader.parsed();
  reader.only(document, {"sensor"});
  reader.sensor(document, sensor);
}

std::string to_toml(const World& world, SensorOptions sensor) {
  std::string text = fmt::format("title = \"{}\"\nseed = {}\nseconds = {}\n", world.title,
                                 world.seed, world.seconds);
  if (world.start.x != 0 || world.start.y != 0) {
    text += fmt::format("start = {{ x = {}, y = {} }}\n", world.start.x, world.start.y);
  }
  SensorOptions usual;
  const std::vector<Key> usual_keys = keys_of(usual);
  const std::vector<Key> keys = keys_of(sensor);
  std::string changed;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (*keys[i].value == *usual_keys[i].value) continue;
    changed += fmt::format("{} = {}\n", keys[i].name, *keys[i].value);
  }
  if (!changed.empty()) text += "\n[sensor]\n" + changed;
  for (const Leg& leg : world.legs) {
    text += fmt::format("\n[[leg]]\nat = {}\nheading = {}\nspeed = {}\n", leg.at_s, leg.heading_deg,
                        leg.speed_mps);
  }
  for (const Actor& a : world.actors) {
    text += fmt::format("\n[[actor]]\nid = {}\n", a.id);
    if (!a.label.empty()) text += fmt::format("label = \"{}\"\n", a.label);
    if (a.shape != Shape::box) {
      text += fmt::format("shape = \"{}\"\n", kShapes[static_cast<std::size_t>(a.shape)]);
    }
    text += fmt::format("x = {}\ny = {}\n", a.at.x, a.at.y);
    if (a.yaw_deg != 0) text += fmt::format("yaw = {}\n", std::remainder(a.yaw_deg, 360.0));
    text += fmt::format("width = {}\nlength = {}\nheight = {}\n", a.width, a.length, a.height);
    if (a.bottom != 0) text += fmt::format("bottom = {}\n", a.bottom);
    if (!a.moves.empty()) {
      text += "move = [";
      for (std::size_t i = 0; i < a.moves.size(); ++i) {
        const Stretch& m = a.moves[i];
        text += fmt::format("{}{{ at = {}, vx = {}, vy = {} }}", i == 0 ? "" : ", ", m.at_s, m.vx,
                            m.vy);
      }
      text += "]\n";
    }
  }
  for (const Trouble& t : world.troubles) {
    text += fmt::format("\n[[trouble]]\nkind = \"{}\"\nfrom = {}\nuntil = {}\n",
                        kTroubles[static_cast<std::size_t>(t.kind)], t.from_s, t.until_s);
  }
  return text;
}

}  // namespace lazarillo::simulate
