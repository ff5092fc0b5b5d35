#include "eval/depth.h"

#include <algorithm>
#include <cmath>

#include "error.h"
#include "eval/picture.h"

namespace lazarillo {
namespace {

constexpr std::size_t kFewestPixels = 100;

/// Reads a grid between its cells, by places in the picture.
class Bilinear {
 public:
  explicit Bilinear(const DepthGrid& grid) : grid_(grid) {}

  /// `values`: the grid's, or others of its shape.
  [[nodiscard]] double at(const std::vector<float>& values, double x, double y) const {
    const double column = std::clamp(x * grid_.scale + grid_.offset_x, 0.0, grid_.width - 1.0);
    const double row = std::clamp(y * grid_.scale + grid_.offset_y, 0.0, grid_.height - 1.0);
    const auto left = static_cast<std::size_t>(column);
    const auto top = static_cast<std::size_t>(row);
    const auto width = static_cast<std::size_t>(grid_.width);
    const std::size_t right = std::min(left + 1, width - 1);
    const std::size_t bottom = std::min(top + 1, static_cast<std::size_t>(grid_.height) - 1);
    const double across = column - static_cast<double>(left);
    const double down = row - static_cast<double>(top);
    const auto along = [&](std::size_t line) {
      return values[line * width + left] * (1 - across) + values[line * width + right] * across;
    };
    return along(top) * (1 - down) + along(bottom) * down;
  }

 private:
  const DepthGrid& grid_;
};

struct Pixel {
  double truth_m;
  double x, y;  ///< in the picture, from pixel centres
};

std::vector<Pixel> known_pixels(const DepthGrid& truth) {
  std::vector<Pixel> pixels;
  for (int row = 0; row < truth.height; ++row) {
    for (int column = 0; column < truth.width; ++column) {
      const float value =
          truth.values[static_cast<std::size_t>(row) * static_cast<std::size_t>(truth.width) +
                       static_cast<std::size_t>(column)];
      if (!(value > kLeastTruth_m && value < kMostTruth_m)) continue;
      pixels.push_back(
          {value, (column - truth.offset_x) / truth.scale, (row - truth.offset_y) / truth.scale});
    }
  }
  return pixels;
}

void add_picture(const std::vector<Pixel>& pixels, const MetricDepth& depth,
                 const Intrinsics& camera, DepthScore& score) {
  ++score.pictures;
  const Bilinear between(depth.depth_m);
  for (const Pixel& pixel : pixels) {
    const double depth_m = between.at(depth.depth_m.values, pixel.x, pixel.y);
    const double sigma =
        depth.sigma_relative.empty() ? 0 : between.at(depth.sigma_relative, pixel.x, pixel.y);
    score.errors.add(depth_m, pixel.truth_m, sigma, 1.0 / static_cast<double>(pixels.size()));
    const double aside_m = (pixel.x - camera.cx) / camera.fx * pixel.truth_m;
    const std::size_t band = band_of(pixel.truth_m);
    if (std::abs(aside_m) > kCorridorHalf_m || band == kBands.size()) continue;
    score.corridor[band].add(depth_m, pixel.truth_m, sigma, 1);
  }
}

}  // namespace

void DepthErrors::add(double depth_m, double truth_m, double sigma, double weight) {
  const double error = depth_m - truth_m;
  const double log_error = std::log(std::max(depth_m, 1e-6) / truth_m);
  weight_ += weight;
  relative_ += weight * std::abs(error) / truth_m;
  squared_ += weight * error * error;
  if (std::max(depth_m / truth_m, truth_m / depth_m) < 1.25) within_ += weight;
  log_ += weight * log_error;
  if (sigma <= 0) return;
  has_sigma_ = true;
  coverage_.add(log_error / sigma, weight);
}

double DepthErrors::rmse_m() const { return std::sqrt(mean(squared_)); }

std::size_t band_of(double truth_m) {
  const auto* const band =
      std::find_if(kBands.begin(), kBands.end(), [&](const Band& b) { return truth_m < b.to_m; });
  return static_cast<std::size_t>(band - kBands.begin());
}

DepthScores evaluate_depth(Perception& perception, const std::filesystem::path& folder,
                           const Choice& choice, const EvalProgress& progress) {
  const DataFiles files(folder);
  const std::vector<MeasuredPicture> pictures = read_measured(folder, choice);
  DepthScores scores;
  std::size_t done = 0;
  for (const MeasuredPicture& picture : pictures) {
    const Frame frame =
        read_picture(files, picture.file, picture.width, picture.height, picture.focal_px);
    const MetricDepth truth = decode_depth(files.read(picture.depth), picture.depth, picture.width);
    const std::vector<Pixel> pixels = known_pixels(truth.depth_m);
    if (pixels.size() >= kFewestPixels) {
      const auto depth = metric_depth(look(perception, frame, picture.file));
      add_picture(pixels, *depth, frame.intrinsics, scores[picture.set]);
      add_picture(pixels, *depth, frame.intrinsics, scores["all"]);
    }
    if (progress) progress(++done, pictures.size());
  }
  if (scores.empty()) {
    throw Error(ExitCode::source,
                "no picture of this split has measured depth between 0.3 and "
                "10 m: there is nothing to measure");
  }
  return scores;
}

}  // namespace lazarillo
