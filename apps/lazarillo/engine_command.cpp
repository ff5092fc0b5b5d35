#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>
#include <iostream>
#include <memory>

#include "commands.h"
#include "error.h"
#include "gpu/device.h"
#include "infer/plan_store.h"
#include "infer/tensorrt/tensorrt.h"
#include "run/config.h"
#include "run/machine_profile.h"
#include "run/paths.h"
#include "see/contract.h"
#include "see/engine_check.h"
#include "source/source.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;

struct EngineArguments {
  std::string models;
  std::vector<std::string> pictures;
  PlanOptions options;
  bool again = false;
};

constexpr std::size_t kPicturesOfVideo = 8;
constexpr int kFramesBetween = 25;

/// Frames of every file, some of each video.
std::vector<Frame> read_pictures(const std::vector<std::string>& files) {
  std::vector<Frame> pictures;
  for (const std::string& file : files) {
    const std::unique_ptr<Source> source = open_source(file, {});
    for (std::size_t taken = 0, number = 0; taken < kPicturesOfVideo; ++number) {
      std::optional<Frame> frame = source->next();
      if (!frame) break;
      if (number % kFramesBetween != 0) continue;
      pictures.push_back(std::move(*frame));
      ++taken;
    }
  }
  return pictures;
}

std::vector<std::string> own_pictures() {
  const fs::path folder = home_directory() / "data" / "check";
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".jpg") files.push_back(entry.path().string());
  }
  if (files.empty()) {
    throw Error(ExitCode::usage, "there are no pictures in '" + folder.string() +
                                     "' to check with: name some with --pictures");
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string verdict(const PlanCheck& check) {
  return fmt::format(
      "{} ({} pictures, {} boxes: edges within {:.2f} px, overlap {:.3f}, scores {:.4f}; depth "
      "{:.4f} in the middle, {:.4f} at most for 99 of 100)",
      check.passed ? "good" : "REFUSED", check.pictures, check.boxes, check.box_px, check.overlap,
      check.score, check.depth_median, check.depth_p99);
}

/// Compiles in another thread and tells how long it has taken.
std::string build_telling(const NetworkManifest& network, const PlanOptions& options,
                          const fs::path& folder, double& seconds) {
  const auto began = std::chrono::steady_clock::now();
  const auto passed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  };
  std::future<std::string> plan =
      std::async(std::launch::async, [&] { return build_plan(network.file, options, folder); });
  while (plan.wait_for(std::chrono::seconds(15)) != std::future_status::ready) {
    std::cerr << fmt::format("{}: compiling, {:.0f} s\n", network.name, passed());
  }
  std::string bytes = plan.get();
  seconds = passed();
  return bytes;
}

PlanCheck checked(const NetworkManifest& network, const StoredPlan& plan,
                  const std::vector<Frame>& pictures) {
  const fs::path& reference = network.reference.empty() ? network.file : network.reference;
  const auto tried = make_tensorrt_engine(plan.file);
  const auto in_fp32 = make_openvino_engine(reference, {0, input_shape(network)});
  return check_engine(network, *tried, *in_fp32, pictures, limits_of(network));
}

ModelSet models_of(const EngineArguments& a) {
  Config config;
  read_settings({"", a.models, 0, {}, false}, config);
  return load_model_set(config.models, model_directories());
}

/// Builds what is not there yet; checks what is not checked yet, or all of it `again`.
int build_and_check(const EngineArguments& a, bool build) {
  const PlanStore store = PlanStore::of_user();
  const ModelSet set = models_of(a);
  std::cout << gpu_info().title() << ", " << tensorrt_version() << ", plans in "
            << store.folder().string() << '\n';
  const std::vector<Frame> pictures =
      read_pictures(a.pictures.empty() ? own_pictures() : a.pictures);
  int exit_code = 0;
  for (const NetworkManifest& network : set.networks) {
    const PlanKey key = plan_key(network.file, a.options);
    std::optional<StoredPlan> plan;
    if (!build || !a.again) plan = store.find(key);
    if (!plan && !build) {
      throw Error(ExitCode::model,
                  "'" + network.name + "' is not compiled for this card: `lazarillo engine build`");
    }
    if (!plan) {
      double seconds = 0;
      std::error_code error;
      fs::create_directories(store.folder(), error);
      const std::string bytes = build_telling(network, a.options, store.folder(), seconds);
      plan = store.keep(key, bytes, seconds);
      std::cout << fmt::format("{}: compiled in {:.0f} s, {:.1f} MB\n", network.name, seconds,
                               static_cast<double>(plan->bytes) / 1e6);
    }
    if (!plan->check || !build || a.again) {
      store.note_check(*plan, checked(network, *plan, pictures));
    }
    std::cout << network.name << ": " << verdict(*plan->check) << '\n';
    if (!plan->check->passed) exit_code = static_cast<int>(ExitCode::model);
  }
  return exit_code;
}

int list() {
  const PlanStore store = PlanStore::of_user();
  const std::vector<StoredPlan> plans = store.list();
  std::cout << store.folder().string() << (plans.empty() ? ": no plans\n" : "\n");
  for (const StoredPlan& plan : plans) {
    std::cout << fmt::format("  {}\n    {}, {}, up to {} pictures, level {}, {:.1f} MB, {:.0f} s\n",
                             plan.file.filename().string(), plan.key.card, plan.key.library,
                             plan.key.options.most_batch, plan.key.options.level,
                             static_cast<double>(plan.bytes) / 1e6, plan.build_s);
    if (plan.check) std::cout << "    " << verdict(*plan.check) << '\n';
    if (!plan.problem.empty()) std::cout << "    NOT USABLE: " << plan.problem << '\n';
    if (!plan.check) std::cout << "    not checked yet\n";
  }
  return 0;
}

void add_choice(CLI::App& command, EngineArguments& a) {
  command.add_option("--models", a.models,
                     "Which: a name from `lazarillo models list`, or a manifest");
  command.add_option("--pictures", a.pictures,
                     "Pictures or videos to check with (default: the program's own)");
  command.add_option("--batch", a.options.most_batch, "Pictures in one call, at most")
      ->check(CLI::Range(1, 8))
      ->capture_default_str();
}

}  // namespace

void add_engine_command(CLI::App& app, int& exit_code) {
  CLI::App* engine = app.add_subcommand(
      "engine", "Networks compiled for an NVIDIA card (see.engine = \"tensorrt\")");
  engine->require_subcommand(1);
  auto a = std::make_shared<EngineArguments>();
  CLI::App* build = engine->add_subcommand(
      "build", "Compile a set's networks for the card in this machine, and check them");
  add_choice(*build, *a);
  build
      ->add_option("--level", a->options.level,
                   "How long to look for the fastest kernels: 0 (a minute) to 5 (an hour)")
      ->check(CLI::Range(0, 5))
      ->capture_default_str();
  build->add_flag("--again", a->again, "Also what is compiled already");
  build->callback([a, &exit_code] { exit_code = build_and_check(*a, true); });
  CLI::App* check = engine->add_subcommand(
      "check", "Compare compiled networks with the same in FP32 on the processor");
  add_choice(*check, *a);
  check->callback([a, &exit_code] { exit_code = build_and_check(*a, false); });
  engine->add_subcommand("list", "What is compiled, for which card, how exact")
      ->callback([&exit_code] { exit_code = list(); });
}

}  // namespace lazarillo
