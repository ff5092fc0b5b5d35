#include "speak/voice.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>

#include "error.h"

namespace lazarillo {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kRemembered = 16;
constexpr auto kPatience = std::chrono::seconds(3);
constexpr std::size_t kMostBytes = 8 << 20;  // three minutes of speech

/// Closes a file descriptor at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  void close() {
    if (value_ >= 0) ::close(value_);
    value_ = -1;
  }
  [[nodiscard]] int get() const { return value_; }

 private:
  int value_;
};

/// Everything the descriptor gives until its end; nullopt when that takes too long.
std::optional<std::string> read_all(int descriptor, Clock::time_point deadline) {
  std::string bytes;
  std::array<char, 65536> block{};
  while (bytes.size() < kMostBytes) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd waiting{descriptor, POLLIN, 0};
    if (left.count() <= 0 || poll(&waiting, 1, static_cast<int>(left.count())) == 0) {
      return std::nullopt;
    }
    const ssize_t count = read(descriptor, block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return bytes;
    bytes.append(block.data(), static_cast<std::size_t>(count));
  }
  return std::nullopt;
}

std::uint32_t little_endian(const std::string& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

/// espeak-ng writes a plain WAV header (44 bytes, 16-bit mono) before it knows the length.
Speech parse_wav(const std::string& bytes) {
  constexpr std::size_t kHeader = 44;
  Speech speech;
  if (bytes.size() <= kHeader || bytes.compare(0, 4, "RIFF") != 0 ||
      bytes.compare(36, 4, "data") != 0) {
    return speech;
  }
  speech.rate = static_cast<int>(little_endian(bytes, 24));
  speech.samples.resize((bytes.size() - kHeader) / 2);
  for (std::size_t i = 0; i < speech.samples.size(); ++i) {
    std::int16_t sample = 0;
    std::memcpy(&sample, bytes.data() + kHeader + 2 * i, 2);
    speech.samples[i] = static_cast<float>(sample) / 32768.0F;
  }
  return speech;
}

/// Silence before and after costs time: cut to 5 ms.
void trim(Speech& speech) {
  constexpr float kSilence = 0.003F;
  const auto loud = [](float sample) { return sample > kSilence || sample < -kSilence; };
  auto& samples = speech.samples;
  const auto margin = static_cast<std::ptrdiff_t>(speech.rate / 200);
  const auto last = std::find_if(samples.rbegin(), samples.rend(), loud).base();
  if (samples.end() - last > margin) samples.erase(last + margin, samples.end());
  const auto first = std::find_if(samples.begin(), samples.end(), loud);
  if (first - samples.begin() > margin) samples.erase(samples.begin(), first - margin);
}

}  // namespace

Speech run_espeak(const std::string& voice, int words_per_minute, const std::string& text) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  Descriptor from_child(ends[0]);
  Descriptor to_parent(ends[1]);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, to_parent.get(), STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  // A group of its own: Ctrl-C on the terminal is for the guide, which ends in order.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);

  std::vector<std::string> words{"espeak-ng", "-v", voice, "-s", std::to_string(words_per_minute),
                                 "--stdout",  "--", text};
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int error =
      posix_spawnp(&child, "espeak-ng", &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return {};

  to_parent.close();
  const auto deadline = Clock::now() + kPatience;
  const std::optional<std::string> bytes = read_all(from_child.get(), deadline);
  int status = 0;
  // A program may close its output and still not end.
  bool ended = bytes && waitpid(child, &status, WNOHANG) != 0;
  while (bytes && !ended && Clock::now() < deadline) {
    poll(nullptr, 0, 1);
    ended = waitpid(child, &status, WNOHANG) != 0;
  }
  if (!ended) {
    kill(-child, SIGKILL);  // with whatever it started
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
  }
  if (!bytes || !WIFEXITED(status) || WEXITSTATUS(status) != 0) return {};
  Speech speech = parse_wav(*bytes);
  trim(speech);
  return speech;
}

Voice::Voice(std::string voice, int words_per_minute)
    : voice_(std::move(voice)), words_per_minute_(words_per_minute) {
  if (run_espeak(voice_, words_per_minute_, "a").samples.empty()) {
    throw Error(ExitCode::sound,
                "espeak-ng does not speak with the voice '" + voice_ +
                    "': install espeak-ng (`espeak-ng --voices` lists its voices), or "
                    "use --no-speech");
  }
}

Voice::Result Voice::request(const std::string& text) {
  const auto found = known_.find(text);
  if (found != known_.end()) {
    const Result& result = found->second.first;
    const bool failed = result.wait_for(std::chrono::seconds(0)) == std::future_status::ready &&
                        result.get()->samples.empty();
    if (!failed) {
      recent_.splice(recent_.begin(), recent_, found->second.second);
      return result;
    }
    recent_.erase(found->second.second);
    known_.erase(found);
  }
  Result result = std::async(std::launch::async, [voice = voice_, rate = words_per_minute_, text] {
                    return std::make_shared<const Speech>(run_espeak(voice, rate, text));
                  }).share();
  recent_.push_front(text);
  known_.emplace(text, std::pair(result, recent_.begin()));
  if (recent_.size() > kRemembered) {
    known_.erase(recent_.back());
    recent_.pop_back();
  }
  return result;
}

}  // namespace lazarillo
