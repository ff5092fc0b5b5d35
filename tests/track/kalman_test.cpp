#include "track/kalman.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>

namespace lazarillo {
namespace {

// The textbook filter written with plain 2x2 matrices, as the independent reference.
struct Reference {
  std::array<double, 2> x;
  std::array<std::array<double, 2>, 2> p;

  void predict(double dt, double q) {
    x = {x[0] + dt * x[1], x[1]};
    const auto a = p;
    const std::array<std::array<double, 2>, 2> fp{
        {{a[0][0] + dt * a[1][0], a[0][1] + dt * a[1][1]}, {a[1][0], a[1][1]}}};
    p = {{{fp[0][0] + dt * fp[0][1], fp[0][1]}, {fp[1][0] + dt * fp[1][1], fp[1][1]}}};
    p[0][0] += q * q * dt * dt * dt / 3;
    p[0][1] += q * q * dt * dt / 2;
    p[1][0] += q * q * dt * dt / 2;
    p[1][1] += q * q * dt;
  }
  void correct(double z, double sigma) {
    const double s = p[0][0] + sigma * sigma;
    const std::array<double, 2> k{p[0][0] / s, p[1][0] / s};
    const double y = z - x[0];
    x = {x[0] + k[0] * y, x[1] + k[1] * y};
    const auto a = p;
    p = {{{(1 - k[0]) * a[0][0], (1 - k[0]) * a[0][1]},
          {a[1][0] - k[1] * a[0][0], a[1][1] - k[1] * a[0][1]}}};
  }
};

TEST(Kalman, AgreesWithTheMatrixForm) {
  std::mt19937 random(3);
  std::normal_distribution<double> normal;
  ConstantVelocity filter(1.0, 0.5, 2.0);
  Reference reference{{1.0, 0.0}, {{{0.25, 0}, {0, 4}}}};
  for (int i = 0; i < 200; ++i) {
    const double dt = 0.01 + 0.1 * std::abs(normal(random));
    filter.predict(dt, 0.7);
    reference.predict(dt, 0.7);
    if (i % 3 != 0) {
      const double z = normal(random);
      filter.correct(z, 0.3);
      reference.correct(z, 0.3);
    }
    ASSERT_NEAR(filter.value(), reference.x[0], 1e-9);
    ASSERT_NEAR(filter.velocity(), reference.x[1], 1e-9);
    ASSERT_NEAR(filter.value_variance(), reference.p[0][0], 1e-9);
    ASSERT_NEAR(filter.velocity_variance(), reference.p[1][1], 1e-9);
  }
}

TEST(Kalman, ErrorsMatchTheStatedVariance) {
  // Normalised estimation error squared of a consistent filter is 1 on average per degree of
  // freedom.
  std::mt19937 random(5);
  std::normal_distribution<double> normal;
  double nees = 0;
  int count = 0;
  for (int run = 0; run < 300; ++run) {
    double position = normal(random) * 0.5;
    double velocity = normal(random) * 2;
    ConstantVelocity filter(0, 0.5, 2.0);
    const double dt = 0.1;
    for (int i = 0; i < 40; ++i) {
      position += velocity * dt;
      velocity += normal(random) * 0.7 * std::sqrt(dt);
      filter.predict(dt, 0.7);
      filter.correct(position + 0.3 * normal(random), 0.3);
      if (i < 10) continue;
      const double error = filter.value() - position;
      nees += error * error / filter.value_variance();
      ++count;
    }
  }
  EXPECT_NEAR(nees / count, 1.0, 0.1);
}

TEST(Kalman, AnOldMeasurementIsTheBatchLeastSquaresSolution) {
  // Independent reference: the same measurements, each at its own moment, solved at once in
  // information form for a value and a velocity that do not change (no process noise).
  std::mt19937 random(3);
  std::normal_distribution<double> noise(0, 0.5);
  ConstantVelocity filter(0, 10, 5);
  double a00 = 1.0 / 100, a01 = 0, a11 = 1.0 / 25, b0 = 0, b1 = 0;  // prior at t = 0
  double now = 0;
  for (int i = 1; i <= 40; ++i) {
    now = 0.1 * i;
    const double age = (i % 4) * 0.09;
    const double then = now - age;
    const double measured = 3 + 1.7 * then + noise(random);
    filter.predict(0.1, 0);
    filter.correct(measured, 0.5, age);
    const double w = 1 / (0.5 * 0.5);
    a00 += w;
    a01 += w * then;
    a11 += w * then * then;
    b0 += w * measured;
    b1 += w * measured * then;
  }
  const double det = a00 * a11 - a01 * a01;
  const double value0 = (a11 * b0 - a01 * b1) / det;
  const double velocity = (a00 * b1 - a01 * b0) / det;
  EXPECT_NEAR(filter.velocity(), velocity, 1e-9);
  EXPECT_NEAR(filter.value(), value0 + velocity * now, 1e-9);
  EXPECT_NEAR(filter.velocity_variance(), a00 / det, 1e-9);
}

}  // namespace
}  // namespace lazarillo
