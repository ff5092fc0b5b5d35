#include "conversation.h"

#include <unistd.h>

#include <csignal>
#include <iostream>

namespace lazarillo {
namespace {

volatile std::sig_atomic_t g_received = 0;

extern "C" void note_signal(int signal) { g_received = signal; }

void handle(void (*handler)(int), int flags) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

}  // namespace

bool somebody_there() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1; }

std::optional<std::string> ask(const std::string& text, const std::string& suggestion) {
  for (;;) {
    std::cerr << text << (suggestion.empty() ? "" : " [" + suggestion + "]") << "\n> "
              << std::flush;
    std::string line;
    if (!std::getline(std::cin, line)) return std::nullopt;
    const std::size_t from = line.find_first_not_of(" \t\r");
    if (from != std::string::npos) {
      return line.substr(from, line.find_last_not_of(" \t\r") - from + 1);
    }
    if (!suggestion.empty()) return suggestion;
  }
}

bool agree(const std::string& text) {
  const auto answer = ask(text, "no");
  return answer && (*answer == "y" || *answer == "Y" || *answer == "yes" || *answer == "Yes");
}

StopSignals::StopSignals() {
  g_received = 0;
  handle(&note_signal, static_cast<int>(SA_RESETHAND));  // the second one does what it always does
}

StopSignals::~StopSignals() { handle(SIG_DFL, 0); }

int StopSignals::received() { return g_received; }

}  // namespace lazarillo
