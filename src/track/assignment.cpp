#include "track/assignment.h"

#include <algorithm>
#include <limits>

namespace lazarillo {

std::vector<int> assign(const std::vector<double>& costs, int rows, int columns, double limit) {
  if (rows == 0 || columns == 0) return std::vector<int>(static_cast<std::size_t>(rows), -1);
  // Every row gets a private column that costs `limit`: taking it means staying alone.
  const int all = columns + rows;
  const auto cost = [&](int row, int column) {
    if (column >= columns) {
      return column - columns == row ? limit : std::numeric_limits<double>::infinity();
    }
    return costs[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns) +
                 static_cast<std::size_t>(column)];
  };
  const auto at = [](int index) { return static_cast<std::size_t>(index); };
  std::vector<double> row_potential(at(rows), 0.0);
  std::vector<double> column_potential(at(all), 0.0);
  std::vector<int> row_of(at(all), -1);

  for (int start = 0; start < rows; ++start) {
    std::vector<double> shortest(at(all), std::numeric_limits<double>::infinity());
    std::vector<int> previous_column(at(all), -1);
    std::vector<bool> done(at(all), false);
    int row = start;
    int column = -1;
    double path = 0;
    while (true) {
      int next = -1;
      for (int c = 0; c < all; ++c) {
        if (done[at(c)]) continue;
        const double reduced =
            path + cost(row, c) - row_potential[at(row)] - column_potential[at(c)];
        if (reduced < shortest[at(c)]) {
          shortest[at(c)] = reduced;
          previous_column[at(c)] = column;
        }
        if (next < 0 || shortest[at(c)] < shortest[at(next)]) next = c;
      }
      path = shortest[at(next)];
      done[at(next)] = true;
      column = next;
      if (row_of[at(column)] < 0) break;
      row = row_of[at(column)];
    }
    // Potentials keep all reduced costs non-negative (complementary slackness).
    row_potential[at(start)] += path;
    for (int c = 0; c < all; ++c) {
      if (!done[at(c)] || c == column) continue;
      row_potential[at(row_of[at(c)])] += path - shortest[at(c)];
      column_potential[at(c)] -= path - shortest[at(c)];
    }
    while (column >= 0) {
      const int before = previous_column[at(column)];
      row_of[at(column)] = before < 0 ? start : row_of[at(before)];
      column = before;
    }
  }

  std::vector<int> pairs(at(rows), -1);
  for (int c = 0; c < columns; ++c) {
    const int row = row_of[at(c)];
    if (row >= 0 && cost(row, c) < limit) pairs[at(row)] = c;
  }
  return pairs;
}

}  // namespace lazarillo
