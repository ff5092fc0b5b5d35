#include "speak/voice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "error.h"
#include "fake_espeak.h"
#include "sound.h"
#include "temp_dir.h"

namespace lazarillo {
namespace {

using ::testing::HasSubstr;

/// What espeak-ng itself writes into a file, without our code between: its samples.
std::vector<float> espeak_file(const std::string& text) {
  const auto file = test::temp_dir() / "lz-espeak.wav";
  const std::string command = "espeak-ng -v en-gb -s 190 -w " + file.string() + " '" + text + "'";
  EXPECT_EQ(std::system(command.c_str()), 0);
  std::ifstream stream(file, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
  std::vector<float> samples;
  for (std::size_t i = 44; i + 1 < bytes.size(); i += 2) {
    const int low = static_cast<unsigned char>(bytes[i]);
    const int high = static_cast<signed char>(bytes[i + 1]);
    samples.push_back(static_cast<float>(high * 256 + low) / 32768.0F);
  }
  return samples;
}

TEST(Voice, GivesWhatEspeakSaysWithoutTheSilenceAroundIt) {
  const std::string text = "Person on the left";
  const Speech speech = run_espeak("en-gb", 190, text);
  const std::vector<float> whole = espeak_file(text);
  ASSERT_GT(speech.samples.size(), 10000U);
  EXPECT_EQ(speech.rate, 22050);
  const auto at =
      std::search(whole.begin(), whole.end(), speech.samples.begin(), speech.samples.end());
  ASSERT_NE(at, whole.end()) << "not a piece of espeak-ng's own output";
  const auto begin = static_cast<std::size_t>(at - whole.begin());
  EXPECT_LT(sound::peak(std::span(whole).first(begin)), 0.004F);
  EXPECT_LT(sound::peak(std::span(whole).subspan(begin + speech.samples.size())), 0.004F);
  // At most 5 ms of quiet stay at either end.
  EXPECT_GT(sound::peak(std::span(speech.samples).first(120)), 0.0025F);
  EXPECT_GT(sound::peak(std::span(speech.samples).last(120)), 0.0025F);
}

TEST(Voice, SpeaksTextThatLooksLikeAnOption) {
  const Speech dashes = run_espeak("en-gb", 190, "--version");
  const Speech words = run_espeak("en-gb", 190, "version");
  EXPECT_GT(words.samples.size(), 5000U);
  EXPECT_GE(dashes.samples.size(), words.samples.size());
}

TEST(Voice, SpeaksBeyondAscii) {
  EXPECT_NE(run_espeak("es", 190, "camión").samples, run_espeak("es", 190, "camin").samples);
}

TEST(Voice, RemembersWhatItSaid) {
  Voice voice("en-gb", 190);
  const auto first = voice.request("Chair").get();
  EXPECT_EQ(voice.request("Chair").get(), first);
  for (int i = 0; i < 200; ++i) (void)voice.request("Chair " + std::to_string(i % 70)).get();
  const auto again = voice.request("Chair").get();
  EXPECT_NE(again, first) << "memory is not bounded";
  EXPECT_EQ(again->samples, first->samples);
}

TEST(Voice, RefusesAVoiceThatIsNotThere) {
  try {
    const Voice voice("klingon-opera", 190);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::sound);
    EXPECT_THAT(error.what(), HasSubstr("klingon-opera"));
  }
}

TEST(Voice, RefusesWhereEspeakIsNotInstalled) {
  const FakeEspeak none("");
  EXPECT_THROW(Voice("en-gb", 190), Error);
}

TEST(Voice, SurvivesEveryWayEspeakCanFail) {
  for (const char* script :
       {"exit 1", "kill -SEGV $$", "exit 0", "echo RIFF", "head -c 3000 /dev/zero",
        "printf 'RIFF....WAVEfmt ....................data....'"}) {
    const FakeEspeak fake(std::string(script) + "; exit 0");
    EXPECT_TRUE(run_espeak("en-gb", 190, "x").samples.empty()) << script;
  }
}

TEST(Voice, AFailureIsNotRemembered) {
  const FakeEspeak fake("case \"$*\" in *broken*) [ -e \"$0.mended\" ] || exit 1;; esac");
  Voice voice("en-gb", 190);
  EXPECT_TRUE(voice.request("broken").get()->samples.empty());
  fake.write(".mended", "");
  EXPECT_FALSE(voice.request("broken").get()->samples.empty());
}

TEST(Voice, KillsAnEspeakThatHangs) {
  const FakeEspeak fake("exec sleep 1000");
  EXPECT_TRUE(run_espeak("en-gb", 190, "x").samples.empty());
}

TEST(Voice, KillsAnEspeakThatHangsWithItsOutputClosed) {
  const FakeEspeak fake("exec 1>&-; exec sleep 1000");
  EXPECT_TRUE(run_espeak("en-gb", 190, "x").samples.empty());
}

}  // namespace
}  // namespace lazarillo
