#include "signal_watch.h"

#include <unistd.h>

#include <csignal>
#include <ctime>
#include <utility>

#include "control/keyboard.h"

namespace lazarillo {
namespace {

sigset_t watched() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

}  // namespace

void SignalWatch::block() {
  const sigset_t signals = watched();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

SignalWatch::SignalWatch() : thread_([this](const std::stop_token& stop) { watch(stop); }) {}

SignalWatch::Work::Work(SignalWatch& watch, std::function<void()> stop) : watch_(watch) {
  const std::lock_guard lock(watch_.mutex_);
  watch_.stop_work_ = std::move(stop);
}

SignalWatch::Work::~Work() {
  const std::lock_guard lock(watch_.mutex_);
  watch_.stop_work_ = nullptr;
}

void SignalWatch::watch(const std::stop_token& stop) {
  const sigset_t signals = watched();
  const timespec patience{0, 100'000'000};
  while (!stop.stop_requested()) {
    const int signal = sigtimedwait(&signals, nullptr, &patience);
    if (signal <= 0) continue;
    const std::lock_guard lock(mutex_);
    if (received_ != 0 || !stop_work_) {
      restore_terminal();
      _exit(128 + signal);
    }
    received_ = signal;
    stop_work_();
  }
}

}  // namespace lazarillo
