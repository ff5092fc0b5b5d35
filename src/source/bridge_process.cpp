#include "source/bridge_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "error.h"

namespace lazarillo {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kOrderlyEnd{2000};
constexpr std::size_t kLongestHello = 1 << 20;

/// In the child: becomes the program, or tells errno through the pipe.
[[noreturn]] void become(const std::vector<char*>& words, int output, int problem, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);
  // The starter blocks signals that it waits for, and ignores some.
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::setpgid(0, 0);  // a terminal's Ctrl-C is for us; we end it
  ::dup2(output, STDOUT_FILENO);
  ::execvp(words[0], words.data());
  const int error = errno;
  [[maybe_unused]] const auto written = ::write(problem, &error, sizeof error);
  ::_exit(127);
}

}  // namespace

BridgeProcess::BridgeProcess(const std::vector<std::string>& command, const std::string& remedy)
    : name_(command.at(0)) {
  std::vector<char*> words;
  words.reserve(command.size() + 1);
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  int output[2];
  int problem[2];
  if (::pipe2(output, O_CLOEXEC) != 0) {
    throw Error(ExitCode::source, std::string("no pipe: ") + std::strerror(errno));
  }
  if (::pipe2(problem, O_CLOEXEC) != 0) {
    ::close(output[0]);
    ::close(output[1]);
    throw Error(ExitCode::source, std::string("no pipe: ") + std::strerror(errno));
  }
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) become(words, output[1], problem[1], parent);
  int error = pid_ < 0 ? errno : 0;
  ::close(output[1]);
  ::close(problem[1]);
  output_ = output[0];
  if (pid_ > 0 && ::read(problem[0], &error, sizeof error) != sizeof error) error = 0;
  ::close(problem[0]);
  if (error == 0) return;
  ::close(output_);
  if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
  throw Error(ExitCode::source, "the program '" + name_ + "' cannot be started (" +
                                    std::strerror(error) + "): " + remedy);
}

BridgeProcess::~BridgeProcess() {
  ::close(output_);
  if (ended(milliseconds(0))) return;
  ::kill(pid_, SIGTERM);
  if (ended(kOrderlyEnd)) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::optional<std::string> BridgeProcess::hello(std::chrono::seconds patience,
                                                const std::stop_token& stop) {
  const auto deadline = steady_clock::now() + patience;
  std::string line;
  while (steady_clock::now() < deadline && line.size() < kLongestHello) {
    if (stop.stop_requested()) return std::nullopt;
    pollfd wanted{output_, POLLIN, 0};
    if (::poll(&wanted, 1, 50) <= 0) continue;
    char text[4096];
    const ssize_t got = ::read(output_, text, sizeof text);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    line.append(text, static_cast<std::size_t>(got));
    if (const auto end = line.find('\n'); end != std::string::npos) return line.substr(0, end);
  }
  throw Error(ExitCode::source, "the program '" + name_ + "' says nothing for " +
                                    std::to_string(patience.count()) + " s");
}

std::optional<int> BridgeProcess::ended(milliseconds patience) {
  const auto deadline = steady_clock::now() + patience;
  while (!status_) {
    int status = 0;
    const pid_t pid = ::waitpid(pid_, &status, WNOHANG);
    if (pid == pid_) {
      status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    } else if (pid < 0 && errno != EINTR) {
      status_ = 0;  // somebody else has waited for it
    } else if (steady_clock::now() >= deadline) {
      break;
    } else {
      std::this_thread::sleep_for(milliseconds(5));
    }
  }
  return status_;
}

}  // namespace lazarillo
