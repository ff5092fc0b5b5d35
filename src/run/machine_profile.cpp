#include "run/machine_profile.h"

#include <system_error>

#include "error.h"
#include "run/processor.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;

/// The profile's file is read before all others: its fault is told with the way out.
template <class Read>
auto told(const Read& read) {
  try {
    return read();
  } catch (const Error& error) {
    throw Error(error.code(), std::string(error.what()) +
                                  "; `lazarillo tune` writes it anew, --no-tuned leaves it out");
  }
}

/// `config`: what is stated, without models where nobody names any.
bool counts(const StatedSettings& stated, const Config& config, const std::string& otherwise) {
  if (!is_for_this_processor(stated.profile)) return false;
  const bool one_by_one = config.running.lockstep || (!stated.realtime && config.skipping.enabled);
  if (one_by_one || !config.seeing.depth) return false;
  const TunedFor tuned = tuned_for(stated.profile);
  if (config.models.empty() && tuned.chosen) return true;
  return tuned.models == model_key(config.models.empty() ? otherwise : config.models);
}

void read_stated(const StatedSettings& stated, Config& config) {
  if (!stated.file.empty()) read_config(stated.file, config);
  if (!stated.models.empty()) config.models = stated.models;
  if (stated.threads > 0) {
    config.seeing.threads = stated.threads;
    config.running.stream_threads = 0;
  }
}

}  // namespace

void read_settings(const StatedSettings& stated, Config& config) {
  Config without = config;
  without.models.clear();
  read_stated(stated, without);
  if (!counts(stated, without, config.models)) {
    read_stated(stated, config);
    return;
  }
  told([&] { read_config(stated.profile, config); });
  if (without.seeing.threads > 0 || without.seeing.depth_threads > 0 ||
      without.running.streams > 0 || without.running.stream_threads > 0) {
    config.seeing.threads = config.seeing.depth_threads = 0;
    config.running.streams = config.running.stream_threads = 0;
  }
  read_stated(stated, config);
}

bool is_for_this_processor(const fs::path& profile) {
  std::error_code ignored;
  if (profile.empty() || !fs::exists(profile, ignored)) return false;
  return told([&] { return tuned_for(profile).processor; }) == processor_name();
}

std::string model_key(const std::string& name_or_path) {
  const std::string kind = fs::path(name_or_path).extension().string();
  if (kind != ".toml" && kind != ".json") return name_or_path;
  std::error_code ignored;
  const fs::path whole = fs::weakly_canonical(name_or_path, ignored);
  return whole.empty() ? name_or_path : whole.string();
}

}  // namespace lazarillo
