#include "track/assignment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace lazarillo {
namespace {

/// Least cost over every way to pair or leave alone; a row left alone costs `limit`.
double exhaustive(const std::vector<double>& costs, int rows, int columns, double limit,
                  int row = 0, unsigned used = 0) {
  if (row == rows) return 0;
  double best = limit + exhaustive(costs, rows, columns, limit, row + 1, used);
  for (int c = 0; c < columns; ++c) {
    const double cost = costs[static_cast<std::size_t>(row * columns + c)];
    if ((used >> c & 1U) != 0 || cost >= limit) continue;
    best = std::min(best, cost + exhaustive(costs, rows, columns, limit, row + 1, used | 1U << c));
  }
  return best;
}

TEST(Assignment, CostsAsLittleAsExhaustiveSearch) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> cost(0, 1);
  for (int trial = 0; trial < 500; ++trial) {
    const int rows = static_cast<int>(random() % 6);
    const int columns = static_cast<int>(random() % 6);
    std::vector<double> costs(static_cast<std::size_t>(rows * columns));
    std::generate(costs.begin(), costs.end(), [&] { return cost(random); });
    const double limit = 0.2 + 0.8 * cost(random);

    const std::vector<int> pairs = assign(costs, rows, columns, limit);
    ASSERT_EQ(pairs.size(), static_cast<std::size_t>(rows));
    double total = 0;
    std::vector<int> seen;
    for (int r = 0; r < rows; ++r) {
      const int c = pairs[static_cast<std::size_t>(r)];
      total += c < 0 ? limit : costs[static_cast<std::size_t>(r * columns + c)];
      if (c >= 0) {
        seen.push_back(c);
        EXPECT_LT(costs[static_cast<std::size_t>(r * columns + c)], limit);
      }
    }
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end()) << "a column taken twice";
    EXPECT_NEAR(total, exhaustive(costs, rows, columns, limit), 1e-9) << rows << "x" << columns;
  }
}

TEST(Assignment, HoldsWithoutRowsOrColumns) {
  EXPECT_TRUE(assign({}, 0, 3, 1).empty());
  EXPECT_EQ(assign({}, 2, 0, 1), (std::vector<int>{-1, -1}));
}

}  // namespace
}  // namespace lazarillo
