#include "control/headset.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/input.h>
#include <sys/stat.h>
#include <unistd.h>

#include "temp_dir.h"

namespace lazarillo {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kSecond = 1'000'000'000;

/// A pipe with a name in place of a device: what is written are its events.
class HeadsetTest : public testing::Test {
 protected:
  HeadsetTest() { EXPECT_EQ(::mkfifo(device.c_str(), 0600), 0); }
  ~HeadsetTest() override { unplug(); }
  HeadsetTest(const HeadsetTest&) = delete;
  HeadsetTest& operator=(const HeadsetTest&) = delete;

  void plug_in() { writer = ::open(device.c_str(), O_RDWR | O_CLOEXEC); }
  void unplug() {
    if (writer >= 0) ::close(writer);
    writer = -1;
  }
  void write(const void* data, std::size_t size) const {
    ASSERT_EQ(::write(writer, data, size), static_cast<ssize_t>(size));
  }
  void event(std::uint16_t type, std::uint16_t code, int value) const {
    input_event e{};
    e.type = type;
    e.code = code;
    e.value = value;
    write(&e, sizeof e);
  }
  void press(std::uint16_t key) const {
    event(EV_KEY, key, 1);
    event(EV_SYN, SYN_REPORT, 0);
    event(EV_KEY, key, 0);
    event(EV_SYN, SYN_REPORT, 0);
  }
  std::vector<Command> taken(Headset& headset, std::int64_t now_ns = 0) const {
    std::vector<Command> commands;
    headset.take(commands, now_ns);
    return commands;
  }

  test::TempDir folder;
  const std::string device = (folder / "event7").string();
  int writer = -1;
};

TEST_F(HeadsetTest, MediaKeysAreCommands) {
  plug_in();
  Headset headset(device);
  EXPECT_THAT(taken(headset), IsEmpty());
  press(KEY_PLAYPAUSE);
  press(KEY_PREVIOUSSONG);
  press(KEY_NEXTSONG);
  press(KEY_VOLUMEUP);
  EXPECT_THAT(taken(headset), ElementsAre(Command::around, Command::repeat, Command::toggle_mute));
  press(KEY_PLAYCD);
  press(KEY_PAUSECD);
  press(KEY_FASTFORWARD);
  press(KEY_REWIND);
  EXPECT_THAT(taken(headset),
              ElementsAre(Command::around, Command::around, Command::more, Command::less));
  EXPECT_EQ(headset.news(), "");
}

TEST_F(HeadsetTest, AKeyThatIsHeldIsPressedOnce) {
  plug_in();
  Headset headset(device);
  event(EV_KEY, KEY_PLAYPAUSE, 1);
  for (int i = 0; i < 20; ++i) event(EV_KEY, KEY_PLAYPAUSE, 2);
  event(EV_KEY, KEY_PLAYPAUSE, 0);
  EXPECT_THAT(taken(headset), ElementsAre(Command::around));
  EXPECT_THAT(taken(headset), IsEmpty());
}

TEST_F(HeadsetTest, AnEventMayComeInPieces) {
  plug_in();
  Headset headset(device);
  input_event e{};
  e.type = EV_KEY;
  e.code = KEY_PREVIOUSSONG;
  e.value = 1;
  write(&e, 5);
  EXPECT_THAT(taken(headset), IsEmpty());
  write(reinterpret_cast<const char*>(&e) + 5, sizeof e - 5);
  EXPECT_THAT(taken(headset), ElementsAre(Command::repeat));
}

TEST_F(HeadsetTest, UnpluggedIsSaidOnceAndItIsLookedForAgain) {
  plug_in();
  Headset headset(device);
  EXPECT_THAT(taken(headset), IsEmpty());
  unplug();
  EXPECT_THAT(taken(headset), IsEmpty());
  EXPECT_THAT(headset.news(), AllOf(HasSubstr(device), HasSubstr("goes on without")));
  EXPECT_EQ(headset.descriptor(), -1);
  for (int s = 1; s < 20; ++s) {
    EXPECT_THAT(taken(headset, s * kSecond), IsEmpty());
    EXPECT_EQ(headset.news(), "");
  }
  plug_in();
  EXPECT_THAT(taken(headset, 30 * kSecond), IsEmpty());
  EXPECT_THAT(headset.news(), HasSubstr("is there"));
  press(KEY_PLAYPAUSE);
  EXPECT_THAT(taken(headset, 31 * kSecond), ElementsAre(Command::around));
}

TEST_F(HeadsetTest, OneThatIsNotThereIsSaidOnce) {
  Headset headset((folder / "nothing").string());
  EXPECT_THAT(headset.news(), HasSubstr("No such file"));
  for (int s = 1; s < 9; ++s) EXPECT_THAT(taken(headset, s * kSecond), IsEmpty());
  EXPECT_EQ(headset.news(), "");
}

TEST_F(HeadsetTest, AFileIsNoDevice) {
  Headset headset(folder.write("text", "not events").string());
  EXPECT_THAT(headset.news(), HasSubstr("no input device"));
  EXPECT_EQ(headset.descriptor(), -1);
}

}  // namespace
}  // namespace lazarillo
