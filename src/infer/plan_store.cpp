#include "infer/plan_store.h"

#include <glib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "error.h"
#include "infer/model_set.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string digest(const std::string& text) {
  const std::unique_ptr<gchar, decltype(&g_free)> hex(
      g_compute_checksum_for_data(G_CHECKSUM_SHA256, reinterpret_cast<const guchar*>(text.data()),
                                  text.size()),
      &g_free);
  return hex.get();
}

Json to_json(const PlanKey& key) {
  return {{"network", key.network},
          {"network_sha256", key.network_sha256},
          {"card", key.card},
          {"library", key.library},
          {"most_batch", key.options.most_batch},
          {"level", key.options.level}};
}

PlanKey key_from(const Json& json) {
  return {json.at("network"),
          json.at("network_sha256"),
          json.at("card"),
          json.at("library"),
          {json.at("most_batch"), json.value("level", 0)}};
}

/// A plan that was compiled without the card at hand (tools/export/engines.py) is for every card of
/// its compute capability, and states the library's build number, too.
bool serves(const PlanKey& plan, const PlanKey& wanted) {
  const bool card = plan.card == wanted.card || (plan.card.starts_with("compute capability ") &&
                                                 wanted.card.ends_with(", " + plan.card));
  const bool library =
      plan.library == wanted.library || plan.library.starts_with(wanted.library + '.');
  return card && library && plan.network_sha256 == wanted.network_sha256 &&
         plan.options.most_batch >= wanted.options.most_batch;
}

/// "lznet-v3-half-1a2b3c4d5e6f": two networks of one name are told apart by the digest.
std::string stem_of(const PlanKey& key) {
  return fs::path(key.network).stem().string() + '-' + digest(to_json(key).dump()).substr(0, 12);
}

/// Written under another name first, so that a reader never sees half of it.
void write_whole(const fs::path& file, const std::string& text) {
  const fs::path part = file.string() + ".part" + std::to_string(getpid());
  {
    std::ofstream stream(part, std::ios::binary);
    stream.write(text.data(), static_cast<std::streamsize>(text.size()));
    stream.flush();
    if (!stream) {
      std::error_code ignored;
      fs::remove(part, ignored);
      throw Error(ExitCode::output, "cannot write '" + file.string() + "': is the disk full?");
    }
  }
  std::error_code error;
  fs::rename(part, file, error);
  if (error) {
    throw Error(ExitCode::output, "cannot write '" + file.string() + "': " + error.message());
  }
}

fs::path record_of(const StoredPlan& plan) {
  return fs::path(plan.file).replace_extension(".json");
}

/// `json`: what else the record says.
void write_record(const StoredPlan& plan, Json json = Json::object()) {
  json.update(to_json(plan.key));
  json["file"] = plan.file.filename().string();
  json["sha256"] = plan.sha256;
  json["bytes"] = plan.bytes;
  json["build_s"] = plan.build_s;
  if (plan.check) {
    json["check"] = {{"box_px", plan.check->box_px},
                     {"score", plan.check->score},
                     {"depth_median", plan.check->depth_median},
                     {"depth_p99", plan.check->depth_p99},
                     {"pictures", plan.check->pictures},
                     {"boxes", plan.check->boxes},
                     {"passed", plan.check->passed},
                     {"overlap", plan.check->overlap}};
  }
  write_whole(record_of(plan), json.dump(1) + '\n');
}

/// What the record says; `problem` when it, or the plan, is not whole.
StoredPlan read_record(const fs::path& record) {
  StoredPlan plan;
  plan.file = fs::path(record).replace_extension(".plan");
  try {
    std::ifstream stream(record);
    const Json json = Json::parse(stream);
    plan.key = key_from(json);
    plan.sha256 = json.at("sha256");
    plan.bytes = json.at("bytes");
    plan.build_s = json.at("build_s");
    if (json.contains("check")) {
      const Json& c = json["check"];
      plan.check =
          PlanCheck{c.at("box_px"),   c.at("score"), c.at("depth_median"), c.at("depth_p99"),
                    c.at("pictures"), c.at("boxes"), c.at("passed"),       c.value("overlap", 1.0)};
    }
  } catch (const Json::exception&) {
    plan.problem = "its record '" + record.filename().string() + "' is damaged";
    return plan;
  }
  std::error_code error;
  if (fs::file_size(plan.file, error) != plan.bytes || error) {
    plan.problem = error ? "its file is missing" : "its file is damaged";
  } else if (plan.check && !plan.check->passed) {
    plan.problem = "its answers differ too much from the network's";
  }
  return plan;
}

}  // namespace

PlanStore PlanStore::of_user() {
  if (const std::string own = environment("LAZARILLO_ENGINES"); !own.empty()) {
    return PlanStore(own);
  }
  const std::string xdg = environment("XDG_CACHE_HOME");
  const std::string home = environment("HOME");
  if (xdg.empty() && home.empty()) {
    throw Error(ExitCode::usage,
                "there is no folder for compiled networks: set LAZARILLO_ENGINES to one");
  }
  const fs::path cache = xdg.empty() ? fs::path(home) / ".cache" : fs::path(xdg);
  return PlanStore(cache / "lazarillo" / "engines");
}

std::optional<StoredPlan> PlanStore::find(const PlanKey& key) const {
  std::optional<StoredPlan> best;
  for (StoredPlan& plan : list()) {
    if (!serves(plan.key, key)) continue;
    const auto rank = [](const StoredPlan& p) {
      return std::pair(p.key.options.level, -p.key.options.most_batch);
    };
    if (!best || rank(plan) > rank(*best)) best = std::move(plan);
  }
  if (!best) return std::nullopt;
  if (!fs::is_regular_file(best->file) || sha256_of(best->file) != best->sha256) {
    throw Error(ExitCode::model, "the compiled network '" + best->file.string() +
                                     "' is damaged: remove it and run `lazarillo engine build`");
  }
  return best;
}

StoredPlan PlanStore::keep(const PlanKey& key, const std::string& bytes, double build_s) const {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) {
    throw Error(ExitCode::output,
                "cannot make the folder '" + folder_.string() + "': " + error.message());
  }
  StoredPlan plan;
  plan.key = key;
  plan.file = folder_ / (stem_of(key) + ".plan");
  plan.sha256 = digest(bytes);
  plan.bytes = bytes.size();
  plan.build_s = build_s;
  write_whole(plan.file, bytes);
  write_record(plan);  // last: a plan without a record is not there
  return plan;
}

void PlanStore::note_check(StoredPlan& plan, const PlanCheck& check) const {
  plan.check = check;
  // Where a plan comes from that was compiled elsewhere is not forgotten.
  Json known = Json::parse(std::ifstream(record_of(plan)), nullptr, false);
  write_record(plan, known.is_object() ? std::move(known) : Json::object());
}

std::vector<StoredPlan> PlanStore::list() const {
  std::vector<StoredPlan> plans;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    if (entry.path().extension() == ".json") plans.push_back(read_record(entry.path()));
  }
  std::sort(plans.begin(), plans.end(),
            [](const StoredPlan& a, const StoredPlan& b) { return a.file < b.file; });
  return plans;
}

}  // namespace lazarillo
