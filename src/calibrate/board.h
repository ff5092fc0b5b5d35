#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/frame.h"

namespace lazarillo {

/// A flat board of black and white squares, as it is printed.
struct BoardOptions {
  int columns = 8;  ///< squares across
  int rows = 6;     ///< squares down
  double square_mm = 30;
  /// Markers in the white squares (ChArUco): each says which it is, so a part of the board is
  /// enough. 0: a plain chessboard, which must be seen whole.
  double marker_mm = 22;
  std::string dictionary = "4x4_50";  ///< of the markers: bits and how many there are
};

/// A dark quadrilateral on the board, corners in order around it, millimetres from the top left
/// corner of the board, x right, y down.
struct BoardPatch {
  double x[4];
  double y[4];
};

/// An inner corner, where four squares meet, as a picture shows it.
struct SeenCorner {
  int id = 0;  ///< row by row
  double x_px = 0, y_px = 0;
};

/// What one picture shows of the board.
struct BoardView {
  std::string name;  ///< of the picture, for people
  std::vector<SeenCorner> corners;
  /// Steepest rise of brightness at the corners, part of the contrast a pixel: 0.4 and more for
  /// edges that are sharp, 0.1 where they are smeared over four pixels.
  double sharpness = 0;
};

/// Not thread-safe.
class Board {
 public:
  /// Throws Error(usage): squares, markers or dictionary that cannot be.
  explicit Board(const BoardOptions& options);
  ~Board();
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;

  [[nodiscard]] const BoardOptions& options() const { return options_; }

  /// Corners of a frame in host memory; nullopt: no board is seen, or too little of it (6 corners;
  /// of a plain chessboard all).
  [[nodiscard]] std::optional<BoardView> find(const Frame& frame) const;

  /// Place of an inner corner on the board, millimetres as BoardPatch.
  [[nodiscard]] double corner_x_mm(int id) const;
  [[nodiscard]] double corner_y_mm(int id) const;
  [[nodiscard]] int corners() const { return (options_.columns - 1) * (options_.rows - 1); }

  /// All that is printed dark.
  [[nodiscard]] std::vector<BoardPatch> patches() const;

 private:
  struct Markers;
  BoardOptions options_;
  std::unique_ptr<Markers> markers_;  ///< null: a plain chessboard
};

}  // namespace lazarillo
