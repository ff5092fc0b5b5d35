#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "calibrate/views.h"

namespace lazarillo {

/// Chooses views from the pictures of a camera while somebody moves the board before it, and knows
/// what is still missing: the board in each ninth of the picture, and tilted each way. Left, right,
/// top and bottom are the picture's. Not thread-safe.
class ViewCollector {
 public:
  static constexpr std::size_t kWanted = 20;

  enum class Look {
    absent,   ///< no board is seen
    moving,   ///< by more than 3 % of the picture's diagonal a second, or it has just come
    blurred,  ///< as ViewChoice
    alike,    ///< as ViewChoice
    kept,
  };

  /// `board` outlives it.
  ViewCollector(const Board& board, int width, int height);

  /// What the next picture shows of the board, and when it was taken.
  Look offer(std::optional<BoardView> view, std::int64_t stream_ns);

  /// kWanted views and nothing is missing, or as many views as are ever used.
  [[nodiscard]] bool enough() const;
  /// What is missing, as an order: "hold it nearer to the left edge".
  [[nodiscard]] std::string advice() const;

  [[nodiscard]] const ChosenViews& chosen() const { return choice_.chosen(); }

 private:
  static constexpr std::size_t kRegions = 9;  ///< row by row
  enum Side : std::uint8_t { left, right, top, bottom, kSides };

  [[nodiscard]] bool is_still(const BoardView& view, std::int64_t stream_ns) const;
  void note_tilts();
  /// Part of a region's cells, 0 to 1, in which corners were.
  [[nodiscard]] double seen(std::size_t region) const;

  const Board& board_;
  const int width_, height_;
  ViewChoice choice_;
  std::optional<BoardView> before_;  ///< in the picture before
  std::int64_t before_ns_ = 0;
  Cells cells_;
  std::array<int, kSides> nearer_{};  ///< views in which this side of the board was nearer
};

}  // namespace lazarillo
