#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "guide/command.h"

namespace lazarillo {

/// Commands by the media keys of a headset: an input device of Linux (evdev), or anything that
/// gives its events (struct input_event). It may come and go: where it cannot be opened, and when
/// it is gone, that is said once and it is looked for again. Not thread-safe.
class Headset {
 public:
  explicit Headset(std::string device);
  ~Headset();
  Headset(const Headset&) = delete;
  Headset& operator=(const Headset&) = delete;

  /// To be polled for input; -1: not there at present.
  [[nodiscard]] int descriptor() const { return descriptor_; }
  /// Appends what was pressed. `now_ns`: a clock, for when to look again. Never waits.
  void take(std::vector<Command>& commands, std::int64_t now_ns);
  /// What the user should know of the device, one line; empty: nothing new. Gives it once.
  [[nodiscard]] std::string news();
  void leave();

 private:
  void open();
  void lose(const std::string& why);

  std::string device_;
  int descriptor_ = -1;
  std::string unfinished_;     ///< bytes of an event
  std::int64_t again_ns_ = 0;  ///< when to look for it again
  bool lost_told_ = false;
  std::string news_;
};

}  // namespace lazarillo
