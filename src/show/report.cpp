#include "show/report.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <nlohmann/json.hpp>
#include <ostream>
#include <system_error>

#include "error.h"
#include "show/write_all.h"

namespace lazarillo {
namespace {

constexpr double kSmallest_ms = 1e-3;
constexpr double kGrowth = 1.01;

double rounded(double value, double steps_per_unit) {
  if (!std::isfinite(value)) return 0;
  return std::round(value * steps_per_unit) / steps_per_unit;
}

nlohmann::ordered_json summary(const LatencyHistogram& histogram) {
  return {{"count", histogram.count()},
          {"mean", rounded(histogram.mean_ms(), 1000)},
          {"p50", rounded(histogram.percentile_ms(50), 1000)},
          {"p95", rounded(histogram.percentile_ms(95), 1000)},
          {"p99", rounded(histogram.percentile_ms(99), 1000)},
          {"max", rounded(histogram.max_ms(), 1000)}};
}

nlohmann::ordered_json rounded(const std::map<std::string, double>& map) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [name, value] : map) json[name] = rounded(value, 1000);
  return json;
}

/// Width on a terminal of UTF-8 text, a column a character.
std::size_t columns(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string counts(const std::map<std::string, std::uint64_t>& map) {
  std::string out;
  for (const auto& [name, n] : map) {
    if (n > 0) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", n, name);
  }
  return out.empty() ? "none" : out;
}

}  // namespace

LatencyHistogram::LatencyHistogram(const Counts& counts)
    : sum_ms_(counts.sum_ms), min_ms_(counts.min_ms), max_ms_(counts.max_ms) {
  for (const auto& [bucket, count] : counts.buckets) {
    buckets_[std::min<std::size_t>(bucket, kBuckets - 1)] += count;
    count_ += count;
  }
}

LatencyHistogram::Counts LatencyHistogram::counts() const {
  Counts counts{{}, sum_ms_, min_ms_, max_ms_};
  for (std::uint32_t i = 0; i < kBuckets; ++i) {
    if (buckets_[i] > 0) counts.buckets.emplace_back(i, buckets_[i]);
  }
  return counts;
}

void LatencyHistogram::add(double ms) {
  if (!std::isfinite(ms) || ms < 0) return;
  const double at = ms <= kSmallest_ms ? 0 : std::log(ms / kSmallest_ms) / std::log(kGrowth) + 1;
  ++buckets_[std::min(static_cast<std::size_t>(std::min(at, 1e9)), kBuckets - 1)];
  min_ms_ = count_ == 0 ? ms : std::min(min_ms_, ms);
  max_ms_ = std::max(max_ms_, ms);
  sum_ms_ += ms;
  ++count_;
}

void LatencyHistogram::merge(const LatencyHistogram& other) {
  if (other.count_ == 0) return;
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  min_ms_ = count_ == 0 ? other.min_ms_ : std::min(min_ms_, other.min_ms_);
  max_ms_ = std::max(max_ms_, other.max_ms_);
  sum_ms_ += other.sum_ms_;
  count_ += other.count_;
}

double LatencyHistogram::mean_ms() const {
  return count_ == 0 ? 0 : sum_ms_ / static_cast<double>(count_);
}

double LatencyHistogram::percentile_ms(double percent) const {
  if (count_ == 0) return 0;
  const double share = std::clamp(percent, 0.0, 100.0) / 100;
  const auto rank = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_) - 1e-9)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen < rank) continue;
    // The geometric middle of the bucket; the ends of all values are known exactly.
    const double middle =
        i == 0 ? kSmallest_ms / 2 : kSmallest_ms * std::pow(kGrowth, static_cast<double>(i) - 0.5);
    return i == kBuckets - 1 ? max_ms_ : std::clamp(middle, min_ms_, max_ms_);
  }
  return max_ms_;
}

std::string to_json(const Report& report) {
  nlohmann::ordered_json stages = nlohmann::ordered_json::object();
  for (const auto& [name, histogram] : report.stages) stages[name] = summary(histogram);
  nlohmann::ordered_json json{{"schema", kReportSchema},
                              {"program", "lazarillo"},
                              {"version", report.version},
                              {"source", report.source},
                              {"models", report.models},
                              {"mode", report.mode},
                              {"language", report.language},
                              {"frames", report.frames},
                              {"detected", report.detected},
                              {"depth_maps", report.depth_maps},
                              {"copies", report.copies},
                              {"stream_s", rounded(report.stream_s, 1000)},
                              {"wall_s", rounded(report.wall_s, 1000)},
                              {"fps", rounded(report.fps(), 100)},
                              {"stages_ms", stages},
                              {"capture_to_decision_ms", summary(report.capture_to_decision)},
                              {"capture_to_output_ms", summary(report.capture_to_output)},
                              {"cores", rounded(report.cores)},
                              {"rss_mib", rounded(report.rss_mib, 100)},
                              {"rss_growth_mib", rounded(report.rss_growth_mib, 100)},
                              {"drops", report.drops},
                              {"cues", report.cues},
                              {"tracks", report.tracks},
                              {"files", report.files},
                              {"ended", report.ended},
                              {"faults", report.faults},
                              {"exit_code", report.exit_code}};
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

void write_report(const Report& report, const std::filesystem::path& file) {
  const std::string text = to_json(report);
  std::filesystem::path temporary = file;
  temporary += ".part";
  const auto fail = [&](int error) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw Error(ExitCode::output, fmt::format("cannot write {}: {}", file.string(),
                                              std::generic_category().message(error)));
  };
  const mode_t mode = S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH;
  const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (descriptor < 0) fail(errno);
  int error = write_all(descriptor, text).error;
  if (error == 0 && ::fsync(descriptor) != 0) error = errno;
  if (::close(descriptor) != 0 && error == 0) error = errno;
  if (error != 0) fail(error);
  std::error_code renamed;
  std::filesystem::rename(temporary, file, renamed);
  if (renamed) fail(renamed.value());
}

void print_table(const Report& report, std::ostream& out) {
  std::size_t width = std::string_view("capture to decision").size();
  for (const auto& stage : report.stages) width = std::max(width, columns(stage.first));
  out << fmt::format("{} frames, {:.1f} s of video in {:.1f} s: {:.1f} frames a second\n\n",
                     report.frames, report.stream_s, report.wall_s, report.fps());
  out << fmt::format("  {:<{}}  {:>8}  {:>8}  {:>8}  {:>8}\n", "milliseconds", width, "p50", "p95",
                     "p99", "max");
  const auto row = [&](const std::string& name, const LatencyHistogram& h) {
    if (h.count() == 0) return;
    out << "  " << name << std::string(width - columns(name), ' ')
        << fmt::format("  {:>8.1f}  {:>8.1f}  {:>8.1f}  {:>8.1f}\n", h.percentile_ms(50),
                       h.percentile_ms(95), h.percentile_ms(99), h.max_ms());
  };
  for (const auto& [name, histogram] : report.stages) row(name, histogram);
  row("capture to decision", report.capture_to_decision);
  if (report.detected < report.frames) row("capture to output", report.capture_to_output);
  out << fmt::format("\n  followed  {} objects\n", report.tracks);
  if (report.detected < report.frames) {
    out << fmt::format("  looked at {} of {} frames; predicted in the others\n", report.detected,
                       report.frames);
  }
  out << fmt::format("  cues      {}\n", counts(report.cues));
  if (!report.drops.empty()) out << fmt::format("  dropped   {}\n", counts(report.drops));
  for (const std::string& file : report.files) out << fmt::format("  wrote     {}\n", file);
  if (!report.ended.empty()) out << fmt::format("  ended     {}\n", report.ended);
  for (const std::string& fault : report.faults) out << fmt::format("  fault     {}\n", fault);
}

}  // namespace lazarillo
