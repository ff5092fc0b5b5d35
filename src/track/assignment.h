#pragma once

#include <vector>

namespace lazarillo {

/// Which column each row is paired with so that the sum of costs is least; -1 for none. `costs` is
/// rows x columns, row-major; a pair that costs `limit` or more is never made, even when that
/// leaves both alone. Shortest augmenting paths (Crouse, IEEE Trans. Aerosp. Electron. Syst. 52(4),
/// 2016), O(n^3). Deterministic.
[[nodiscard]] std::vector<int> assign(const std::vector<double>& costs, int rows, int columns,
                                      double limit);

}  // namespace lazarillo
