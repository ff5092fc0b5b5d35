#include "infer/manifest.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "error.h"
#include "lower_case.h"
#include "nearest.h"

namespace lazarillo {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr int kLargestInput = 8192;  // pixels a side: more is a typing error

[[noreturn]] void refuse(const fs::path& file, const std::string& what) {
  throw Error(ExitCode::model, "'" + file.string() + "': " + what);
}

std::string joined(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : ", ") + word;
  return line;
}

Json parse_toml(const fs::path& file) {
  try {
    std::ostringstream json;
    json << toml::json_formatter{toml::parse_file(file.string())};
    return Json::parse(json.str());
  } catch (const toml::parse_error& e) {
    refuse(file,
           "line " + std::to_string(e.source().begin.line) + ": " + std::string(e.description()));
  }
}

Json parse_json(const fs::path& file) {
  std::ifstream stream(file);
  try {
    return Json::parse(stream);
  } catch (const Json::exception& e) {
    const std::string what =
        e.what();  // "[json.exception.parse_error.101] parse error at line ..."
    const std::size_t end = what.find("] ");
    refuse(file, end == std::string::npos ? what : what.substr(end + 2));
  }
}

/// One table of a manifest; every complaint names the file, the table and the key.
class Table {
 public:
  Table(const Json& json, const fs::path& file, std::string name)
      : json_(json), file_(file), name_(std::move(name)) {
    if (!json.is_object()) fail((name_.empty() ? "it" : name_) + " must be a table");
  }

  [[nodiscard]] bool has(const std::string& key) const { return json_.contains(key); }
  [[nodiscard]] const fs::path& file() const { return file_; }

  [[noreturn]] void fail(const std::string& what) const {
    refuse(file_, (name_.empty() ? "" : "[" + name_ + "] ") + what);
  }

  void allow_only(const std::vector<std::string>& known) const {
    for (const auto& [key, value] : json_.items()) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      fail("there is no key '" + key + "' here; the nearest is '" + nearest(key, known) + "'");
    }
  }

  [[nodiscard]] const Json& value(const std::string& key) const {
    const auto it = json_.find(key);
    if (it == json_.end()) fail("'" + key + "' is missing");
    return *it;
  }

  [[nodiscard]] Table table(const std::string& key) const {
    return {value(key), file_, name_.empty() ? key : name_ + "." + key};
  }

  [[nodiscard]] std::string text(const std::string& key) const {
    const Json& v = value(key);
    if (!v.is_string() || v.get_ref<const std::string&>().empty()) {
      fail("'" + key + "' must be a text");
    }
    return v.get<std::string>();
  }
  [[nodiscard]] std::string text_or(const std::string& key, const std::string& otherwise) const {
    return has(key) ? text(key) : otherwise;
  }

  [[nodiscard]] bool truth_or(const std::string& key, bool otherwise) const {
    if (!has(key)) return otherwise;
    if (!value(key).is_boolean()) fail("'" + key + "' must be true or false");
    return value(key).get<bool>();
  }

  [[nodiscard]] int whole(const std::string& key, int least, int most) const {
    const Json& v = value(key);
    if (!v.is_number_integer() || v.get<double>() < least || v.get<double>() > most) {
      fail("'" + key + "' must be a whole number from " + std::to_string(least) + " to " +
           std::to_string(most));
    }
    return v.get<int>();
  }

  /// A number in [0, 1].
  [[nodiscard]] double part_or(const std::string& key, double otherwise) const {
    if (!has(key)) return otherwise;
    const Json& v = value(key);
    if (!v.is_number() || !(v.get<double>() >= 0 && v.get<double>() <= 1)) {
      fail("'" + key + "' must be a number from 0 to 1");
    }
    return v.get<double>();
  }

  [[nodiscard]] double positive(const std::string& key) const {
    const Json& v = value(key);
    if (!v.is_number() || !(v.get<double>() > 0) || !std::isfinite(v.get<double>())) {
      fail("'" + key + "' must be a number above 0");
    }
    return v.get<double>();
  }

  [[nodiscard]] std::vector<std::string> texts(const std::string& key) const {
    const Json& v = value(key);
    const bool good = v.is_array() && !v.empty() &&
                      std::all_of(v.begin(), v.end(), [](const Json& e) { return e.is_string(); });
    if (!good) fail("'" + key + "' must be a list of texts");
    return v.get<std::vector<std::string>>();
  }

  [[nodiscard]] std::array<float, 3> three_or(const std::string& key,
                                              std::array<float, 3> otherwise,
                                              bool zero_allowed) const {
    if (!has(key)) return otherwise;
    const Json& v = value(key);
    const auto good = [&](const Json& e) {
      return e.is_number() && std::isfinite(e.get<float>()) && (zero_allowed || e.get<float>() > 0);
    };
    if (!v.is_array() || v.size() != 3 || !std::all_of(v.begin(), v.end(), good)) {
      fail("'" + key + "' must be three numbers" + (zero_allowed ? "" : " above 0"));
    }
    return v.get<std::array<float, 3>>();
  }

  template <typename Value>
  [[nodiscard]] Value choice(const std::string& key,
                             const std::map<std::string, Value>& known) const {
    const std::string word = text(key);
    const auto it = known.find(word);
    if (it != known.end()) return it->second;
    std::vector<std::string> words;
    words.reserve(known.size());
    for (const auto& each : known) words.push_back(each.first);
    fail("'" + key + "' is '" + word + "'; it must be one of " + joined(words));
  }

  [[nodiscard]] std::string digest_or_none(const std::string& key) const {
    if (!has(key)) return {};
    std::string digest = text(key);
    const auto hex = [](unsigned char c) { return std::isxdigit(c) != 0; };
    if (digest.size() != 64 || !std::all_of(digest.begin(), digest.end(), hex)) {
      fail("'" + key + "' must be 64 hexadecimal digits");
    }
    return lower_case(digest);
  }

 private:
  const Json& json_;
  const fs::path& file_;
  std::string name_;
};

/// Where a file named in a manifest lies: beside the manifest, else in the first directory with it.
fs::path located(const std::string& name, const fs::path& manifest,
                 const std::vector<fs::path>& directories) {
  const fs::path beside = fs::absolute(manifest).parent_path() / name;
  if (fs::is_regular_file(beside)) return beside.lexically_normal();
  for (const fs::path& directory : directories) {
    const fs::path there = fs::absolute(directory) / name;
    if (fs::is_regular_file(there)) return there.lexically_normal();
  }
  return beside.lexically_normal();
}

std::vector<std::string> read_labels(const Table& table, const std::vector<fs::path>& directories) {
  if (!table.value("labels").is_string()) return table.texts("labels");
  const std::string name = "labels/" + table.text("labels") + ".txt";
  std::ifstream stream(located(name, table.file(), directories));
  std::vector<std::string> labels;
  for (std::string line; std::getline(stream, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) labels.push_back(line);
  }
  if (labels.empty()) {
    table.fail("'labels' names '" + table.text("labels") + "', but there is no " + name +
               " in the model directories");
  }
  return labels;
}

void read_input(const Table& table, NetworkManifest& network) {
  table.allow_only({"width", "height", "layout", "colour", "mean", "std", "letterbox", "pad"});
  network.input_width = table.whole("width", 1, kLargestInput);
  network.input_height = table.whole("height", 1, kLargestInput);
  if (table.has("layout")) {
    network.layout = table.choice<TensorLayout>(
        "layout", {{"nchw", TensorLayout::nchw}, {"nhwc", TensorLayout::nhwc}});
  }
  if (table.has("colour")) {
    network.rgb = table.choice<bool>("colour", {{"rgb", true}, {"bgr", false}});
  }
  network.mean = table.three_or("mean", network.mean, true);
  network.std = table.three_or("std", network.std, false);
  network.letterbox = table.truth_or("letterbox", network.letterbox);
  if (table.has("pad")) network.pad_value = table.whole("pad", 0, 255);
  // One scale for both axes is what a depth map's geometry, and its focal length, is made of.
  if (!network.letterbox && network.task != Task::detect) {
    table.fail("'letterbox' must be true for a network that gives depth");
  }
}

void read_reference(const Table& table, const std::vector<fs::path>& directories,
                    NetworkManifest& network) {
  if (table.has("reference")) {
    network.reference = located(table.text("reference"), table.file(), directories);
  }
  network.int8 = table.has("precision") && table.choice<bool>("precision", {{"int8", true}});
  if (network.int8 && network.reference.empty()) {
    table.fail("a network of precision 'int8' needs a 'reference' in FP32");
  }
}

void read_thresholds(const Table& table, NetworkManifest& network) {
  network.score_threshold = table.part_or("score_threshold", network.score_threshold);
  network.nms_iou = table.part_or("nms_iou", network.nms_iou);
}

/// The digest a card states for a file. A card written for a network that was renamed since holds
/// the old name: the only entry of the same kind is then the one meant, and it must still agree.
std::string card_digest(const Table& card, const fs::path& file) {
  if (!card.has("sha256")) return {};
  const Table digests = card.table("sha256");
  if (digests.has(file.filename().string()))
    return digests.digest_or_none(file.filename().string());
  std::vector<std::string> same_kind;
  for (const auto& [name, digest] : card.value("sha256").items()) {
    if (fs::path(name).extension() == file.extension()) same_kind.push_back(name);
  }
  return same_kind.size() == 1 ? digests.digest_or_none(same_kind.front()) : std::string();
}

bool is_card(const Json& json) {
  return json.is_object() && json.contains("canonical_focal_px") && json.contains("classes") &&
         json.contains("outputs");
}

/// The card of a joint network is its manifest. It also tells its training, so other keys are let
/// be.
NetworkManifest read_card(const Json& json, const fs::path& file, const std::string& network_file,
                          const std::vector<fs::path>& directories) {
  const Table card(json, file, "");
  NetworkManifest network;
  network.task = Task::joint;
  network.depth = DepthContract::metric;
  network.described = file;
  network.name = card.text_or("name", file.stem().string());
  network.labels = card.texts("classes");
  network.canonical_focal_px = card.positive("canonical_focal_px");

  const Table outputs = card.table("outputs");
  for (const char* needed : {"boxes", "scores", "depth"}) (void)outputs.text(needed);

  const Table input = card.table("input");
  const Json& shape = input.value("shape");
  const bool fits = shape.is_array() && shape.size() == 4 &&
                    std::all_of(shape.begin(), shape.end(),
                                [](const Json& n) {
                                  return n.is_number_integer() && n.get<double>() > 0 &&
                                         n.get<double>() <= kLargestInput;
                                }) &&
                    shape[0] == 1 && shape[1] == 3;
  if (!fits) input.fail("'shape' must be [1, 3, height, width]");
  network.input_height = shape[2].get<int>();
  network.input_width = shape[3].get<int>();
  const std::string colour = input.text_or("colour", "RGB");
  if (!colour.starts_with("RGB") && !colour.starts_with("BGR")) {
    input.fail("'colour' must begin with RGB or BGR");
  }
  network.rgb = colour.starts_with("RGB");

  network.calibrated = card.has("calibration");
  if (card.has("suggested")) read_thresholds(card.table("suggested"), network);
  const std::string own_file = card.text_or("file", file.stem().string() + ".onnx");
  network.file = located(network_file.empty() ? own_file : network_file, file, directories);
  network.sha256 = card_digest(card, network.file);
  if (network.file.extension() == ".xml") {
    network.weights_sha256 = card_digest(card, fs::path(network.file).replace_extension(".bin"));
  }
  return network;
}

NetworkManifest read_network(const Table& table, Task task,
                             const std::vector<fs::path>& directories) {
  if (task == Task::joint && table.has("card")) {
    table.allow_only({"card", "file", "sha256", "weights_sha256", "reference", "precision",
                      "score_threshold", "nms_iou"});
    const fs::path path = located(table.text("card"), table.file(), directories);
    if (!fs::is_regular_file(path)) {
      table.fail("the card '" + table.text("card") + "' is missing; place it beside the manifest");
    }
    const Json json = parse_json(path);
    if (!is_card(json)) refuse(path, "this is not the card of a joint network");
    NetworkManifest network = read_card(json, path, table.text_or("file", ""), directories);
    // The card's digest is of the card's own file.
    if (table.has("sha256")) network.sha256 = table.digest_or_none("sha256");
    if (table.has("weights_sha256"))
      network.weights_sha256 = table.digest_or_none("weights_sha256");
    read_reference(table, directories, network);
    read_thresholds(table, network);
    return network;
  }

  std::vector<std::string> keys{"file",      "sha256",    "weights_sha256",
                                "reference", "precision", "input"};
  const bool finds = task != Task::depth;
  const bool metres = task != Task::detect;
  if (finds) keys.insert(keys.end(), {"labels", "score_threshold", "nms_iou"});
  if (metres) keys.emplace_back("canonical_focal_px");
  if (task == Task::joint) keys.emplace_back("card");
  if (task != Task::joint) keys.emplace_back("contract");
  if (task == Task::detect) keys.emplace_back("box_units");
  table.allow_only(keys);

  NetworkManifest network;
  network.task = task;
  network.described = table.file();
  network.file = located(table.text("file"), table.file(), directories);
  network.name = network.file.stem().string();
  network.sha256 = table.digest_or_none("sha256");
  network.weights_sha256 = table.digest_or_none("weights_sha256");
  read_reference(table, directories, network);
  read_input(table.table("input"), network);
  if (finds) {
    network.labels = read_labels(table, directories);
    read_thresholds(table, network);
  }
  if (task == Task::joint) network.depth = DepthContract::metric;
  if (task == Task::detect) {
    network.detector =
        table.choice<DetectorContract>("contract", {{"ultralytics", DetectorContract::ultralytics},
                                                    {"end_to_end", DetectorContract::end_to_end},
                                                    {"detr", DetectorContract::detr}});
    network.boxes_normalised = network.detector == DetectorContract::detr;
    if (table.has("box_units")) {
      network.boxes_normalised =
          table.choice<bool>("box_units", {{"pixels", false}, {"normalised", true}});
    }
  }
  if (task == Task::depth) {
    network.depth = table.choice<DepthContract>(
        "contract",
        {{"relative_inverse", DepthContract::relative_inverse}, {"metric", DepthContract::metric}});
  }
  if (metres && table.has("canonical_focal_px")) {
    if (network.depth != DepthContract::metric) {
      table.fail("'canonical_focal_px' belongs to contract metric; relative depth has no metres");
    }
    network.canonical_focal_px = table.positive("canonical_focal_px");
  }
  return network;
}

}  // namespace

ModelSet read_manifest(const fs::path& manifest, const std::vector<fs::path>& directories) {
  const bool toml = manifest.extension() == ".toml";
  const Json json = toml ? parse_toml(manifest) : parse_json(manifest);
  ModelSet set;
  if (is_card(json)) {
    const Table card(json, manifest, "");
    set.networks.push_back(read_card(json, manifest, "", directories));
    set.name = set.networks.front().name;
    set.description = card.text_or("status", "");
    set.licence = card.text_or("licence", "");
    return set;
  }

  const Table table(json, manifest, "");
  table.allow_only({"name", "description", "licence", "joint", "detector", "depth"});
  set.name = table.text_or("name", manifest.stem().string());
  set.description = table.text_or("description", "");
  set.licence = table.text_or("licence", "");
  if (table.has("joint") == table.has("detector")) {
    table.fail("it must have either a table [joint] or a table [detector]");
  }
  if (table.has("joint")) {
    if (table.has("depth"))
      table.fail("[joint] gives depth itself: [depth] must not stand beside it");
    set.networks.push_back(read_network(table.table("joint"), Task::joint, directories));
    return set;
  }
  set.networks.push_back(read_network(table.table("detector"), Task::detect, directories));
  if (table.has("depth")) {
    set.networks.push_back(read_network(table.table("depth"), Task::depth, directories));
  }
  return set;
}

}  // namespace lazarillo
