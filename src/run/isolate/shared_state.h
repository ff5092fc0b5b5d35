#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>

#include "error.h"
#include "guide/guide.h"
#include "source/intrinsics.h"
#include "source/lens.h"
#include "source/rig.h"

namespace lazarillo {

enum class PartName : std::uint8_t { capture, see, guide, show };
inline constexpr std::size_t kParts = 4;
[[nodiscard]] const char* to_string(PartName part);

/// A line of text that one process writes and others read: written once, then published.
class SharedText {
 public:
  /// Keeps what fits. The first text stays until it is cleared; later ones are ignored.
  void set(const std::string& text) noexcept;
  /// Only once the process that wrote it is dead.
  void clear() noexcept { state_ = 0; }
  [[nodiscard]] std::string get() const;

 private:
  std::atomic<std::uint32_t> state_ = 0;  ///< 0 empty, 1 being written, 2 there
  std::array<char, 1020> text_{};
};

/// What the processes of one run know of each other, besides the values in the rings. Lies in
/// anonymous shared memory that children inherit: it has no name and ends with the last process.
struct SharedState {
  /// A camera, as the source tells of it.
  struct Camera {
    /// What Lens is made of.
    struct LensParts {
      Intrinsics camera;
      LensModel model;
      LensMounting mounting;
    };
    int width = 0;  ///< of its pictures: before a lens is straightened
    int height = 0;
    std::optional<LensParts> lens;  ///< unset: a pinhole camera's
    std::array<char, 64> name{};    ///< this and its place: where several are one view
    CameraPlace place;
  };
  static_assert(std::is_trivially_copyable_v<Camera>);
  static constexpr std::size_t kMostCameras = 8;

  // Written once by the process that looks at the source first (known_cameras.h).
  std::atomic<bool> probed = false;
  Intrinsics camera;  ///< the first one's
  std::array<Camera, kMostCameras> cameras;
  std::size_t camera_count = 1;
  double px_per_rad = 0;          ///< Rig::px_per_rad; 0: one camera is looked through
  std::int64_t duration_ns = -1;  ///< -1: not known

  /// Steady-clock moment of stream time 0: set by the first capture, kept by the next.
  std::atomic<std::int64_t> origin_ns = 0;
  std::atomic<int> last_track = 0;            ///< highest id given to an object
  std::atomic<std::int64_t> last_frame = -1;  ///< sequence of the newest frame given out

  std::atomic<int> supervisor = 0;          ///< its pid
  int generation = 0;                       ///< supervisors before this one (succession.h)
  std::atomic<std::uint32_t> steady = 0;    ///< the warm-up is over when this counts up
  std::atomic<bool> stopping = false;       ///< an orderly end was asked for
  std::atomic<bool> stream_ended = false;   ///< capture is done
  std::atomic<bool> abandoned = false;      ///< nobody else will come: work off what is there, end
  std::atomic<std::uint32_t> breaks = 0;    ///< times that vision broke (a process died)
  std::atomic<std::int64_t> broken_ns = 0;  ///< steady clock of the last of them
  std::atomic<bool> blind = false;          ///< nothing was seen since
  std::atomic<bool> spare_ready = false;    ///< the spare pair of eyes has its networks loaded
  std::atomic<bool> spare_loads = false;    ///< the first one is still to come, or loads them
  std::atomic<int> spare_called = 0;        ///< its pid, once it is to take over

  // What commands set, by the guide, for the one that takes its place.
  std::atomic<double> words_per_minute = -1;  ///< -1: nothing was
  std::atomic<bool> muted = false;
  /// The walker's commands, in a circle: the supervisor gives them, the guide takes them.
  std::array<std::atomic<Command>, 16> commands{};
  std::atomic<std::uint32_t> commands_given = 0;
  std::atomic<std::uint32_t> commands_taken = 0;

  struct Part {
    std::atomic<bool> ready = false;  ///< set up and at work
    std::atomic<bool> done = false;   ///< ended in order
    std::atomic<int> error_code = 0;  ///< ExitCode of a failed set-up
    SharedText error;                 ///< of its last process
    SharedText fault;                 ///< what went wrong in its work
    std::atomic<int> fault_code = 0;  ///< ExitCode of that
    /// Its numbers as CBOR (report_codec.h), when it ended in order.
    std::atomic<std::uint32_t> report_bytes = 0;
    std::array<std::uint8_t, std::size_t{1} << 18> report{};
  };
  std::array<Part, kParts> parts;

  void give(Command command) {
    commands[commands_given % commands.size()] = command;
    ++commands_given;
  }
  /// Calls `take` with each that was not taken yet. By one thread at a time. What a guide died of
  /// or after is not obeyed a second time by the next one.
  template <class Take>
  void take_commands(const Take& take) {
    const std::uint32_t given = commands_given;
    std::uint32_t next = commands_taken;
    if (given - next > commands.size()) next = given - static_cast<std::uint32_t>(commands.size());
    for (; next != given; ++next) {
      commands_taken = next + 1;
      take(commands[next % commands.size()].load());
    }
  }
  void keep(const Manner& manner) {
    muted = manner.muted;
    words_per_minute = manner.words_per_minute;
  }
  /// nullopt: no command has set any.
  [[nodiscard]] std::optional<Manner> manner() const {
    if (words_per_minute < 0) return std::nullopt;
    return Manner{words_per_minute, muted};
  }

  [[nodiscard]] Part& of(PartName part) { return parts[static_cast<std::size_t>(part)]; }
};

}  // namespace lazarillo
