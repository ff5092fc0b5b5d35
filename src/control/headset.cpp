#include "control/headset.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/input.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

namespace lazarillo {
namespace {

constexpr std::int64_t kAgainNs = 2'000'000'000;
constexpr int kPressed = 1;  // 0: released, 2: held

std::optional<Command> command_of_key(int key) {
  switch (key) {
    case KEY_PLAYPAUSE:
    case KEY_PLAY:
    case KEY_PAUSE:
    // Bluetooth headsets send these two in turn.
    case KEY_PLAYCD:
    case KEY_PAUSECD:
      return Command::around;
    case KEY_PREVIOUSSONG:
      return Command::repeat;
    case KEY_NEXTSONG:
    case KEY_STOPCD:
      return Command::toggle_mute;
    case KEY_FASTFORWARD:
      return Command::more;
    case KEY_REWIND:
      return Command::less;
    default:
      return std::nullopt;
  }
}

}  // namespace

Headset::Headset(std::string device) : device_(std::move(device)) { open(); }
Headset::~Headset() { leave(); }

void Headset::open() {
  descriptor_ = ::open(device_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (descriptor_ < 0) {
    const bool forbidden = errno == EACCES || errno == EPERM;
    return lose(std::generic_category().message(errno) +
                (forbidden ? " (is its user in the group 'input'?)" : ""));
  }
  unfinished_.clear();
  struct stat file {};
  // A file would be read to its end again and again.
  if (::fstat(descriptor_, &file) == 0 && !S_ISCHR(file.st_mode) && !S_ISFIFO(file.st_mode)) {
    lose("this is no input device");
  }
}

void Headset::lose(const std::string& why) {
  leave();
  if (std::exchange(lost_told_, true)) return;
  news_ = fmt::format("headset '{}': {}; the run goes on without its keys", device_, why);
}

void Headset::leave() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

std::string Headset::news() { return std::exchange(news_, {}); }

void Headset::take(std::vector<Command>& commands, std::int64_t now_ns) {
  if (descriptor_ < 0) {
    if (now_ns < again_ns_) return;
    again_ns_ = now_ns + kAgainNs;
    open();
    if (descriptor_ < 0) return;
  }
  std::array<char, 16 * sizeof(input_event)> block{};
  const ssize_t count = ::read(descriptor_, block.data(), block.size());
  const bool nothing_yet = count < 0 && (errno == EAGAIN || errno == EINTR);
  if (count <= 0 && !nothing_yet) {
    again_ns_ = now_ns + kAgainNs;
    return lose(count == 0 ? "it has ended" : std::generic_category().message(errno));
  }
  if (std::exchange(lost_told_, false)) news_ = fmt::format("headset '{}': it is there", device_);
  if (nothing_yet) return;
  unfinished_.append(block.data(), static_cast<std::size_t>(count));
  std::size_t at = 0;
  for (; at + sizeof(input_event) <= unfinished_.size(); at += sizeof(input_event)) {
    input_event event{};
    std::memcpy(&event, unfinished_.data() + at, sizeof event);
    if (event.type != EV_KEY || event.value != kPressed) continue;
    if (const auto command = command_of_key(event.code)) commands.push_back(*command);
  }
  unfinished_.erase(0, at);
}

}  // namespace lazarillo
