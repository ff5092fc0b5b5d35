// How long from the glass of a network camera to a decision: a run whose pictures say themselves
// when they were taken (tests/source/stamp.h). bench/glass.py starts the camera and reads the
// results.
//   glass_bench URI SECONDS FOLDER
// Writes the run's files into FOLDER, and glass.txt: frame number, when it was taken by its stamp
// and when it was had, ns of the monotonic clock.

#include <cstdio>
#include <exception>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "clock.h"
#include "error.h"
#include "run/pipeline.h"
#include "source/source.h"
#include "source/stamp.h"

namespace {

using namespace lazarillo;

/// Notes of each frame what its stamp says.
class StampedSource final : public Source {
 public:
  StampedSource(std::unique_ptr<Source> source, double seconds, const std::string& file)
      : source_(std::move(source)), seconds_(seconds), notes_(file) {}

  [[nodiscard]] const std::vector<CameraInfo>& cameras() const override {
    return source_->cameras();
  }
  [[nodiscard]] std::optional<Frame> next() override {
    auto frame = source_->next();
    if (!frame || static_cast<double>(frame->stamp.stream_ns) / 1e9 > seconds_) {
      return std::nullopt;
    }
    const std::int64_t now_ns = steady_now_ns();
    const auto taken = test::read_stamp(now_ns, [&](int x, int y) {
      return int{frame->pixels.get()[y * frame->stride_bytes + 3 * x + 1]};
    });
    if (taken) notes_ << frame->stamp.sequence << ' ' << *taken << ' ' << now_ns << '\n';
    return frame;
  }
  [[nodiscard]] std::string fault() const override { return source_->fault(); }
  [[nodiscard]] std::optional<std::int64_t> duration_ns() const override { return std::nullopt; }
  void stop() override { source_->stop(); }

 private:
  std::unique_ptr<Source> source_;
  const double seconds_;
  std::ofstream notes_;
};

int bench(const std::string& uri, double seconds, const std::string& folder) {
  RunOptions options;
  options.source = uri;
  options.out_directory = folder;
  options.realtime = true;
  options.video = false;
  options.show_progress = false;
  SourceOptions source;
  source.realtime = true;
  auto stamped =
      std::make_unique<StampedSource>(open_source(uri, source), seconds, folder + "/glass.txt");
  Pipeline pipeline(options, std::move(stamped));
  const RunResult result = pipeline.run();
  for (const std::string& line : result.problems) std::fprintf(stderr, "%s\n", line.c_str());
  return static_cast<int>(result.code);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: glass_bench URI SECONDS FOLDER\n");
    return 2;
  }
  try {
    return bench(argv[1], std::stod(argv[2]), argv[3]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "glass_bench: %s\n", error.what());
    return 1;
  }
}
