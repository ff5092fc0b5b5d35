#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace lazarillo {

/// Durations counted in buckets that grow by 1 % each, from 1 microsecond to over 10 minutes: a
/// percentile is right within 1 % (within 1 microsecond below that), in fixed memory. Thread-
/// compatible: const calls may run at once, add() may not.
class LatencyHistogram {
 public:
  /// What was counted, to be carried to another process: only buckets that are not empty.
  struct Counts {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> buckets;  ///< index, count
    double sum_ms = 0;
    double min_ms = 0;
    double max_ms = 0;
  };
  LatencyHistogram() = default;
  explicit LatencyHistogram(const Counts& counts);
  [[nodiscard]] Counts counts() const;

  /// Negative and non-finite durations are not durations: ignored.
  void add(double ms);
  void merge(const LatencyHistogram& other);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// The smallest duration that at least `percent` % (0..100) of all do not exceed (nearest rank);
  /// 0 when there is none.
  [[nodiscard]] double percentile_ms(double percent) const;
  [[nodiscard]] double max_ms() const { return max_ms_; }  ///< exact
  [[nodiscard]] double mean_ms() const;                    ///< exact; 0 when there is none

 private:
  static constexpr std::size_t kBuckets = 2048;
  std::array<std::uint32_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  double sum_ms_ = 0;
  double min_ms_ = 0;
  double max_ms_ = 0;
};

inline constexpr int kReportSchema = 1;

/// A run in numbers.
struct Report {
  std::string version;  ///< of the program
  std::string source;
  std::string models;
  std::string mode;  ///< "fast" or "realtime"
  std::string language;
  std::uint64_t frames = 0;      ///< given out with their tracks, seen or predicted
  std::uint64_t detected = 0;    ///< of them, looked at by the detector
  std::uint64_t depth_maps = 0;  ///< made by a depth network of its own
  std::uint64_t copies = 0;      ///< of whole frames (source/frame_copies.h)
  std::uint64_t bytes_to_gpu = 0;  ///< over the bus, pixels and all else
  std::uint64_t bytes_from_gpu = 0;
  double gpu_memory_mib = 0;  ///< of the card, in use at the end by this and all other programs
  double stream_s = 0;       ///< length of what was processed
  double wall_s = 0;         ///< how long that took, set-up not counted

  std::vector<std::pair<std::string, LatencyHistogram>> stages;  ///< in the order data flows
  /// From the capture of a frame to the decision that its detections led to.
  LatencyHistogram capture_to_decision;
  /// From the capture of any frame to its tracks, seen or predicted.
  LatencyHistogram capture_to_output;

  std::map<std::string, double> cores;  ///< in use on average, by thread name; "all" is the sum
  double rss_mib = 0;                   ///< resident memory at the end
  double rss_growth_mib = 0;            ///< lowest of the last tenth against lowest of the first

  std::map<std::string, std::uint64_t> drops;  ///< what was left out, by reason
  std::map<std::string, std::uint64_t> cues;   ///< by priority
  int tracks = 0;                              ///< distinct ids
  std::vector<std::string> files;              ///< written
  std::string ended;                           ///< why the run ended: "end of stream", ...
  std::vector<std::string> faults;             ///< what went wrong on the way, one line each
  int exit_code = 0;

  [[nodiscard]] double fps() const { return wall_s > 0 ? static_cast<double>(frames) / wall_s : 0; }
};

/// The text of report.json; docs/events.md lists its fields.
[[nodiscard]] std::string to_json(const Report& report);

/// Writes report.json as a whole or not at all (a temporary file beside it, then a rename).
/// Throws Error(output); then what stood there before is still there.
void write_report(const Report& report, const std::filesystem::path& file);

/// The small table at the end of a run.
void print_table(const Report& report, std::ostream& out);

}  // namespace lazarillo
