#pragma once

#include <bitset>
#include <memory>
#include <vector>

#include "calibrate/board.h"

namespace lazarillo {

/// Views that are worth calibrating with, of one camera's pictures, which are all of one size.
struct ChosenViews {
  std::vector<BoardView> views;
  int blurred = 0;  ///< passed over
  int alike = 0;    ///< passed over: nearly as one that is chosen
};

/// Chooses one view after the other: the first, and each that differs from all chosen: the board
/// lies elsewhere by 4 % of the picture's diagonal, or its corners have moved against each other,
/// by nearness or tilt, by 8 % of their distance from its middle. 40 at most. Not thread-safe.
class ViewChoice {
 public:
  static constexpr std::size_t kMost = 40;
  enum class Verdict { chosen, blurred, alike };

  /// `board` outlives it.
  ViewChoice(const Board& board, int width, int height);
  ~ViewChoice();
  ViewChoice(const ViewChoice&) = delete;
  ViewChoice& operator=(const ViewChoice&) = delete;

  Verdict offer(BoardView view);
  [[nodiscard]] const ChosenViews& chosen() const { return chosen_; }

 private:
  const Board& board_;
  const double diagonal_;
  ChosenViews chosen_;
  struct Outlines;
  std::unique_ptr<Outlines> outlines_;  ///< of those chosen
};

/// The same, the sharpest first.
[[nodiscard]] ChosenViews choose_views(std::vector<BoardView> views, const Board& board, int width,
                                       int height);

/// The picture in cells, row by row.
inline constexpr int kCellsAcross = 16, kCellsDown = 12;
using Cells = std::bitset<std::size_t{kCellsAcross} * kCellsDown>;
/// Those in which some corner lies.
[[nodiscard]] Cells cells_of(const BoardView& view, int width, int height);

/// Part of the picture, 0 to 1, in whose cells some corner lies.
[[nodiscard]] double coverage(const std::vector<BoardView>& views, int width, int height);

}  // namespace lazarillo
