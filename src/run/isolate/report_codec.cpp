#include "run/isolate/report_codec.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "run/usage.h"

namespace lazarillo {
namespace {

using Json = nlohmann::json;

Json to_json(const LatencyHistogram& histogram) {
  const LatencyHistogram::Counts counts = histogram.counts();
  Json buckets = Json::array();
  for (const auto& [bucket, count] : counts.buckets) {
    buckets.push_back(bucket);
    buckets.push_back(count);
  }
  return {{"buckets", std::move(buckets)},
          {"sum", counts.sum_ms},
          {"min", counts.min_ms},
          {"max", counts.max_ms}};
}

LatencyHistogram histogram_from(const Json& json) {
  LatencyHistogram::Counts counts;
  const Json& buckets = json["buckets"];
  for (std::size_t i = 0; i + 1 < buckets.size(); i += 2) {
    counts.buckets.emplace_back(buckets[i].get<std::uint32_t>(),
                                buckets[i + 1].get<std::uint32_t>());
  }
  counts.sum_ms = json["sum"].get<double>();
  counts.min_ms = json["min"].get<double>();
  counts.max_ms = json["max"].get<double>();
  return LatencyHistogram(counts);
}

}  // namespace

void store_report(const Report& report, SharedState::Part& part) {
  Json stages = Json::array();
  for (const auto& [name, histogram] : report.stages) stages.push_back({name, to_json(histogram)});
  const std::vector<std::uint8_t> bytes =
      Json::to_cbor({{"frames", report.frames},
                     {"detected", report.detected},
                     {"depth_maps", report.depth_maps},
                     {"copies", report.copies},
                     {"bytes_to_gpu", report.bytes_to_gpu},
                     {"bytes_from_gpu", report.bytes_from_gpu},
                     {"gpu_memory_mib", report.gpu_memory_mib},
                     {"stream_s", report.stream_s},
                     {"wall_s", report.wall_s},
                     {"stages", std::move(stages)},
                     {"capture_to_decision", to_json(report.capture_to_decision)},
                     {"capture_to_output", to_json(report.capture_to_output)},
                     {"cores", report.cores},
                     {"rss_mib", report.rss_mib},
                     {"rss_growth_mib", report.rss_growth_mib},
                     {"drops", report.drops},
                     {"cues", report.cues},
                     {"tracks", report.tracks},
                     {"files", report.files}});
  if (bytes.size() > part.report.size()) return;
  std::copy(bytes.begin(), bytes.end(), part.report.begin());
  part.report_bytes = static_cast<std::uint32_t>(bytes.size());
}

void merge_report(PartName part, const SharedState::Part& stored, Report& report) {
  const std::uint32_t size = stored.report_bytes;
  if (size == 0) return;  // it did not end in order
  const Json json = Json::from_cbor(stored.report.begin(), stored.report.begin() + size);
  for (const Json& stage : json["stages"]) {
    report.stages.emplace_back(stage[0].get<std::string>(), histogram_from(stage[1]));
  }
  report.copies += json["copies"].get<std::uint64_t>();
  report.bytes_to_gpu += json["bytes_to_gpu"].get<std::uint64_t>();
  report.bytes_from_gpu += json["bytes_from_gpu"].get<std::uint64_t>();
  report.gpu_memory_mib = std::max(report.gpu_memory_mib, json["gpu_memory_mib"].get<double>());
  report.depth_maps += json["depth_maps"].get<std::uint64_t>();
  for (const auto& [name, cores] : json["cores"].items()) {
    report.cores[name] += cores.get<double>();
    if (name == Usage::kAll) report.cores[std::string("process ") + to_string(part)] = cores;
  }
  report.rss_mib += json["rss_mib"].get<double>();
  report.rss_growth_mib += json["rss_growth_mib"].get<double>();
  for (const auto& [reason, count] : json["drops"].items()) {
    report.drops[reason] += count.get<std::uint64_t>();
  }
  for (const Json& file : json["files"]) report.files.push_back(file.get<std::string>());
  if (part == PartName::capture) report.wall_s = json["wall_s"].get<double>();
  if (part != PartName::guide) return;
  report.frames = json["frames"].get<std::uint64_t>();
  report.detected = json["detected"].get<std::uint64_t>();
  report.stream_s = json["stream_s"].get<double>();
  report.tracks = json["tracks"].get<int>();
  report.cues = json["cues"].get<std::map<std::string, std::uint64_t>>();
  report.capture_to_decision = histogram_from(json["capture_to_decision"]);
  report.capture_to_output = histogram_from(json["capture_to_output"]);
}

}  // namespace lazarillo
