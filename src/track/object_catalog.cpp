#include "track/object_catalog.h"

#include <toml++/toml.h>

#include <array>
#include <optional>
#include <utility>

#include "error.h"

namespace lazarillo {
namespace {

std::optional<ObjectKind> kind_from(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, ObjectKind>, 8> kKinds{
      {{"person", ObjectKind::person},
       {"vehicle", ObjectKind::vehicle},
       {"motorcycle", ObjectKind::motorcycle},
       {"cycle", ObjectKind::cycle},
       {"animal", ObjectKind::animal},
       {"furniture", ObjectKind::furniture},
       {"door", ObjectKind::door},
       {"thing", ObjectKind::thing}}};
  for (const auto& [text, kind] : kKinds) {
    if (text == name) return kind;
  }
  return std::nullopt;
}

[[noreturn]] void refuse(const std::filesystem::path& file, const toml::source_region& where,
                         const std::string& problem) {
  throw Error(ExitCode::usage,
              "'" + file.string() + "' line " + std::to_string(where.begin.line) + ": " + problem);
}

/// [a, b] of positive numbers; `fallback` where the key is absent.
std::pair<double, double> number_pair(const toml::table& object, const char* key,
                                      std::pair<double, double> fallback,
                                      const std::filesystem::path& file) {
  const toml::node* node = object.get(key);
  if (node == nullptr) return fallback;
  const toml::array* values = node->as_array();
  if (values != nullptr && values->size() == 2) {
    const auto first = values->get(0)->value<double>();
    const auto second = values->get(1)->value<double>();
    if (first && second && *first > 0 && *second > 0) return {*first, *second};
  }
  refuse(file, node->source(), std::string("'") + key + "' must be two positive numbers");
}

}  // namespace

ObjectCatalog::ObjectCatalog(std::vector<ObjectClass> classes) : classes_(std::move(classes)) {
  for (std::size_t i = 0; i < classes_.size(); ++i) by_name_.emplace(classes_[i].name, i);
}

ObjectCatalog ObjectCatalog::load(const std::filesystem::path& file) {
  toml::table document;
  try {
    document = toml::parse_file(file.string());
  } catch (const toml::parse_error& error) {
    refuse(file, error.source(), std::string(error.description()));
  }
  const toml::array* objects = document["object"].as_array();
  if (objects == nullptr) {
    throw Error(ExitCode::usage,
                "'" + file.string() + "' holds no [[object]]: reinstall Lazarillo");
  }
  ObjectCatalog catalog;
  for (const toml::node& node : *objects) {
    const toml::table* object = node.as_table();
    if (object == nullptr) refuse(file, node.source(), "'object' must be a table");
    const auto name = (*object)["name"].value<std::string>();
    const auto kind = kind_from((*object)["kind"].value_or(std::string_view{}));
    if (!name) refuse(file, object->source(), "an object needs a 'name'");
    if (!kind) refuse(file, object->source(), "'" + *name + "' has no known 'kind'");
    ObjectClass entry{*name, *kind};
    std::tie(entry.height_m, entry.height_sigma_m) = number_pair(*object, "height", {0, 0}, file);
    std::tie(entry.aspect_min, entry.aspect_max) = number_pair(*object, "aspect", {0, 100}, file);
    std::vector<std::string> names{*name};
    if (const toml::array* aliases = (*object)["aliases"].as_array()) {
      for (const toml::node& alias : *aliases) names.push_back(alias.value_or(std::string{}));
    }
    for (const std::string& each : names) {
      if (!catalog.by_name_.emplace(each, catalog.classes_.size()).second) {
        refuse(file, object->source(), "the name '" + each + "' stands twice");
      }
    }
    catalog.classes_.push_back(std::move(entry));
  }
  return catalog;
}

ObjectClass ObjectCatalog::find(std::string_view network_label) const {
  const auto found = by_name_.find(std::string(network_label));
  if (found != by_name_.end()) return classes_[found->second];
  return {std::string(network_label), ObjectKind::thing};
}

}  // namespace lazarillo
