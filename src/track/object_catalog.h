#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lazarillo {

/// How a thing behaves towards a walker; decides ranges and urgency, never whether it is seen.
enum class ObjectKind { person, vehicle, motorcycle, cycle, animal, furniture, door, thing };

/// Whether networks take one for the other: what is called a bicycle now and a motorcycle in the
/// next picture is one thing.
[[nodiscard]] constexpr bool look_alike(ObjectKind a, ObjectKind b) {
  const auto two_wheels = [](ObjectKind kind) {
    return kind == ObjectKind::cycle || kind == ObjectKind::motorcycle;
  };
  return a == b || (two_wheels(a) && two_wheels(b));
}

struct ObjectClass {
  std::string name;  ///< canonical name, the key of the language files
  ObjectKind kind = ObjectKind::thing;
  /// Height of the whole, upright object in the world, metres; 0 when it tells no distance.
  double height_m = 0;
  double height_sigma_m = 0;
  /// Height / width of its box when whole and upright.
  double aspect_min = 0;
  double aspect_max = 100;
};

/// What is known about classes of objects, whatever network names them. Networks differ in names
/// ("tv", "tvmonitor") and in number of classes: a name that is not known is an ObjectKind::thing
/// without a height. Immutable after loading, safe to share between threads.
class ObjectCatalog {
 public:
  ObjectCatalog() = default;
  explicit ObjectCatalog(std::vector<ObjectClass> classes);

  /// Reads data/objects.toml. Throws Error(usage) naming the file and the line.
  static ObjectCatalog load(const std::filesystem::path& file);

  /// The class a network's label means; for an unknown label a thing of that name.
  [[nodiscard]] ObjectClass find(std::string_view network_label) const;

 private:
  std::vector<ObjectClass> classes_;
  std::unordered_map<std::string, std::size_t> by_name_;
};

}  // namespace lazarillo
