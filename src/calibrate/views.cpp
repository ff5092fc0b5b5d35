#include "calibrate/views.h"

#include <algorithm>
#include <cmath>

#include "calibrate/outline.h"

namespace lazarillo {
namespace {

constexpr double kLeastSharpness = 0.12;

}  // namespace

struct ViewChoice::Outlines {
  std::vector<Outline> all;
};

ViewChoice::ViewChoice(const Board& board, int width, int height)
    : board_(board),
      diagonal_(std::hypot(width, height)),
      outlines_(std::make_unique<Outlines>()) {}

ViewChoice::~ViewChoice() = default;

ViewChoice::Verdict ViewChoice::offer(BoardView view) {
  if (view.sharpness < kLeastSharpness) {
    ++chosen_.blurred;
    return Verdict::blurred;
  }
  const Outline outline = outline_of(view, board_);
  const bool known =
      std::any_of(outlines_->all.begin(), outlines_->all.end(),
                  [&](const Outline& other) { return alike(outline, other, diagonal_); });
  if (known || chosen_.views.size() == kMost) {
    ++chosen_.alike;
    return Verdict::alike;
  }
  outlines_->all.push_back(outline);
  chosen_.views.push_back(std::move(view));
  return Verdict::chosen;
}

ChosenViews choose_views(std::vector<BoardView> views, const Board& board, int width, int height) {
  std::stable_sort(views.begin(), views.end(), [](const BoardView& a, const BoardView& b) {
    return a.sharpness > b.sharpness;
  });
  ViewChoice choice(board, width, height);
  for (BoardView& view : views) choice.offer(std::move(view));
  return choice.chosen();
}

Cells cells_of(const BoardView& view, int width, int height) {
  Cells cells;
  for (const SeenCorner& corner : view.corners) {
    const int column = std::clamp(static_cast<int>((corner.x_px + 0.5) / width * kCellsAcross), 0,
                                  kCellsAcross - 1);
    const int row =
        std::clamp(static_cast<int>((corner.y_px + 0.5) / height * kCellsDown), 0, kCellsDown - 1);
    cells.set(static_cast<std::size_t>(row) * kCellsAcross + static_cast<std::size_t>(column));
  }
  return cells;
}

double coverage(const std::vector<BoardView>& views, int width, int height) {
  Cells cells;
  for (const BoardView& view : views) cells |= cells_of(view, width, height);
  return static_cast<double>(cells.count()) / static_cast<double>(cells.size());
}

}  // namespace lazarillo
