#include "calibrate/board.h"

#include <gtest/gtest.h>

namespace lazarillo {
namespace {
TEST(Board, Todo) {}
}  // namespace
}  // namespace lazarillo
