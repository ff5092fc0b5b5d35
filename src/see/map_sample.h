#pragma once

#include "see/letterbox_mapping.h"

namespace lazarillo {

/// Which cells of a network's depth map are brought from an NVIDIA card to the host, where the way
/// ahead is looked along (path/): those that lie in the frame, every `step`-th across and down,
/// from column `left` and row `top` on. The processor reads all; lznet's map is brought whole.
struct MapSample {
  static constexpr int most = 104;  ///< columns and rows; as many as lznet's map has

  int left = 0, top = 0;
  int step = 1;
  int columns = 0, rows = 0;

  [[nodiscard]] int cells() const { return columns * rows; }
  /// Where the sample's cells lie in the frame. `map`: mapping.grid() of the whole map.
  [[nodiscard]] DepthGrid grid(const DepthGrid& map) const;

  bool operator==(const MapSample&) const = default;
};

/// Of a map of width x height cells that covers the whole input of its network.
[[nodiscard]] MapSample sample_of(const LetterboxMapping& mapping, int width, int height);

}  // namespace lazarillo
