#include "control/command_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <thread>

#include "error.h"
#include "temp_dir.h"

namespace lazarillo {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

/// A run that listens, on a thread of its own.
class Listener {
 public:
  explicit Listener(const std::string& path) : socket_(path) {
    thread_ = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        std::vector<pollfd> descriptors;
        socket_.watch(descriptors);
        ::poll(descriptors.data(), descriptors.size(), 10);
        socket_.take(commands_);
      }
    });
  }
  std::vector<Command> end() {
    thread_ = {};
    return commands_;
  }

 private:
  CommandSocket socket_;
  std::vector<Command> commands_;
  std::jthread thread_;
};

std::string refusal(const std::string& path) {
  try {
    const CommandSocket socket(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    const std::string line = error.what();
    EXPECT_EQ(line.find('\n'), std::string::npos);
    return line;
  }
  return "not refused";
}

/// Sends bytes, and gives everything that comes back until the other side hangs up or is silent.
std::string talk(const std::string& path, const std::string& bytes) {
  const int client = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(static_cast<char*>(address.sun_path), path.c_str(), sizeof address.sun_path - 1);
  EXPECT_EQ(::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size()));
  ::shutdown(client, SHUT_WR);
  std::string answer;
  std::array<char, 512> block{};
  for (;;) {
    const ssize_t count = ::recv(client, block.data(), block.size(), 0);
    if (count <= 0) break;
    answer.append(block.data(), static_cast<std::size_t>(count));
  }
  ::close(client);
  return answer;
}

class CommandSocketTest : public testing::Test {
 protected:
  test::TempDir folder;
  const std::string path = (folder / "run.sock").string();
};

TEST_F(CommandSocketTest, CommandsComeInTheOrderTheyWereTold) {
  Listener listener(path);
  EXPECT_EQ(tell(path, "around"), "ok");
  EXPECT_EQ(tell(path, "mute"), "ok");
  EXPECT_EQ(talk(path, "calm\nmore\r\nrepeat\n"), "ok\nok\nok\n");
  EXPECT_THAT(listener.end(), ElementsAre(Command::around, Command::mute, Command::calm,
                                          Command::more, Command::repeat));
}

TEST_F(CommandSocketTest, WhatIsNoCommandIsAnsweredAndTheNextOneTaken) {
  Listener listener(path);
  EXPECT_THAT(tell(path, "shout"), AllOf(HasSubstr("error: "), HasSubstr("'shout'"),
                                         HasSubstr("critical-only"), HasSubstr("toggle-mute")));
  EXPECT_THAT(talk(path, "\nless\n"), AllOf(HasSubstr("error: "), HasSubstr("\nok\n")));
  // Half a line is no command.
  EXPECT_EQ(talk(path, "mute"), "");
  EXPECT_THAT(talk(path, std::string(5000, 'x')), HasSubstr("too long"));
  EXPECT_EQ(tell(path, "around"), "ok");
  EXPECT_THAT(listener.end(), ElementsAre(Command::less, Command::around));
}

TEST_F(CommandSocketTest, OnlyItsUserMayOpenIt) {
  const mode_t before = ::umask(0);
  const CommandSocket socket(path);
  ::umask(before);
  struct stat file {};
  ASSERT_EQ(::stat(path.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600U);
  EXPECT_TRUE(S_ISSOCK(file.st_mode));
}

TEST_F(CommandSocketTest, TheFileGoesWithTheRun) {
  { const CommandSocket socket(path); }
  EXPECT_FALSE(fs::exists(path));
  // But not another's.
  {
    const CommandSocket socket(path);
    fs::remove(path);
    folder.write("run.sock", "another");
  }
  EXPECT_TRUE(fs::exists(path));
}

TEST_F(CommandSocketTest, ARunThatListensIsNotReplaced) {
  {
    Listener listener(path);
    EXPECT_THAT(refusal(path), AllOf(HasSubstr(path), HasSubstr("another run")));
    EXPECT_EQ(tell(path, "dense"), "ok");
    EXPECT_THAT(listener.end(), ElementsAre(Command::dense));
  }
  const CommandSocket next(path);
}

TEST_F(CommandSocketTest, WhatADeadRunLeftIsReplaced) {
  const pid_t child = ::fork();
  if (child == 0) {
    new CommandSocket(path);
    ::_exit(0);  // nothing is tidied up
  }
  ::waitpid(child, nullptr, 0);
  ASSERT_TRUE(fs::exists(path));
  Listener listener(path);
  EXPECT_EQ(tell(path, "calm"), "ok");
}

TEST_F(CommandSocketTest, RefusesWithOneLine) {
  EXPECT_THAT(refusal((folder / std::string(120, 'x')).string()), HasSubstr("at most 107"));
  EXPECT_THAT(refusal((folder / "no" / "run.sock").string()), HasSubstr("No such file"));
  const fs::path file = folder.write("text", "precious");
  EXPECT_THAT(refusal(file.string()), HasSubstr("another file"));
  EXPECT_EQ(fs::file_size(file), 8U);
}

TEST_F(CommandSocketTest, TellSaysWhenNobodyListens) {
  const auto refused = [&](const std::string& where) {
    try {
      (void)tell(where, "mute");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      return std::string(error.what());
    }
    return std::string("not refused");
  };
  EXPECT_THAT(refused(path), HasSubstr("no run listens"));
  EXPECT_THAT(refused(std::string(200, 'x')), HasSubstr("at most 107"));
  // It listens and never answers.
  const CommandSocket silent(path);
  EXPECT_THAT(refused(path), HasSubstr("does not answer"));
}

TEST_F(CommandSocketTest, SilentClientsMakeRoom) {
  Listener listener(path);
  std::vector<int> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(static_cast<char*>(address.sun_path), path.c_str(), sizeof address.sun_path - 1);
    ASSERT_EQ(
        ::connect(clients.back(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  EXPECT_EQ(tell(path, "around"), "ok");
  for (const int client : clients) ::close(client);
  EXPECT_THAT(listener.end(), ElementsAre(Command::around));
}

}  // namespace
}  // namespace lazarillo
