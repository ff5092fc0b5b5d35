#include "calibrate/calibrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <numbers>
#include <opencv2/calib3d.hpp>
#include <optional>

#include "error.h"
#include "source/calibration_file.h"

namespace lazarillo {
namespace {

constexpr std::size_t kLeastViews = 8;
constexpr double kLeastTiltDeg = 15;
constexpr double kLeastCoverage = 1.0 / 3;
constexpr double kMostRms = 0.003;  ///< part of the picture's diagonal
/// A more complex lens must fit better by so much.
constexpr double kBetter = 0.95;

/// The corners of views as OpenCV takes them.
struct Points {
  std::vector<std::vector<cv::Point3d>> board;  ///< millimetres, z = 0
  std::vector<std::vector<cv::Point2d>> picture;
};

Points points_of(const std::vector<const BoardView*>& views, const Board& board) {
  Points points;
  for (const BoardView* view : views) {
    points.board.emplace_back();
    points.picture.emplace_back();
    for (const SeenCorner& corner : view->corners) {
      points.board.back().emplace_back(board.corner_x_mm(corner.id), board.corner_y_mm(corner.id),
                                       0);
      points.picture.back().emplace_back(corner.x_px, corner.y_px);
    }
  }
  return points;
}

/// A lens, where the board was in each view, and how well that fits.
struct Fit {
  LensModel model;
  cv::Matx33d camera;
  std::vector<cv::Vec3d> turns, shifts;
  double rms = 0;
  std::vector<double> rms_of_view;
};

double squared_distances(const std::vector<cv::Point2d>& a, const std::vector<cv::Point2d>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]).dot(a[i] - b[i]);
  return sum;
}

template <class Project>
void measure(Fit& fit, const Points& points, const Project& project) {
  double all = 0;
  std::size_t count = 0;
  for (std::size_t i = 0; i < points.board.size(); ++i) {
    std::vector<cv::Point2d> places;
    project(points.board[i], fit.turns[i], fit.shifts[i], places);
    const double sum = squared_distances(places, points.picture[i]);
    fit.rms_of_view.push_back(std::sqrt(sum / static_cast<double>(places.size())));
    all += sum;
    count += places.size();
  }
  fit.rms = std::sqrt(all / static_cast<double>(count));
}

/// A model, and how OpenCV fits it to points; `before`: a lens to begin with, where one is known.
using Fitting = std::function<Fit(const Points& points, cv::Size size, const Fit* before)>;

/// OpenCV's calibrateCamera wants floats.
Fit fit_pinhole(const Points& points, cv::Size size, const Fit* before, bool with_k3) {
  std::vector<std::vector<cv::Point3f>> board;
  std::vector<std::vector<cv::Point2f>> picture;
  for (const auto& view : points.board) board.emplace_back(view.begin(), view.end());
  for (const auto& view : points.picture) picture.emplace_back(view.begin(), view.end());
  cv::Mat camera = cv::Mat::eye(3, 3, CV_64F), k = cv::Mat::zeros(5, 1, CV_64F);
  int flags = (with_k3 ? 0 : cv::CALIB_FIX_K3) | cv::CALIB_USE_QR;
  if (before != nullptr) {
    const auto& b = std::get<BrownConrady>(before->model);
    camera = cv::Mat(before->camera).clone();
    k = (cv::Mat_<double>(5, 1) << b.k1, b.k2, b.p1, b.p2, b.k3);
    flags |= cv::CALIB_USE_INTRINSIC_GUESS;
  }
  std::vector<cv::Mat> turns, shifts;
  cv::calibrateCamera(board, picture, size, camera, k, turns, shifts, flags);
  Fit fit;
  fit.camera = camera;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    fit.turns.emplace_back(turns[i]);
    fit.shifts.emplace_back(shifts[i]);
  }
  const auto at = [&](int i) { return k.at<double>(i); };
  fit.model = BrownConrady{at(0), at(1), at(2), at(3), at(4)};
  measure(fit, points, [&](const auto& corners, const auto& turn, const auto& shift, auto& places) {
    cv::projectPoints(corners, turn, shift, camera, k, places);
  });
  return fit;
}

Fit fit_fisheye(const Points& points, cv::Size size, const Fit* before) {
  cv::Matx33d camera = cv::Matx33d::eye();
  cv::Vec4d k;
  int flags = cv::fisheye::CALIB_RECOMPUTE_EXTRINSIC | cv::fisheye::CALIB_FIX_SKEW;
  if (before != nullptr) {
    camera = before->camera;
    k = cv::Vec4d(std::get<KannalaBrandt>(before->model).k.data());
    flags |= cv::fisheye::CALIB_USE_INTRINSIC_GUESS;
  }
  Fit fit;
  cv::fisheye::calibrate(points.board, points.picture, size, camera, k, fit.turns, fit.shifts,
                         flags, {cv::TermCriteria::COUNT + cv::TermCriteria::EPS, 200, 1e-9});
  fit.camera = camera;
  fit.model = KannalaBrandt{{k[0], k[1], k[2], k[3]}};
  measure(fit, points, [&](const auto& corners, const auto& turn, const auto& shift, auto& places) {
    cv::fisheye::projectPoints(corners, places, turn, shift, camera, k);
  });
  return fit;
}

Lens lens_of(const Fit& fit, cv::Size size) {
  const cv::Matx33d& m = fit.camera;
  return {{m(0, 0), m(1, 1), m(0, 2), m(1, 2), size.width, size.height, false}, fit.model};
}

/// A lens, and the views it was fitted to.
struct Solution {
  Fit fit;
  std::vector<CalibratedView> views;
};

std::vector<const BoardView*> pointers_to(const std::vector<BoardView>& views) {
  std::vector<const BoardView*> pointers(views.size());
  std::transform(views.begin(), views.end(), pointers.begin(),
                 [](const BoardView& view) { return &view; });
  return pointers;
}

/// The half of the views whose corners lie nearest to the middle of the picture: what OpenCV begins
/// with, without knowing the lens, is right there and can be far off at the sides.
std::vector<const BoardView*> middle_ones(const std::vector<BoardView>& views, cv::Size size) {
  const auto from_middle = [&](const BoardView* view) {
    double sum = 0;
    for (const SeenCorner& corner : view->corners) {
      sum += std::hypot(corner.x_px - size.width / 2.0, corner.y_px - size.height / 2.0);
    }
    return sum / static_cast<double>(view->corners.size());
  };
  std::vector<const BoardView*> sorted = pointers_to(views);
  std::stable_sort(sorted.begin(), sorted.end(), [&](const BoardView* a, const BoardView* b) {
    return from_middle(a) < from_middle(b);
  });
  sorted.resize(std::max(kLeastViews, sorted.size() / 2));
  return sorted;
}

/// nullopt: OpenCV finds no lens, one that folds, or one that leaves out more than a quarter of the
/// views.
std::optional<Solution> attempt(const std::vector<BoardView>& views, const Board& board,
                                cv::Size size, const Fitting& fitting) {
  try {
    const Fit begun = fitting(points_of(middle_ones(views, size), board), size, nullptr);
    const std::vector<const BoardView*> all = pointers_to(views);
    const Fit with_all = fitting(points_of(all, board), size, &begun);
    std::vector<double> sorted = with_all.rms_of_view;
    std::nth_element(sorted.begin(), sorted.begin() + std::ssize(sorted) / 2, sorted.end());
    const double most = 3 * sorted[sorted.size() / 2];
    std::vector<const BoardView*> used;
    Solution solution;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const bool fits = with_all.rms_of_view[i] <= most;
      if (fits) used.push_back(all[i]);
      solution.views.push_back(
          {all[i]->name, all[i]->corners.size(), with_all.rms_of_view[i], fits});
    }
    if (used.size() < kLeastViews || 4 * used.size() < 3 * all.size()) return std::nullopt;
    solution.fit = fitting(points_of(used, board), size, &begun);
    auto rms = solution.fit.rms_of_view.begin();
    for (CalibratedView& view : solution.views) {
      if (view.used) view.rms_px = *rms++;
    }
    check_unfolded(lens_of(solution.fit, size), "");
    if (std::isfinite(solution.fit.rms)) return solution;
  } catch (const cv::Exception&) {
    // What it could not solve; the caller says so.
  } catch (const Error&) {
    // No lens, or one that folds.
  }
  return std::nullopt;
}

std::optional<Solution> best_lens(const std::vector<BoardView>& views, const Board& board,
                                  cv::Size size, CalibrationModel model) {
  std::optional<Solution> best;
  const auto offer = [&](const Fitting& fitting) {
    auto found = attempt(views, board, size, fitting);
    if (found && (!best || found->fit.rms < kBetter * best->fit.rms)) best = std::move(found);
  };
  if (model != CalibrationModel::fisheye) {
    for (const bool with_k3 : {false, true}) {
      offer([with_k3](const Points& points, cv::Size of, const Fit* before) {
        return fit_pinhole(points, of, before, with_k3);
      });
    }
  }
  if (model != CalibrationModel::pinhole) offer(fit_fisheye);
  return best;
}

double tilt_deg(const cv::Vec3d& turn) {
  cv::Matx33d rotation;
  cv::Rodrigues(turn, rotation);
  return std::acos(std::min(std::abs(rotation(2, 2)), 1.0)) * 180 / std::numbers::pi;
}

[[noreturn]] void refuse(const std::string& why) { throw Error(ExitCode::source, why); }

void write_matrix(std::string& text, const char* key, int rows, int columns,
                  std::initializer_list<double> values) {
  text += fmt::format("{}: !!opencv-matrix\n   rows: {}\n   cols: {}\n   dt: d\n   data: [ ", key,
                      rows, columns);
  const char* comma = "";
  for (const double value : values) {
    // OpenCV's reader takes a number without a point for a whole one.
    std::string number = fmt::format("{:.17g}", value);
    if (number.find_first_of(".e") == std::string::npos) number += '.';
    text += comma + number;
    comma = ", ";
  }
  text += " ]\n";
}

}  // namespace

Calibrated calibrate(const std::vector<BoardView>& views, const Board& board, int width, int height,
                     CalibrationModel model) {
  if (views.size() < kLeastViews) {
    refuse(
        fmt::format("only {} sharp views of the board that differ, {} are needed: show it near "
                    "and far, in the middle and in each corner of the picture, tilted each way",
                    views.size(), kLeastViews));
  }
  const double covered = coverage(views, width, height);
  if (covered < kLeastCoverage) {
    refuse(
        fmt::format("the board was seen in {:.0f} % of the picture only: bring it nearer, and "
                    "into each corner and along the edges",
                    100 * covered));
  }
  const cv::Size size(width, height);
  std::optional<Solution> solution = best_lens(views, board, size, model);
  const char* kHint =
      "is the board flat, its size right (--columns, --rows, --square), and was the "
      "focus left alone?";
  if (!solution) refuse(fmt::format("no lens explains these views: {}", kHint));
  const Fit& fit = solution->fit;
  const double most_rms = kMostRms * std::hypot(width, height);
  if (fit.rms > most_rms) {
    refuse(
        fmt::format("the best lens is off by {:.1f} pixels (RMS), {:.1f} at most can be used: {}",
                    fit.rms, most_rms, kHint));
  }
  double tilt = 0;
  for (const cv::Vec3d& turn : fit.turns) tilt = std::max(tilt, tilt_deg(turn));
  if (tilt < kLeastTiltDeg) {
    refuse(
        fmt::format("the board was never tilted by more than {:.0f} degrees, so the focal length "
                    "is not known: tilt it by 30 to 45 degrees, each way",
                    tilt));
  }
  return {lens_of(fit, size), fit.rms, covered, tilt, std::move(solution->views)};
}

void write_calibration(const Calibrated& calibrated, const std::filesystem::path& file) {
  const Intrinsics& c = calibrated.lens.camera();
  std::string text = "%YAML:1.0\n---\n";
  text += fmt::format("image_width: {}\nimage_height: {}\n", c.width, c.height);
  write_matrix(text, "camera_matrix", 3, 3, {c.fx, 0, c.cx, 0, c.fy, c.cy, 0, 0, 1});
  if (const auto* fisheye = std::get_if<KannalaBrandt>(&calibrated.lens.model())) {
    const auto& k = fisheye->k;
    write_matrix(text, "distortion_coefficients", 4, 1, {k[0], k[1], k[2], k[3]});
    text += "fisheye_model: 1\n";
  } else {
    const auto& b = std::get<BrownConrady>(calibrated.lens.model());
    write_matrix(text, "distortion_coefficients", 5, 1, {b.k1, b.k2, b.p1, b.p2, b.k3});
    text += "fisheye_model: 0\n";
  }
  text += fmt::format("avg_reprojection_error: {:.6g}\n", calibrated.rms_px);
  std::filesystem::path part = file;
  part += ".part";
  std::ofstream stream(part, std::ios::binary);
  stream << text;
  stream.close();
  std::error_code error;
  if (stream) std::filesystem::rename(part, file, error);
  if (stream && !error) return;
  std::error_code ignored;
  std::filesystem::remove(part, ignored);
  throw Error(ExitCode::output, "'" + file.string() + "' cannot be written" +
                                    (error ? ": " + error.message() : std::string()));
}

}  // namespace lazarillo
