#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace lazarillo {

/// How a network is compiled for a card.
struct PlanOptions {
  int most_batch = 1;  ///< pictures in one call, at most
  /// How long the library may look for the fastest kernels: 0 (a minute) to 5 (an hour).
  int level = 3;
};

/// What a compiled network (a "plan") depends on. One for anything else is of no use.
struct PlanKey {
  std::string network;  ///< the file's name, for people
  std::string network_sha256;
  /// "NVIDIA GeForce RTX 2060, compute capability 7.5"; of a plan: or "compute capability 7.5"
  /// alone
  std::string card;
  std::string library;  ///< "TensorRT 8.6.0"
  PlanOptions options;
};

/// How far a plan's answers are from the same network's in FP32, on real pictures.
struct PlanCheck {
  double box_px = 0;        ///< largest error of an edge, of boxes compared
  double score = 0;         ///< largest error of a score
  double depth_median = 0;  ///< of the relative errors of depth
  double depth_p99 = 0;     ///< 99th percentile of these
  int pictures = 0;
  int boxes = 0;  ///< compared
  bool passed = false;
  double overlap = 1;  ///< least intersection over union of a compared box with the reference's
};

struct StoredPlan {
  PlanKey key;
  std::filesystem::path file;
  std::string sha256;
  std::uint64_t bytes = 0;
  double build_s = 0;
  std::optional<PlanCheck> check;  ///< none: not checked yet
  std::string problem;             ///< list(): why it cannot be used; empty when it can
};

/// Plans in a folder, each with a JSON file beside it that says what it is. Files are written whole
/// or not at all. Several programs may use one folder at a time.
class PlanStore {
 public:
  explicit PlanStore(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// $LAZARILLO_ENGINES, else $XDG_CACHE_HOME/lazarillo/engines, else ~/.cache/lazarillo/engines.
  /// Throws Error(usage) where none of them is set.
  [[nodiscard]] static PlanStore of_user();

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

  /// The plan of this network, card and library for at least as many pictures, of the highest
  /// level; nullopt when there is none. Throws Error(model) when it is damaged.
  [[nodiscard]] std::optional<StoredPlan> find(const PlanKey& key) const;
  /// Throws Error(output).
  StoredPlan keep(const PlanKey& key, const std::string& plan, double build_s) const;
  void note_check(StoredPlan& plan, const PlanCheck& check) const;
  [[nodiscard]] std::vector<StoredPlan> list() const;

 private:
  std::filesystem::path folder_;
};

}  // namespace lazarillo
