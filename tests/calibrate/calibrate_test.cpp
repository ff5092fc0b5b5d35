#include "calibrate/board.h"

#include <gtest/gtest.h>

namespace lazarillo {
namespace {
TEST(Calibrate, Todo) {}
}  // namespace
}  // namespace lazarillo
