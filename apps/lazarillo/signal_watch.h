#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

namespace lazarillo {

/// Turns SIGINT and SIGTERM into an orderly end of what is at work; a second one ends the process
/// at once, and so does the first while nothing is at work yet (a camera is waited for, networks
/// are loaded). block() comes before any thread begins.
class SignalWatch {
 public:
  static void block();
  SignalWatch();

  /// What is at work, as long as this lives.
  class Work {
   public:
    /// `stop` is called by the watch's thread, once.
    Work(SignalWatch& watch, std::function<void()> stop);
    ~Work();
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;

   private:
    SignalWatch& watch_;
  };

  /// The signal that ended the work; 0: none.
  [[nodiscard]] int received() const { return received_; }

 private:
  void watch(const std::stop_token& stop);

  std::mutex mutex_;
  std::function<void()> stop_work_;  ///< empty: nothing is at work
  std::atomic<int> received_ = 0;
  std::jthread thread_;  ///< last: it ends first
};

}  // namespace lazarillo
