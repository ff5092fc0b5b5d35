#include "control/keyboard.h"

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace lazarillo {
namespace {

constexpr int kTerminal = STDIN_FILENO;

// For the signal handlers; one terminal a process.
termios before;
volatile std::sig_atomic_t known = 0;  ///< `before` is set
volatile std::sig_atomic_t taken = 0;  ///< keys come one by one

/// Whoever changes a terminal from the background is stopped for it.
bool in_foreground() noexcept { return ::tcgetpgrp(kTerminal) == ::getpgrp(); }

void take_terminal() noexcept {
  if (taken != 0 || !in_foreground()) return;
  termios keys{};
  if (::tcgetattr(kTerminal, &keys) != 0) return;
  before = keys;
  known = 1;
  keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  keys.c_cc[VMIN] = 1;
  keys.c_cc[VTIME] = 0;
  taken = 1;
  ::tcsetattr(kTerminal, TCSANOW, &keys);
}

void on_stop(int) {
  const int error = errno;
  restore_terminal();
  ::kill(::getpid(), SIGSTOP);
  errno = error;
}

void on_continue(int) {
  const int error = errno;
  take_terminal();
  errno = error;
}

void on_death(int signal) {
  restore_terminal();
  ::raise(signal);  // by now it does what it always does (SA_RESETHAND)
}

constexpr std::array kDeaths{SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGHUP};

void handle(int signal, void (*handler)(int), int flags) {
  struct sigaction old {};
  // What is ignored (nohup) stays so.
  if (::sigaction(signal, nullptr, &old) != 0 || old.sa_handler == SIG_IGN) return;
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  ::sigaction(signal, &action, nullptr);
}

void handle_all(void (*stop)(int), void (*go_on)(int), void (*death)(int)) {
  handle(SIGTSTP, stop, SA_RESTART);
  handle(SIGCONT, go_on, SA_RESTART);
  for (const int signal : kDeaths) {
    handle(signal, death, death == SIG_DFL ? 0 : static_cast<int>(SA_RESETHAND | SA_NODEFER));
  }
}

constexpr char kEscape = '\x1b';

/// Arrows, Alt with a key and the like are several characters, none of which was meant: ESC and one
/// more, or ESC [ up to a letter (ECMA-48).
std::size_t length_of_sequence(std::string_view keys) {
  if (keys.size() < 2 || (keys[1] != '[' && keys[1] != 'O')) {
    return std::min<std::size_t>(keys.size(), 2);
  }
  std::size_t end = 2;
  while (end < keys.size() && keys[end] < '@') ++end;
  return std::min(end + 1, keys.size());
}

std::optional<Command> command_of_key(char key) {
  switch (key) {
    case 'a':
    case ' ':
      return Command::around;
    case 'r':
      return Command::repeat;
    case 'm':
      return Command::toggle_mute;
    case '+':
      return Command::more;
    case '-':
      return Command::less;
    case '0':
      return Command::critical_only;
    case '1':
      return Command::calm;
    case '2':
      return Command::normal;
    case '3':
      return Command::dense;
    default:
      return std::nullopt;
  }
}

}  // namespace

const char* keys_help() {
  return "keys: space or a: what is around, r: repeat, m: mute, + -: more, less, 0 to 3: pace";
}

void restore_terminal() noexcept {
  if (taken == 0 || known == 0) return;
  taken = 0;
  if (in_foreground()) ::tcsetattr(kTerminal, TCSANOW, &before);
}

Keyboard::Keyboard() {
  static const bool registered = std::atexit([] { restore_terminal(); }) == 0;
  static_cast<void>(registered);
  handle_all(on_stop, on_continue, on_death);
  take_terminal();
}

Keyboard::~Keyboard() {
  handle_all(SIG_DFL, SIG_DFL, SIG_DFL);
  restore_terminal();
}

bool Keyboard::there() { return ::isatty(kTerminal) == 1; }

int Keyboard::descriptor() const { return open_ && taken != 0 ? kTerminal : -1; }

void Keyboard::take(std::vector<Command>& commands) {
  pollfd ready{descriptor(), POLLIN, 0};
  // In the background reading would stop the process, too.
  if (ready.fd < 0 || !in_foreground() || ::poll(&ready, 1, 0) <= 0) return;
  std::array<char, 64> typed{};
  const ssize_t count = ::read(kTerminal, typed.data(), typed.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (count <= 0) {
    open_ = false;
    return;
  }
  std::string_view keys(typed.data(), static_cast<std::size_t>(count));
  for (; !keys.empty(); keys.remove_prefix(1)) {
    if (keys.front() == kEscape) {
      keys.remove_prefix(length_of_sequence(keys) - 1);
    } else if (const auto command = command_of_key(keys.front())) {
      commands.push_back(*command);
    }
  }
}

void Keyboard::leave() {
  open_ = false;
  taken = 0;
  handle_all(SIG_DFL, SIG_DFL, SIG_DFL);
}

}  // namespace lazarillo
