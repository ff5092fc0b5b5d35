#include "show/byte_progress.h"

#include <gmock/gmock.h>

#include <sstream>

namespace lazarillo {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kTotal = 50'000'000;

TEST(ByteProgress, WithoutATerminalALineEveryTenPercent) {
  std::ostringstream out;
  ByteProgress progress(out, {});
  for (std::uint64_t i = 0; i <= 1000; ++i) {
    progress.update(i * kTotal / 1000, kTotal, static_cast<std::int64_t>(i));
  }
  EXPECT_EQ(out.str(),
            " 10 %, 5.0 of 50.0 MB\n 20 %, 10.0 of 50.0 MB\n 30 %, 15.0 of 50.0 MB\n"
            " 40 %, 20.0 of 50.0 MB\n 50 %, 25.0 of 50.0 MB\n 60 %, 30.0 of 50.0 MB\n"
            " 70 %, 35.0 of 50.0 MB\n 80 %, 40.0 of 50.0 MB\n 90 %, 45.0 of 50.0 MB\n"
            "100 %, 50.0 of 50.0 MB\n");
}

TEST(ByteProgress, WhatWasThereBeforeIsNoProgress) {
  std::ostringstream out;
  ByteProgress progress(out, [] { return 80; });
  progress.update(30'000'000, kTotal, 0);
  progress.update(40'000'000, kTotal, 2 * kSecond);
  // 10 MB in 2 s, and 10 MB to come.
  EXPECT_THAT(out.str(), EndsWith(" 80 %  40.0 MB  5.0 MB/s  2 s left"));
}

TEST(ByteProgress, BeginsAnewWhenTheDownloadDoes) {
  std::ostringstream out;
  ByteProgress progress(out, {});
  progress.update(30'000'000, kTotal, 0);
  progress.update(0, kTotal, kSecond);
  progress.update(10'000'000, kTotal, 2 * kSecond);
  EXPECT_EQ(out.str(), " 20 %, 10.0 of 50.0 MB\n");
}

TEST(ByteProgress, AnUnknownLengthHasNoBarAndNoLines) {
  std::ostringstream lines;
  ByteProgress plain(lines, {});
  std::ostringstream terminal;
  {
    ByteProgress bar(terminal, [] { return 80; });
    for (const std::int64_t i : {0, 1, 2}) {
      plain.update(static_cast<std::uint64_t>(i) * 1'000'000, {}, i * kSecond);
      bar.update(static_cast<std::uint64_t>(i) * 1'000'000, {}, i * kSecond);
    }
    EXPECT_THAT(terminal.str(), EndsWith("2.0 MB  1.0 MB/s"));
    EXPECT_THAT(terminal.str(), Not(HasSubstr("%")));
  }
  EXPECT_THAT(terminal.str(), EndsWith("\r\x1b[K")) << "the line is left clean";
  EXPECT_EQ(lines.str(), "");
}

TEST(ByteProgress, FitsANarrowTerminal) {
  std::ostringstream out;
  ByteProgress progress(out, [] { return 12; });
  progress.update(kTotal / 2, kTotal, 0);
  EXPECT_EQ(out.str(), "\r\x1b[K 50 %  25.0");
}

}  // namespace
}  // namespace lazarillo
