#include <CLI/CLI.hpp>
#include <cctype>
#include <fstream>
#include <iostream>
#include <memory>

#include "commands.h"
#include "conversation.h"
#include "error.h"
#include "fetch/guess.h"
#include "fetch/manifest_text.h"
#include "fetch/store.h"
#include "fetch/try_out.h"
#include "infer/manifest.h"
#include "models_target.h"
#include "run/paths.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;

struct ImportArguments {
  std::string file;
  std::string name;
  std::string licence;
  std::string description;
  std::string with;
  std::string to;
  Answers answers;
  bool yes = false;
  bool replace = false;
};

std::vector<std::string> lines_of(const fs::path& file) {
  std::ifstream stream(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

/// The lists in labels/ of the model directories; the first directory wins.
LabelLists installed_lists() {
  LabelLists lists;
  for (const fs::path& directory : model_directories()) {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(directory / "labels", none)) {
      if (entry.path().extension() != ".txt") continue;
      lists.emplace(entry.path().stem().string(), lines_of(entry.path()));
    }
  }
  return lists;
}

/// One import: finds out what the network is, asking where it must, and stores it.
class Import {
 public:
  explicit Import(const ImportArguments& arguments)
      : arguments_(arguments),
        file_(arguments.file),
        answers_(arguments.answers),
        lists_(installed_lists()) {}

  int run() {
    check_file();
    NewSet set;
    set.about.name = arguments_.name.empty() ? name_of_file() : arguments_.name;
    set.comment = "Written by `lazarillo models import` from " + file_.filename().string() + ".";
    StoreOptions options;
    options.folder = target_folder(arguments_.to);
    options.directories = model_directories();
    options.replace = arguments_.replace;
    check_new_name(set.about.name, options);
    if (!read_card(set)) describe(set);
    if (set.about.licence.empty()) set.about.licence = arguments_.licence;
    if (!arguments_.description.empty()) set.about.description = arguments_.description;
    if (set.about.description.empty()) {
      set.about.description = "imported from " + file_.filename().string();
    }
    std::cerr << "as the set '" << set.about.name << "' in " << options.folder.string() << '\n';
    if (asked_ && !agree("Is all this right? (yes or no)")) {
      throw Error(ExitCode::usage, "nothing was imported");
    }
    const StopSignals signals;
    options.stopped = [] { return StopSignals::received() != 0; };
    const fs::path manifest = store_set(set, options);
    if (manifest.empty()) return 128 + StopSignals::received();
    std::cout << set.about.name << ": good, " << manifest.string() << '\n';
    tell_how_to_use(set.about.name, manifest);
    return 0;
  }

 private:
  void check_file() const {
    const std::string kind = file_.extension().string();
    if (!fs::is_regular_file(file_)) {
      throw Error(ExitCode::model, "there is no file '" + file_.string() + "'");
    }
    if (kind == ".pt" || kind == ".pth" || kind == ".safetensors") {
      throw Error(ExitCode::model, "'" + file_.string() +
                                       "' holds weights, no network: export it first "
                                       "(tools/export/README.md)");
    }
    const fs::path weights = fs::path(file_).replace_extension(".bin");
    if (kind == ".xml" && !fs::is_regular_file(weights)) {
      throw Error(ExitCode::model, "'" + weights.string() + "' is missing: an .xml needs its .bin");
    }
  }

  [[nodiscard]] std::string name_of_file() const {
    std::string name = file_.stem().string();
    for (char& c : name) {
      const auto u = static_cast<unsigned char>(c);
      if (std::isalnum(u) == 0 && c != '-' && c != '_' && c != '.') c = '-';
    }
    return name;
  }

  /// The card of a joint network beside it says everything; nothing is guessed then.
  bool read_card(NewSet& set) {
    const fs::path card = fs::path(file_).replace_extension(".json");
    if (!fs::is_regular_file(card)) return false;
    ModelSet described;
    try {
      described = read_manifest(card, {});
    } catch (const Error& error) {
      std::cerr << card.string() << " is not used: " << error.what() << '\n';
      return false;
    }
    if (described.networks.size() != 1 || described.networks[0].task != Task::joint) return false;
    if (!answers_.empty() || !arguments_.with.empty()) {
      throw Error(ExitCode::usage, "its card '" + card.string() +
                                       "' says what the network is: leave out what describes it");
    }
    set.about.description = described.description;
    set.about.licence = described.licence;
    NewNetwork network{described.networks[0], true, card, {}};
    network.network.file = file_;
    set.networks = {network};
    std::cerr << file_.filename().string() << ": a joint network, by its card "
              << card.filename().string() << '\n';
    return true;
  }

  void describe(NewSet& set) {
    NetworkFacts facts = facts_of(file_);
    Guess guess;
    for (;;) {
      load_label_file();
      guess = guess_manifest(facts, answers_, lists_);
      if (!guess.questions.empty()) {
        settle(guess.questions);
      } else if (guess.needs_run) {
        try_out(file_, guess.network, facts);
      } else {
        break;
      }
    }
    std::cerr << file_.filename().string() << ":\n";
    for (const Finding& finding : guess.findings) {
      std::cerr << "  " << finding.what << "  (" << finding.why << ")\n";
    }
    for (const std::string& line : taken_) std::cerr << "  " << line << '\n';
    guess.network.file = file_;
    set.networks = {{guess.network, true, {}, {}}};
    if (guess.network.task != Task::joint)
      join_pair(set, guess.network.task);
    else if (!arguments_.with.empty()) {
      throw Error(ExitCode::usage, "--with: a joint network sees alone");
    }
  }

  /// --labels may be a file.
  void load_label_file() {
    const auto it = answers_.find("labels");
    if (it == answers_.end() || lists_.contains(it->second)) return;
    if (!fs::is_regular_file(it->second)) return;
    lists_[it->second] = lines_of(it->second);
  }

  void settle(const std::vector<Question>& questions) {
    if (arguments_.yes) {
      for (const Question& q : questions) {
        if (q.suggestion.empty()) {
          throw Error(ExitCode::usage,
                      "--yes cannot answer this: " + q.text + "; give --" + q.option);
        }
        answers_[q.option] = q.suggestion;
        taken_.push_back("--" + q.option + ' ' + q.suggestion + " was taken: --yes");
      }
      return;
    }
    if (!somebody_there()) {
      std::string all;
      for (const Question& q : questions) {
        all += (all.empty() ? "give --" : "; give --") + q.option + ": " + q.text;
      }
      throw Error(ExitCode::usage,
                  "the file does not tell everything, " + all + "; or --yes for what is usual");
    }
    for (const Question& q : questions) {
      const auto answer = ask(q.text, q.suggestion);
      if (!answer) throw Error(ExitCode::usage, "nothing was imported");
      answers_[q.option] = *answer;
      asked_ = true;
    }
  }

  /// A depth network needs a detector beside it; a detector may have a depth network.
  void join_pair(NewSet& set, Task task) {
    std::string with = arguments_.with;
    if (task == Task::depth && with.empty()) {
      const std::string why = "a depth network alone is no set; which set's detector goes with it";
      if (!somebody_there() || arguments_.yes) throw Error(ExitCode::usage, why + "? give --with");
      with = ask(why + "?", "").value_or("");
      asked_ = true;
    }
    if (with.empty()) return;
    const Partner partner = partner_in(with, task == Task::depth ? Task::detect : Task::depth);
    set.networks.insert(task == Task::depth ? set.networks.begin() : set.networks.end(),
                        NewNetwork{partner.network, false, {}, {}});
    set.about.licence = joined_licences(partner.licence, arguments_.licence);
  }

  const ImportArguments& arguments_;
  fs::path file_;
  Answers answers_;
  LabelLists lists_;
  std::vector<std::string> taken_;
  bool asked_ = false;
};

}  // namespace

void add_models_import(CLI::App& models, int& exit_code) {
  auto arguments = std::make_shared<ImportArguments>();
  ImportArguments& a = *arguments;
  CLI::App* command = models.add_subcommand(
      "import", "Make a set of a network you bring: .onnx, .xml with .bin, or .tflite");
  command->add_option("FILE", a.file, "The network")->required();
  command->add_option("--name", a.name, "Name of the set (default: the file's)");
  command->add_option("--with", a.with,
                      "The set whose detector (for a depth network) or depth (for a detector) goes "
                      "with it");
  const auto answer = [&](const char* option, const char* help) {
    const std::string name = option;
    command->add_option_function<std::string>(
        "--" + name, [&a, name](const std::string& said) { a.answers[name] = said; }, help);
  };
  answer(
      "contract",
      "How its outputs are read: joint, ultralytics, end_to_end, detr, relative_inverse, metric");
  answer("labels",
         "Its classes: the name of a list (coco80), a file, or names with commas between");
  answer("size", "Size of its input where its file leaves it open, as 640x480");
  answer("units", "Of its boxes: pixels or normalised");
  answer("fit", "How a picture becomes its input: letterbox or stretch");
  answer("colour", "Order of its channels: rgb or bgr");
  answer("normalise", "Its channels: none (0 to 1) or imagenet");
  answer("focal", "Focal length, in pixels of its input, its metres are for; 0: any");
  command->add_option("--licence", a.licence, "Its licence, as the manifest will state it");
  command->add_option("--description", a.description, "One line for `models list`");
  command->add_option("--to", a.to, "Folder (default: your own model directory)");
  command->add_flag("--yes", a.yes, "Ask nothing: take what is usual where the file does not tell");
  command->add_flag("--replace", a.replace, "A set of this name may be replaced");
  command->callback([arguments, &exit_code] { exit_code = Import(*arguments).run(); });
}

}  // namespace lazarillo
