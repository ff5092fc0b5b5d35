#include "fetch/guess.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "error.h"
#include "fetch/manifest_text.h"

namespace lazarillo {
namespace {

using Shape = std::vector<std::int64_t>;

constexpr int kLargestInput = 8192;
/// An end-to-end network gives some hundred boxes, one before suppression thousands.
constexpr std::int64_t kManyBoxes = 1000;
/// Boxes of every anchor reach at least so far over an input that is 1 wide.
constexpr double kCovered = 0.4;
constexpr std::array<float, 3> kImageNetMean{0.485F, 0.456F, 0.406F};
constexpr std::array<float, 3> kImageNetStd{0.229F, 0.224F, 0.225F};

std::string listed(const std::vector<TensorInfo>& tensors) {
  std::string line;
  for (const TensorInfo& t : tensors) {
    line += (line.empty() ? "" : ", ") + t.name + ' ' + to_string(t.shape);
  }
  return line.empty() ? "none" : line;
}

/// The steps of one guess, in the order in which one rests on the other.
class Guesser {
 public:
  Guesser(const NetworkFacts& facts, const Answers& answers, const LabelLists& lists)
      : facts_(facts), answers_(answers), lists_(lists) {}

  Guess run() {
    input();
    if (!guess_.questions.empty()) return std::move(guess_);
    if (facts_.outputs.empty()) {
      guess_.needs_run = true;
      return std::move(guess_);
    }
    if (!contract()) return std::move(guess_);
    refuse_stray_answers();
    if (network().task != Task::depth) labels();
    if (network().task == Task::detect) units();
    if (network().task != Task::detect) metres();
    colours();
    return std::move(guess_);
  }

 private:
  NetworkManifest& network() { return guess_.network; }

  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(ExitCode::model, "the network '" + facts_.name + "' " + what);
  }
  [[noreturn]] static void refuse_answer(const std::string& option, const std::string& what) {
    throw Error(ExitCode::usage, "--" + option + ' ' + what);
  }

  [[nodiscard]] std::optional<std::string> answer(const std::string& option) const {
    const auto it = answers_.find(option);
    if (it == answers_.end()) return std::nullopt;
    return it->second;
  }
  /// An answer out of a few words.
  [[nodiscard]] std::optional<std::string> choice(const std::string& option,
                                                  const std::vector<std::string>& words) const {
    auto said = answer(option);
    if (!said || std::find(words.begin(), words.end(), *said) != words.end()) return said;
    std::string all;
    for (const std::string& word : words) all += (all.empty() ? "" : ", ") + word;
    refuse_answer(option, "is '" + *said + "'; here it must be one of " + all);
  }

  void found(const std::string& what, const std::string& why) {
    guess_.findings.push_back({what, why});
  }
  void ask(const std::string& option, const std::string& text, const std::string& suggestion) {
    guess_.questions.push_back({option, text, suggestion});
  }

  void input() {
    const auto& inputs = facts_.outline.inputs;
    if (inputs.size() != 1) refuse("has inputs " + listed(inputs) + "; one picture is all it gets");
    const Shape& shape = inputs[0].shape;
    const bool picture = shape.size() == 4 && shape[0] <= 1;
    // Exports of transformers leave the number of channels open too; theirs come first.
    const bool nchw = picture && (shape[1] == 3 || (shape[1] < 0 && shape[3] != 3));
    if (!picture || (!nchw && shape[3] != 3)) {
      refuse("has input " + to_string(shape) + "; a picture is 1x3xHxW or 1xHxWx3");
    }
    network().layout = nchw ? TensorLayout::nchw : TensorLayout::nhwc;
    const std::int64_t height = nchw ? shape[2] : shape[1];
    const std::int64_t width = nchw ? shape[3] : shape[2];
    const auto said = answer("size");
    if (height > 0 && width > 0) {
      if (said && *said != fmt::format("{}x{}", width, height)) {
        refuse_answer("size", fmt::format("is {}, the network takes {}x{}", *said, width, height));
      }
      set_size(width, height);
    } else if (said) {
      read_size(*said);
    } else {
      ask("size",
          "its input is " + to_string(shape) +
              ": it leaves the size open. Which size, WIDTHxHEIGHT?",
          depth_like() ? "392x392" : "640x640");
      return;
    }
    found(fmt::format("input {} x {}, {}", network().input_width, network().input_height,
                      nchw ? "NCHW" : "NHWC"),
          "its input is " + to_string(shape));
  }

  /// Before it has run: one output that is a map of unknown size.
  [[nodiscard]] bool depth_like() const {
    const auto& outputs = facts_.outline.outputs;
    if (outputs.size() != 1) return false;
    const Shape& shape = outputs[0].shape;
    const std::size_t axes = shape.size();
    return (axes == 3 && shape[1] < 0 && shape[2] < 0) || (axes == 4 && shape[2] < 0);
  }

  void set_size(std::int64_t width, std::int64_t height) {
    network().input_width = static_cast<int>(width);
    network().input_height = static_cast<int>(height);
  }

  void read_size(const std::string& said) {
    int width = 0;
    int height = 0;
    const char* const end = said.data() + said.size();
    const auto first = std::from_chars(said.data(), end, width);
    const bool good = first.ec == std::errc() && first.ptr < end && *first.ptr == 'x' &&
                      std::from_chars(first.ptr + 1, end, height).ptr == end && width > 0 &&
                      height > 0 && width <= kLargestInput && height <= kLargestInput;
    if (!good) refuse_answer("size", "is '" + said + "'; it must be like 640x480");
    set_size(width, height);
  }

  [[nodiscard]] const TensorInfo* output(const std::string& name) const {
    for (const TensorInfo& t : facts_.outputs) {
      if (t.name == name) return &t;
    }
    return nullptr;
  }

  /// Which contract, or a question. Names settle it, then shapes; only what fits is offered.
  bool contract() {
    const bool joint = output("boxes") != nullptr && output("scores") != nullptr && output("depth");
    const bool detr = output("logits") != nullptr && output("pred_boxes") != nullptr;
    const Shape& first = facts_.outputs[0].shape;
    std::vector<std::string> fitting;
    std::string why = "its output is " + to_string(first);
    if (joint || detr) {
      fitting = {joint ? "joint" : "detr"};
      why = "its outputs are " + listed(facts_.outputs);
    } else if (is_map(first)) {
      fitting = {"relative_inverse", "metric"};
    } else if (first.size() == 3 && first[0] == 1) {
      if (first[2] == 6) fitting.emplace_back("end_to_end");
      if (std::min(first[1], first[2]) > 4) fitting.emplace_back("ultralytics");
    }
    if (fitting.empty()) {
      refuse("has outputs " + listed(facts_.outputs) +
             ": that fits no contract (docs/models.md lists them)");
    }
    const auto said = choice("contract", fitting);
    if (!said && fitting.size() > 1) {
      ask_contract(first, why);
      return false;
    }
    read_contract(said.value_or(fitting.front()));
    found("contract " + contract_name(network()), said ? "as you say" : why);
    if (!joint && !detr && facts_.outputs.size() > 1) {
      found("only its first output is read", "it has " + listed(facts_.outputs));
    }
    return true;
  }

  /// A map that covers the input with square cells.
  [[nodiscard]] bool is_map(const Shape& shape) const {
    const std::size_t axes = shape.size();
    if (axes < 3 || axes > 4 || shape[0] != 1 || (axes == 4 && shape[1] != 1)) return false;
    const NetworkManifest& n = guess_.network;
    return shape[axes - 1] > 1 &&
           shape[axes - 1] * n.input_height == shape[axes - 2] * n.input_width;
  }

  void ask_contract(const Shape& shape, const std::string& why) {
    if (is_map(shape)) {
      ask("contract",
          why +
              ", a map. Is it relative_inverse (larger is nearer, no unit; it is shown and never "
              "told) or metric (metres)?",
          "relative_inverse");
      return;
    }
    ask("contract",
        why +
            ". Is it end_to_end (x1, y1, x2, y2, score, class, suppressed by the network) or "
            "ultralytics (cx, cy, w, h and the scores of 2 classes)?",
        shape[1] < kManyBoxes ? "end_to_end" : "ultralytics");
  }

  void read_contract(const std::string& word) {
    NetworkManifest& n = network();
    if (word == "joint") n.task = Task::joint;
    if (word == "relative_inverse" || word == "metric") n.task = Task::depth;
    if (word == "joint" || word == "metric") n.depth = DepthContract::metric;
    if (word == "end_to_end") n.detector = DetectorContract::end_to_end;
    if (word == "detr") n.detector = DetectorContract::detr;
  }

  /// An option that means nothing here is a misunderstanding.
  void refuse_stray_answers() {
    const auto only = [&](const char* option, bool sensible, const char* what) {
      if (answer(option) && !sensible) {
        refuse_answer(option,
                      std::string(what) + "; this network is " + contract_name(guess_.network));
      }
    };
    const Task task = network().task;
    const bool metric = network().depth == DepthContract::metric && task != Task::detect;
    only("labels", task != Task::depth, "is for networks that find objects");
    only("units", task == Task::detect && network().detector != DetectorContract::detr,
         "is for detectors of contract ultralytics or end_to_end");
    only("fit", task == Task::detect, "is for detectors");
    only("focal", metric, "is for depth in metres");
  }

  /// How many classes the outputs have room for; 0: they do not tell.
  [[nodiscard]] std::int64_t classes() const {
    const NetworkManifest& n = guess_.network;
    if (n.task == Task::joint) return output("scores")->shape.back();
    if (n.detector == DetectorContract::detr) return output("logits")->shape.back();
    if (n.detector == DetectorContract::end_to_end) return 0;
    const Shape& shape = facts_.outputs[0].shape;
    return std::min(shape[1], shape[2]) - 4;
  }

  void labels() {
    const std::int64_t room = classes();
    const auto fits = [room](const std::vector<std::string>& list) {
      return room == 0 || static_cast<std::int64_t>(list.size()) == room;
    };
    const std::string count = room == 0 ? "classes" : fmt::format("{} classes", room);
    if (const auto said = answer("labels")) {
      network().labels = read_labels(*said);
      if (!fits(network().labels)) {
        refuse_answer("labels", fmt::format("gives {} names, the network has {}",
                                            network().labels.size(), count));
      }
      found(fmt::format("{} labels", network().labels.size()), "as you say");
      return;
    }
    const std::vector<std::string>& own = facts_.outline.labels;
    if (!own.empty()) {
      if (!fits(own)) {
        refuse(
            fmt::format("names {} classes, and its output {} has room for {}: is it for "
                        "segmentation or poses? only plain detectors can be used",
                        own.size(), to_string(facts_.outputs[0].shape), room));
      }
      network().labels = own;
      found(fmt::format("{} labels, {} ...", own.size(), own.front()), "its file names them");
      return;
    }
    std::vector<std::string> fitting;
    for (const auto& [name, list] : lists_) {
      if (room != 0 && fits(list)) fitting.push_back(name);
    }
    const bool one = fitting.size() == 1;
    ask("labels",
        "what are its " + count + " called? The name of a list" +
            (one ? " ('" + fitting.front() + "' has as many)" : "") +
            ", a file with a name a line, or the names with commas between",
        one ? fitting.front() : "");
  }

  [[nodiscard]] std::vector<std::string> read_labels(const std::string& said) const {
    if (const auto it = lists_.find(said); it != lists_.end()) return it->second;
    std::vector<std::string> names;
    std::istringstream words(said);
    for (std::string word; std::getline(words, word, ',');) {
      const std::size_t from = word.find_first_not_of(' ');
      if (from == std::string::npos) refuse_answer("labels", "has an empty name in it");
      names.push_back(word.substr(from, word.find_last_not_of(' ') - from + 1));
    }
    return names;
  }

  void units() {
    NetworkManifest& n = network();
    const bool detr = n.detector == DetectorContract::detr;
    const auto fit = choice("fit", {"letterbox", "stretch"});
    n.letterbox = fit ? *fit == "letterbox" : !detr;
    found(n.letterbox ? "pictures keep their proportions (letterbox)"
                      : "pictures are stretched to the input",
          fit    ? "as you say"
          : detr ? "usual with contract detr; --fit letterbox otherwise"
                 : "usual; --fit stretch otherwise");
    if (detr) {
      n.boxes_normalised = true;
      return;
    }
    const std::string ran =
        fmt::format("on a known picture its boxes reach {:.4g}", facts_.largest_place);
    if (const auto said = choice("units", {"pixels", "normalised"})) {
      n.boxes_normalised = *said == "normalised";
      found("boxes in " + *said, "as you say");
    } else if (facts_.largest_place > 2) {
      found("boxes in pixels of the input", ran);
    } else if (n.detector == DetectorContract::ultralytics && facts_.largest_place > kCovered) {
      // Its boxes lie all over the picture, whatever is in it.
      n.boxes_normalised = true;
      found("boxes in parts of the input (normalised)", ran);
    } else {
      ask("units", ran + ". Are they in pixels of the input, or normalised (0 to 1)?", "pixels");
    }
  }

  void metres() {
    NetworkManifest& n = network();
    if (n.depth != DepthContract::metric) return;
    const auto said = answer("focal");
    if (!said) {
      ask("focal",
          "for which focal length, in pixels of its input, is its depth in metres? 0: it is in "
          "metres for any camera",
          "0");
      return;
    }
    const auto read =
        std::from_chars(said->data(), said->data() + said->size(), n.canonical_focal_px);
    if (read.ec != std::errc() || read.ptr != said->data() + said->size() ||
        !(n.canonical_focal_px >= 0 && n.canonical_focal_px < 1e6)) {
      refuse_answer("focal", "is '" + *said + "'; it must be a number of pixels");
    }
    found(n.canonical_focal_px > 0 ? "metres for a focal length of " + *said + " px"
                                   : "metres for any camera",
          "as you say");
  }

  void colours() {
    NetworkManifest& n = network();
    const auto colour = choice("colour", {"rgb", "bgr"});
    n.rgb = !colour || *colour == "rgb";
    found(n.rgb ? "colours RGB" : "colours BGR",
          colour ? "as you say" : "usual; the file does not tell; --colour bgr otherwise");
    const auto normalise = choice("normalise", {"none", "imagenet"});
    const bool depth = n.task == Task::depth;
    if (depth && !normalise) {
      ask("normalise",
          "does it take channels from 0 to 1 (none), or with ImageNet's mean and deviation taken "
          "out (imagenet), as depth networks on DINO or MiDaS do?",
          "imagenet");
      return;
    }
    if (normalise == "imagenet") {
      n.mean = kImageNetMean;
      n.std = kImageNetStd;
    }
    found(
        normalise == "imagenet" ? "channels normalised as for ImageNet" : "channels from 0 to 1",
        normalise ? "as you say" : "usual; the file does not tell; --normalise imagenet otherwise");
  }

  const NetworkFacts& facts_;
  const Answers& answers_;
  const LabelLists& lists_;
  Guess guess_;
};

}  // namespace

Guess guess_manifest(const NetworkFacts& facts, const Answers& answers, const LabelLists& lists) {
  return Guesser(facts, answers, lists).run();
}

}  // namespace lazarillo
