#include "control/command_inputs.h"

#include <poll.h>

#include <utility>

#include "clock.h"
#include "error.h"

namespace lazarillo {

CommandInputs::CommandInputs(const CommandOptions& options,
                             std::function<void(const std::string&)> say)
    : say_(std::move(say)) {
  if (options.socket.empty()) {
    const std::string usual = usual_command_socket();
    try {
      if (!usual.empty()) socket_ = std::make_unique<CommandSocket>(usual);
    } catch (const Error& error) {
      say_(error.what());
    }
  } else if (options.socket != "none") {
    socket_ = std::make_unique<CommandSocket>(options.socket);
  }
  if (!options.headset.empty()) headset_ = std::make_unique<Headset>(options.headset);
  if (options.keyboard && Keyboard::there()) {
    keyboard_ = std::make_unique<Keyboard>();
    say_(keys_help());
  }
}

std::vector<Command> CommandInputs::take() {
  std::vector<Command> commands;
  if (keyboard_) keyboard_->take(commands);
  if (socket_) socket_->take(commands);
  if (headset_) {
    headset_->take(commands, steady_now_ns());
    if (const std::string line = headset_->news(); !line.empty()) say_(line);
  }
  return commands;
}

std::vector<Command> CommandInputs::wait(std::chrono::milliseconds patience) {
  std::vector<pollfd> descriptors;
  if (socket_) socket_->watch(descriptors);
  // poll() passes over descriptors below 0.
  if (headset_) descriptors.push_back({headset_->descriptor(), POLLIN, 0});
  if (keyboard_) descriptors.push_back({keyboard_->descriptor(), POLLIN, 0});
  ::poll(descriptors.data(), descriptors.size(), static_cast<int>(patience.count()));
  return take();
}

void CommandInputs::leave() {
  if (keyboard_) keyboard_->leave();
  if (socket_) socket_->leave();
  if (headset_) headset_->leave();
  headset_.reset();
}

}  // namespace lazarillo
