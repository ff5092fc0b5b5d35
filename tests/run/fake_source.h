#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "source/source.h"

namespace lazarillo::test {

/// A source made of a function: the k-th call of next() gives what it returns.
class FakeSource final : public Source {
 public:
  using Make = std::function<std::optional<Frame>(std::uint64_t k)>;
  FakeSource(const Intrinsics& camera, Make make)
      : cameras_{{"fake", camera}}, make_(std::move(make)) {}

  [[nodiscard]] const std::vector<CameraInfo>& cameras() const override { return cameras_; }
  [[nodiscard]] std::optional<Frame> next() override {
    return stopped_ ? std::nullopt : make_(asked_++);
  }
  [[nodiscard]] std::string fault() const override { return {}; }
  [[nodiscard]] std::optional<std::int64_t> duration_ns() const override { return std::nullopt; }
  void stop() override { stopped_ = true; }

 private:
  std::vector<CameraInfo> cameras_;
  Make make_;
  std::uint64_t asked_ = 0;
  std::atomic<bool> stopped_ = false;
};

}  // namespace lazarillo::test
