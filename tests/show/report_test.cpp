#include "show/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "error.h"
#include "temp_dir.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

double nearest_rank(std::vector<double> values, double percent) {
  std::sort(values.begin(), values.end());
  const auto rank = std::max<std::size_t>(
      1, static_cast<std::size_t>(
             std::ceil(percent / 100 * static_cast<double>(values.size()) - 1e-9)));
  return values[rank - 1];
}

TEST(LatencyHistogram, PercentilesAreRightWithinOnePercent) {
  std::mt19937_64 random(7);
  const std::vector<std::lognormal_distribution<double>> shapes{
      std::lognormal_distribution<double>(std::log(30), 0.4),
      std::lognormal_distribution<double>(std::log(0.05), 1.0),
      std::lognormal_distribution<double>(std::log(2000), 2.0)};
  for (auto shape : shapes) {
    for (const std::size_t n : {1U, 2U, 10U, 101U, 20000U}) {
      LatencyHistogram histogram;
      std::vector<double> values;
      double sum = 0;
      for (std::size_t i = 0; i < n; ++i) {
        values.push_back(std::clamp(shape(random), 0.002, 600'000.0));  // 2 us to 10 minutes
        sum += values.back();
        histogram.add(values.back());
      }
      for (const double p : {0.0, 1.0, 50.0, 90.0, 95.0, 99.0, 99.9, 100.0}) {
        const double truth = nearest_rank(values, p);
        EXPECT_NEAR(histogram.percentile_ms(p), truth, truth * 0.01) << p << " % of " << n;
      }
      EXPECT_EQ(histogram.count(), n);
      EXPECT_EQ(histogram.max_ms(), *std::max_element(values.begin(), values.end()));
      EXPECT_NEAR(histogram.mean_ms(), sum / static_cast<double>(n), 1e-9 * sum);
    }
  }
}

TEST(LatencyHistogram, Extremes) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.percentile_ms(50), 0);
  EXPECT_EQ(histogram.mean_ms(), 0);
  histogram.add(std::nan(""));
  histogram.add(-1);
  histogram.add(INFINITY);
  EXPECT_EQ(histogram.count(), 0U);
  histogram.add(0);
  EXPECT_EQ(histogram.percentile_ms(50), 0);
  histogram.add(1e15);  // far beyond the last bucket
  EXPECT_EQ(histogram.percentile_ms(100), 1e15);
  EXPECT_EQ(histogram.max_ms(), 1e15);
}

TEST(LatencyHistogram, MergedIsTheSameAsCountedTogether) {
  LatencyHistogram a, b, both;
  for (int i = 1; i <= 100; ++i) {
    (i % 3 == 0 ? a : b).add(i);
    both.add(i);
  }
  a.merge(b);
  a.merge(LatencyHistogram());
  EXPECT_EQ(a.count(), both.count());
  EXPECT_EQ(a.max_ms(), both.max_ms());
  EXPECT_DOUBLE_EQ(a.mean_ms(), both.mean_ms());
  for (const double p : {1.0, 50.0, 95.0}) EXPECT_EQ(a.percentile_ms(p), both.percentile_ms(p));
}

Report sample() {
  Report report;
  report.version = "0.1.0";
  report.source = "street \"west\".avi";
  report.models = "lznet";
  report.mode = "fast";
  report.language = "es";
  report.frames = 795;
  report.stream_s = 79.5;
  report.wall_s = 53;
  LatencyHistogram see, track;
  for (int i = 1; i <= 100; ++i) {
    see.add(i);
    track.add(i * 0.01);
    report.capture_to_decision.add(i * 2);
  }
  report.stages = {{"see", see}, {"guide", track}};
  report.drops = {{"newer frame came", 12}};
  report.cues = {{"critical", 2}, {"info", 9}, {"warning", 4}};
  report.tracks = 17;
  report.files = {"out/events.jsonl"};
  report.ended = "end of stream";
  return report;
}

TEST(Report, NumbersAreThere) {
  const auto json = nlohmann::ordered_json::parse(to_json(sample()));
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["source"], "street \"west\".avi");
  EXPECT_EQ(json["frames"], 795);
  EXPECT_DOUBLE_EQ(json["fps"].get<double>(), 15.0);
  EXPECT_NEAR(json["stages_ms"]["see"]["p50"].get<double>(), 50, 0.5);
  EXPECT_NEAR(json["stages_ms"]["see"]["p95"].get<double>(), 95, 0.95);
  EXPECT_NEAR(json["stages_ms"]["guide"]["p99"].get<double>(), 0.99, 0.01);
  EXPECT_EQ(json["stages_ms"]["see"]["max"], 100);
  EXPECT_NEAR(json["capture_to_decision_ms"]["p99"].get<double>(), 198, 2);
  EXPECT_EQ(json["stages_ms"].begin().key(), "see") << "stages keep the order data flows";
  EXPECT_EQ(json["drops"]["newer frame came"], 12);
  EXPECT_EQ(json["cues"]["warning"], 4);
  EXPECT_EQ(json["tracks"], 17);
  EXPECT_EQ(json["exit_code"], 0);
}

TEST(Report, EveryFieldIsDocumented) {
  std::ifstream in(fs::path(LZ_SOURCE_DIR) / "docs/events.md");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto at = text.find("## report.json");
  ASSERT_NE(at, std::string::npos);
  const std::string section = text.substr(at);
  const auto json = nlohmann::json::parse(to_json(sample()));
  for (const auto& [key, value] : json.items()) {
    EXPECT_THAT(section, HasSubstr("`" + key + "`"));
  }
  for (const auto& [key, value] : json["stages_ms"]["see"].items()) {
    EXPECT_THAT(section, HasSubstr("`" + key + "`"));
  }
}

TEST(Report, EmptyRunIsStillValid) {
  const auto json = nlohmann::json::parse(to_json(Report{}));
  EXPECT_EQ(json["fps"], 0);
  EXPECT_EQ(json["capture_to_decision_ms"]["count"], 0);
}

TEST(Report, IsReplacedAsAWhole) {
  const fs::path folder = test::temp_dir() / "lazarillo-report";
  fs::remove_all(folder);
  fs::create_directory(folder);
  const fs::path file = folder / "report.json";
  std::ofstream(file) << "old";
  write_report(sample(), file);
  std::ifstream in(file);
  EXPECT_EQ(nlohmann::json::parse(in)["frames"], 795);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1)
      << "no temporary file is left";
}

TEST(Report, SaysWhyItCannotBeWritten) {
  try {
    write_report(sample(), "/proc/nonexistent/folder/report.json");
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::output);
    EXPECT_THAT(e.what(), HasSubstr("/proc/nonexistent/folder/report.json"));
    EXPECT_THAT(e.what(), HasSubstr("No such file"));
  }
}

TEST(Report, TableIsAligned) {
  std::ostringstream out;
  Report report = sample();
  report.stages.emplace_back("señal", report.capture_to_decision);  // two bytes, one column
  print_table(report, out);
  EXPECT_THAT(out.str(), HasSubstr("795 frames"));
  EXPECT_THAT(out.str(), HasSubstr("15.0 frames a second"));
  EXPECT_THAT(out.str(), HasSubstr("2 critical, 9 info, 4 warning"));
  EXPECT_THAT(out.str(), HasSubstr("12 newer frame came"));
  std::istringstream lines(out.str());
  std::string line;
  std::vector<std::size_t> widths;
  while (std::getline(lines, line)) {
    if (line.find("milliseconds") == 2 || line.find("see") == 2 || line.find("guide") == 2 ||
        line.find("se\xc3\xb1") == 2 || line.find("capture to") == 2) {
      widths.push_back(line.size() - (line.find("\xc3\xb1") != std::string::npos ? 1 : 0));
    }
  }
  ASSERT_EQ(widths.size(), 5U);
  for (const std::size_t width : widths) EXPECT_EQ(width, widths[0]);
}

}  // namespace
}  // namespace lazarillo
