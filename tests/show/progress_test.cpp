#include "show/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

namespace lazarillo {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t kSecond = 1'000'000'000;

/// 100 s of video of 10 frames a second, seen twice as fast as life.
void play(Progress& progress, int frames) {
  for (int i = 0; i <= frames; ++i) {
    progress.update(static_cast<std::uint64_t>(i), i * kSecond / 10,
                    5 * kSecond + i * kSecond / 20);
  }
}

std::vector<std::string> split(const std::string& text, const std::string& by) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  for (std::size_t at; (at = text.find(by, from)) != std::string::npos; from = at + by.size()) {
    parts.push_back(text.substr(from, at - from));
  }
  parts.push_back(text.substr(from));
  return parts;
}

std::size_t columns(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

TEST(Progress, PlainLinesEveryTenPercent) {
  std::ostringstream out;
  {
    Progress progress(out, {}, 100 * kSecond);
    play(progress, 1000);
    progress.finish(1000, 100 * kSecond, 55 * kSecond);
  }
  const std::string text = out.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 10);
  EXPECT_THAT(text, Not(HasSubstr("\r")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  const auto lines = split(text, "\n");
  EXPECT_EQ(lines[0], " 10 %, frame 100, 10 s of video, 20.0 frames/s, 45 s left");
  EXPECT_EQ(lines[8], " 90 %, frame 900, 1:30 of video, 20.0 frames/s, 5 s left");
  EXPECT_EQ(lines[9], "100 %, frame 1000, 1:40 of video, 20.0 frames/s");
}

TEST(Progress, PlainLinesEveryFiveSecondsWhenTheLengthIsUnknown) {
  std::ostringstream out;
  Progress progress(out, {}, std::nullopt);
  play(progress, 1000);  // 50 s of wall time
  const auto lines = split(out.str(), "\n");
  ASSERT_EQ(lines.size(), 11U);
  EXPECT_EQ(lines[0], "frame 100, 10 s of video, 20.0 frames/s");
  EXPECT_THAT(out.str(), Not(HasSubstr("left")));
  EXPECT_THAT(out.str(), Not(HasSubstr("%")));
}

TEST(Progress, BarIsDrawnAtMostTenTimesASecondAndFits) {
  for (const int width : {10, 30, 60, 80, 300}) {
    std::ostringstream out;
    {
      Progress progress(
          out, [width] { return width; }, 100 * kSecond);
      play(progress, 1000);
      progress.finish(1000, 100 * kSecond, 55 * kSecond);
    }
    const std::string text = out.str();
    const auto draws = split(text, "\r\x1b[K");
    EXPECT_LE(draws.size(), 50U * 10U + 2U);
    EXPECT_GE(draws.size(), 400U);
    for (const std::string& draw : draws) {
      EXPECT_LT(columns(draw.substr(0, draw.find('\n'))), static_cast<std::size_t>(width));
    }
    EXPECT_EQ(text.back(), '\n') << "the line is ended";
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  }
}

TEST(Progress, BarFillsInProportion) {
  std::ostringstream out;
  Progress progress(
      out, [] { return 80; }, 100 * kSecond);
  progress.update(0, 0, 0);
  progress.update(250, 25 * kSecond, 10 * kSecond);
  std::size_t full = 0;
  for (std::size_t at = 0; (at = out.str().find("█", at)) != std::string::npos; ++at) ++full;
  std::size_t empty = 0;
  for (std::size_t at = 0; (at = out.str().find("·", at)) != std::string::npos; ++at) ++empty;
  EXPECT_NEAR(static_cast<double>(full) / static_cast<double>(full + empty), 0.25, 0.03);
  EXPECT_THAT(out.str(), HasSubstr(" 25 %"));
  EXPECT_THAT(out.str(), HasSubstr("25.0 frames/s, 30 s left"));
}

TEST(Progress, WipesItsLineForOtherText) {
  std::ostringstream out;
  {
    Progress progress(
        out, [] { return 80; }, std::nullopt);
    progress.update(0, 0, 0);
    progress.update(10, kSecond, kSecond);
    EXPECT_THAT(out.str(), HasSubstr("10 frames"));
    progress.wipe();
    EXPECT_THAT(out.str(), testing::EndsWith("\r\x1b[K"));
    const std::size_t before = out.str().size();
    progress.wipe();
    EXPECT_EQ(out.str().size(), before);
    progress.update(20, 2 * kSecond, 2 * kSecond);
  }
  EXPECT_THAT(out.str(), testing::EndsWith("\r\x1b[K")) << "also when the run breaks off";
}

TEST(Progress, NoTerminalNoColumns) { EXPECT_FALSE(terminal_columns(-1)); }

}  // namespace
}  // namespace lazarillo
