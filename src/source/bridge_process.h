#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace lazarillo {

/// A program that hands us values through rings in shared memory (docs/ring.md, "Bridges"). It is
/// ended with this object, and when the thread that made it ends. What it tells people goes to our
/// standard error. One thread uses it.
class BridgeProcess {
 public:
  /// Starts it. Throws Error(source) where there is no such program; `remedy` says what to do then.
  BridgeProcess(const std::vector<std::string>& command, const std::string& remedy);
  ~BridgeProcess();
  BridgeProcess(const BridgeProcess&) = delete;
  BridgeProcess& operator=(const BridgeProcess&) = delete;

  /// The one line it writes when it is ready; nullopt: it ended before, or a stop was asked for.
  /// Throws Error(source) when there is none in time.
  [[nodiscard]] std::optional<std::string> hello(std::chrono::seconds patience,
                                                 const std::stop_token& stop);
  /// Its exit code, 128 + signal; nullopt: it runs. Waits for its end so long.
  [[nodiscard]] std::optional<int> ended(std::chrono::milliseconds patience);

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  std::string name_;
  std::optional<int> status_;
};

}  // namespace lazarillo
