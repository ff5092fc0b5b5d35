#include "eval/pack.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "error.h"
#include "eval/data_files.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kLargestSide = 16384;

[[noreturn]] void refuse(const fs::path& file, const std::string& what) {
  throw Error(ExitCode::source, "'" + file.string() + "' " + what);
}

/// Why a line is not as it should be; the file and the number are added by who reads it.
struct BadLine {
  std::string why;
};

/// nlohmann's messages begin with "[json.exception.type_error.302] ".
std::string short_reason(const json::exception& error) {
  const std::string what = error.what();
  const auto end = what.find("] ");
  return end == std::string::npos ? what : what.substr(end + 2);
}

template <class Value>
Value value_of(const json& row, const char* key) {
  const auto found = row.find(key);
  if (found == row.end()) throw BadLine{fmt::format("has no '{}'", key)};
  try {
    return found->get<Value>();
  } catch (const json::exception& error) {
    throw BadLine{fmt::format("'{}': {}", key, short_reason(error))};
  }
}

int side_of(const json& row, const char* key) {
  const int side = value_of<int>(row, key);
  if (side < 1 || side > kLargestSide) {
    throw BadLine{fmt::format("'{}' must be 1 to {}", key, kLargestSide)};
  }
  return side;
}

int class_of(int index, std::size_t classes) {
  if (index < 0 || static_cast<std::size_t>(index) >= classes) {
    throw BadLine{fmt::format("has class {}, classes.json has 0 to {}", index, classes - 1)};
  }
  return index;
}

/// A direction, made a unit vector.
std::optional<std::array<double, 3>> down_of(const json& row) {
  if (!row.contains("down")) return std::nullopt;
  const auto down = value_of<std::vector<double>>(row, "down");
  const double length = down.size() == 3 ? std::hypot(down[0], down[1], down[2]) : 0;
  if (!(length > 0.1)) throw BadLine{"'down' must be a direction [x, y, z]"};
  return std::array{down[0] / length, down[1] / length, down[2] / length};
}

/// The chosen lines of a file, each turned into a value by `read`.
template <class Row, class Read>
std::vector<Row> read_rows(const fs::path& file, const Choice& choice, const Read& read) {
  std::istringstream text(read_file(file));
  std::vector<Row> rows;
  std::set<std::string> splits;
  std::string line;
  for (int number = 1; std::getline(text, line); ++number) {
    if (line.empty()) continue;
    try {
      const json row = json::parse(line);
      if (!row.is_object()) throw BadLine{"is no JSON object"};
      const auto split = value_of<std::string>(row, "split");
      splits.insert(split);
      if (split == choice.split) rows.push_back(read(row));
    } catch (const json::exception&) {
      refuse(file, fmt::format("line {}: is not JSON", number));
    } catch (const BadLine& bad) {
      refuse(file, fmt::format("line {}: {}", number, bad.why));
    }
  }
  if (splits.empty()) refuse(file, "has no lines");
  if (rows.empty()) {
    throw Error(ExitCode::usage, fmt::format("'{}' has no split '{}', only {}: see --split",
                                             file.string(), choice.split, fmt::join(splits, ", ")));
  }
  if (choice.most == 0 || rows.size() <= choice.most) return rows;
  std::vector<Row> some;
  const std::size_t step = rows.size() / choice.most;
  for (std::size_t i = 0; some.size() < choice.most; i += step) {
    some.push_back(std::move(rows[i]));
  }
  return some;
}

}  // namespace

std::vector<std::string> read_classes(const fs::path& folder) {
  const fs::path file = folder / "classes.json";
  try {
    auto names = json::parse(read_file(file)).get<std::vector<std::string>>();
    if (!names.empty()) return names;
  } catch (const json::exception&) {
  }
  refuse(file, "must be a JSON list of the classes' names");
}

std::vector<LabelledPicture> read_labelled(const fs::path& folder, const Choice& choice,
                                           std::size_t classes) {
  const auto read = [classes](const json& row) {
    LabelledPicture picture{value_of<std::string>(row, "file"),
                            side_of(row, "width"),
                            side_of(row, "height"),
                            value_of<std::string>(row, "set"),
                            {},
                            {}};
    const auto boxes = value_of<std::vector<std::vector<double>>>(row, "boxes");
    const auto difficult = value_of<std::vector<int>>(row, "difficult");
    if (difficult.size() != boxes.size()) {
      throw BadLine{"needs as many values in 'difficult' as in 'boxes'"};
    }
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      const std::vector<double>& b = boxes[i];
      if (b.size() != 5 || b[3] < b[1] || b[4] < b[2]) {
        throw BadLine{"has a box that is not [class, x1, y1, x2, y2]"};
      }
      const auto edge = [&b](std::size_t k) { return static_cast<float>(b[k]); };
      picture.objects.push_back({class_of(static_cast<int>(b[0]), classes),
                                 {edge(1), edge(2), edge(3), edge(4)},
                                 difficult[i] != 0});
    }
    for (const int index : value_of<std::vector<int>>(row, "labelled_classes")) {
      picture.labelled_classes.push_back(class_of(index, classes));
    }
    return picture;
  };
  return read_rows<LabelledPicture>(folder / "detect.jsonl", choice, read);
}

std::vector<MeasuredPicture> read_measured(const fs::path& folder, const Choice& choice) {
  const auto read = [](const json& row) {
    MeasuredPicture picture{value_of<std::string>(row, "file"),
                            value_of<std::string>(row, "depth"),
                            side_of(row, "width"),
                            side_of(row, "height"),
                            value_of<double>(row, "focal"),
                            value_of<std::string>(row, "set"),
                            down_of(row)};
    if (!(picture.focal_px > 0)) throw BadLine{"'focal' must be above 0"};
    return picture;
  };
  return read_rows<MeasuredPicture>(folder / "depth.jsonl", choice, read);
}

}  // namespace lazarillo
