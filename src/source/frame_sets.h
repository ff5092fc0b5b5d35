#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "source/rig.h"

namespace lazarillo {

/// Puts pictures of several cameras together that were taken at one moment.
///
/// The forward camera leads: each of its pictures is a moment. Of every other camera the picture
/// nearest to it joins, if it was taken within half the gap between two pictures of the fastest
/// camera; what is left over (a camera faster than the forward one) is passed over. A moment waits
/// for a camera only while a picture of it is due by its own rate, and not
///  - past the forward camera's next picture,
///  - past a picture of any camera kLate_ns later,
///  - live, longer than kLate_ns (overdue()).
/// So a camera that is slower, late or gone holds nobody up. When the forward camera gives nothing
/// for kSilent_ns while others do, the first of those leads until it is back.
///
/// By the pictures' own times and the order they come in only: the same pictures give the same
/// moments. Not thread-safe.
class FrameSets {
 public:
  static constexpr std::int64_t kLate_ns = 60'000'000;
  static constexpr std::int64_t kSilent_ns = 300'000'000;

  /// `first_number`: of the first moment.
  explicit FrameSets(std::shared_ptr<const Rig> rig, std::uint64_t first_number = 0);

  /// `moment_ns`: when it was taken by the clock that all cameras share. Of each camera in order of
  /// time; what goes back is passed over.
  void add(Frame frame, std::int64_t moment_ns);
  /// The next moment: the leading picture, with Frame::set; stamp.sequence counts moments. nullopt:
  /// none is complete.
  [[nodiscard]] std::optional<Frame> take();
  /// Live: one that has waited for longer than kLate_ns by the clock of FrameStamp::capture_ns.
  [[nodiscard]] std::optional<Frame> overdue(std::int64_t now_ns);
  /// Nothing more will come: call until nullopt.
  [[nodiscard]] std::optional<Frame> finish();

  /// Pictures that joined no moment.
  [[nodiscard]] std::uint64_t passed_over() const { return passed_over_; }

 private:
  struct Taken {
    Frame frame;
    std::int64_t moment_ns;
  };
  struct Camera {
    std::deque<Taken> waiting;
    std::optional<std::int64_t> newest_ns;
    std::deque<std::int64_t> gaps_ns;  ///< between its latest pictures

    /// The smallest of its latest gaps: one that leaves pictures out is no slower for it. 0: not
    /// known yet.
    [[nodiscard]] std::int64_t gap_ns() const;
  };

  void lead_if_alone(const Camera& camera, std::int64_t moment_ns);
  [[nodiscard]] std::int64_t window_ns() const;
  [[nodiscard]] bool complete(std::int64_t moment_ns) const;
  [[nodiscard]] Frame join();

  std::shared_ptr<const Rig> rig_;
  std::vector<Camera> cameras_;
  std::size_t leader_ = 0;
  std::optional<std::int64_t> first_ns_;  ///< of the first picture of all
  std::optional<std::int64_t> last_ns_;   ///< of the newest moment given out
  std::uint64_t next_number_ = 0;
  std::uint64_t passed_over_ = 0;
};

}  // namespace lazarillo
