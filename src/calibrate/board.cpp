#include "calibrate/board.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <opencv2/aruco/charuco.hpp>
#include <opencv2/calib3d.hpp>
#include <opencv2/imgproc.hpp>

#include "error.h"

namespace lazarillo {
namespace {

constexpr std::size_t kLeastCorners = 6;

/// The picture in grey.
cv::Mat grey_of(const Frame& frame) {
  const bool colour = frame.format == PixelFormat::bgr8;
  auto* pixels = const_cast<std::uint8_t*>(frame.pixels.get());  // NOLINT: only read
  cv::Mat picture(frame.height, frame.width, colour ? CV_8UC3 : CV_8UC1, pixels,
                  static_cast<std::size_t>(frame.stride_bytes));
  if (!colour) return picture;
  cv::Mat grey;
  cv::cvtColor(picture, grey, cv::COLOR_BGR2GRAY);
  return grey;
}

double sharpness_at(const cv::Mat& grey, const std::vector<SeenCorner>& corners) {
  constexpr int kAround = 8;
  double sum = 0;
  int count = 0;
  for (const SeenCorner& corner : corners) {
    const int x = cvRound(corner.x_px);
    const int y = cvRound(corner.y_px);
    const cv::Rect window(x - kAround, y - kAround, 2 * kAround + 1, 2 * kAround + 1);
    if ((window & cv::Rect(0, 0, grey.cols, grey.rows)) != window) continue;
    int least = 255, most = 0, rise = 0;
    for (int v = window.y; v < window.y + window.height - 1; ++v) {
      const std::uint8_t* row = grey.ptr(v);
      const std::uint8_t* below = grey.ptr(v + 1);
      for (int u = window.x; u < window.x + window.width - 1; ++u) {
        least = std::min<int>(least, row[u]);
        most = std::max<int>(most, row[u]);
        rise = std::max({rise, std::abs(row[u + 1] - row[u]), std::abs(below[u] - row[u])});
      }
    }
    if (most - least < 20) continue;
    sum += static_cast<double>(rise) / (most - least);
    ++count;
  }
  return count > 0 ? sum / count : 0;
}

const std::map<std::string, int>& dictionaries() {
  static const std::map<std::string, int> known = {
      {"4x4_50", cv::aruco::DICT_4X4_50},          {"4x4_100", cv::aruco::DICT_4X4_100},
      {"4x4_250", cv::aruco::DICT_4X4_250},        {"4x4_1000", cv::aruco::DICT_4X4_1000},
      {"5x5_50", cv::aruco::DICT_5X5_50},          {"5x5_100", cv::aruco::DICT_5X5_100},
      {"5x5_250", cv::aruco::DICT_5X5_250},        {"5x5_1000", cv::aruco::DICT_5X5_1000},
      {"6x6_50", cv::aruco::DICT_6X6_50},          {"6x6_100", cv::aruco::DICT_6X6_100},
      {"6x6_250", cv::aruco::DICT_6X6_250},        {"6x6_1000", cv::aruco::DICT_6X6_1000},
      {"7x7_50", cv::aruco::DICT_7X7_50},          {"7x7_100", cv::aruco::DICT_7X7_100},
      {"7x7_250", cv::aruco::DICT_7X7_250},        {"7x7_1000", cv::aruco::DICT_7X7_1000},
      {"original", cv::aruco::DICT_ARUCO_ORIGINAL}};
  return known;
}

[[noreturn]] void refuse(const std::string& problem) { throw Error(ExitCode::usage, problem); }

}  // namespace

struct Board::Markers {
  cv::Ptr<cv::aruco::Dictionary> dictionary;
  cv::Ptr<cv::aruco::CharucoBoard> board;
  double height_mm;

  /// OpenCV's corners go around clockwise from a marker's top left one; whether its y points down
  /// the page or up it has changed from version to version.
  [[nodiscard]] double y_on_page(double y) const {
    const auto& corners = board->objPoints.at(0);
    const cv::Point3f across = corners[1] - corners[0];
    const cv::Point3f down = corners[3] - corners[0];
    return across.x * down.y - across.y * down.x > 0 ? y : height_mm - y;
  }
};

Board::Board(const BoardOptions& o) : options_(o) {
  if (o.columns < 3 || o.rows < 3 || o.columns > 100 || o.rows > 100) {
    refuse(fmt::format("a board of {} x {} squares: it must have from 3 to 100 each way", o.columns,
                       o.rows));
  }
  if (!(o.square_mm >= 1 && o.square_mm <= 1000)) {
    refuse(fmt::format("squares of {} mm: they must have from 1 to 1000", o.square_mm));
  }
  if (o.marker_mm == 0) return;
  if (!(o.marker_mm > 0 && o.marker_mm <= 0.9 * o.square_mm)) {
    refuse(
        fmt::format("markers of {} mm in squares of {} mm: they must be larger than 0 and leave "
                    "a tenth of the square free",
                    o.marker_mm, o.square_mm));
  }
  const auto found = dictionaries().find(o.dictionary);
  if (found == dictionaries().end()) {
    std::string names;
    for (const auto& [name, id] : dictionaries()) names += (names.empty() ? "" : ", ") + name;
    refuse(fmt::format("there are no markers '{}': there are {}", o.dictionary, names));
  }
  markers_ = std::make_unique<Markers>();
  markers_->dictionary = cv::aruco::getPredefinedDictionary(found->second);
  const int needed = o.columns * o.rows / 2;
  if (needed > markers_->dictionary->bytesList.rows) {
    refuse(
        fmt::format("a board of {} x {} squares needs {} markers, {} has {}: take a larger "
                    "dictionary",
                    o.columns, o.rows, needed, o.dictionary, markers_->dictionary->bytesList.rows));
  }
  markers_->board =
      cv::aruco::CharucoBoard::create(o.columns, o.rows, static_cast<float>(o.square_mm),
                                      static_cast<float>(o.marker_mm), markers_->dictionary);
  markers_->height_mm = o.rows * o.square_mm;
}

Board::~Board() = default;

std::optional<BoardView> Board::find(const Frame& frame) const {
  const cv::Mat grey = grey_of(frame);
  BoardView view;
  if (markers_) {
    std::vector<std::vector<cv::Point2f>> markers;
    std::vector<int> ids;
    cv::aruco::detectMarkers(grey, markers_->dictionary, markers, ids);
    if (ids.empty()) return std::nullopt;
    std::vector<cv::Point2f> places;
    std::vector<int> corners;
    cv::aruco::interpolateCornersCharuco(markers, ids, grey, markers_->board, places, corners);
    for (std::size_t i = 0; i < corners.size(); ++i) {
      view.corners.push_back({corners[i], places[i].x, places[i].y});
    }
  } else {
    std::vector<cv::Point2f> places;
    const cv::Size inner(options_.columns - 1, options_.rows - 1);
    if (!cv::findChessboardCornersSB(grey, inner, places, cv::CALIB_CB_ACCURACY)) {
      return std::nullopt;
    }
    for (std::size_t i = 0; i < places.size(); ++i) {
      view.corners.push_back({static_cast<int>(i), places[i].x, places[i].y});
    }
  }
  // All corners on one line say nothing of where the board is.
  const auto in_row = [&](const SeenCorner& c) {
    return c.id / (options_.columns - 1) == view.corners.front().id / (options_.columns - 1);
  };
  const auto in_column = [&](const SeenCorner& c) {
    return c.id % (options_.columns - 1) == view.corners.front().id % (options_.columns - 1);
  };
  if (view.corners.size() < kLeastCorners ||
      std::all_of(view.corners.begin(), view.corners.end(), in_row) ||
      std::all_of(view.corners.begin(), view.corners.end(), in_column)) {
    return std::nullopt;
  }
  view.sharpness = sharpness_at(grey, view.corners);
  return view;
}

double Board::corner_x_mm(int id) const {
  if (markers_) return markers_->board->chessboardCorners.at(static_cast<std::size_t>(id)).x;
  return (1 + id % (options_.columns - 1)) * options_.square_mm;
}

double Board::corner_y_mm(int id) const {
  if (markers_) {
    return markers_->y_on_page(
        markers_->board->chessboardCorners.at(static_cast<std::size_t>(id)).y);
  }
  const int row = id / (options_.columns - 1);
  return (1 + row) * options_.square_mm;
}

std::vector<BoardPatch> Board::patches() const {
  std::vector<BoardPatch> patches;
  const auto square = [&](double x, double y, double side) {
    patches.push_back({{x, x + side, x + side, x}, {y, y, y + side, y + side}});
  };
  const double side = options_.square_mm;
  if (!markers_) {
    for (int row = 0; row < options_.rows; ++row) {
      for (int column = row % 2; column < options_.columns; column += 2) {
        square(column * side, row * side, side);
      }
    }
    return patches;
  }
  const auto& objects = markers_->board->objPoints;
  const auto on_page = [&](double y) { return markers_->y_on_page(y); };
  const auto square_at = [&](int row, int column) {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(options_.columns) +
           static_cast<std::size_t>(column);
  };
  std::vector<bool> white(square_at(options_.rows, 0));
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const std::vector<cv::Point3f>& corners = objects[i];
    const double middle_x = (corners[0].x + corners[2].x) / 2.0;
    const double middle_y = on_page((corners[0].y + corners[2].y) / 2.0);
    white[square_at(static_cast<int>(middle_y / side), static_cast<int>(middle_x / side))] = true;
    const int cells = markers_->dictionary->markerSize + 2;
    cv::Mat bits;
    markers_->dictionary->drawMarker(markers_->board->ids[i], cells, bits, 1);
    const auto at = [&](double u, double v) {
      return cv::Point2d(
          corners[0].x + u * (corners[1].x - corners[0].x) + v * (corners[3].x - corners[0].x),
          on_page(corners[0].y + u * (corners[1].y - corners[0].y) +
                  v * (corners[3].y - corners[0].y)));
    };
    for (int v = 0; v < cells; ++v) {
      // Neighbours in a row are one patch: between two there would be a hair of white.
      for (int u = 0; u < cells; ++u) {
        if (bits.at<std::uint8_t>(v, u) != 0) continue;
        int end = u + 1;
        while (end < cells && bits.at<std::uint8_t>(v, end) == 0) ++end;
        const double n = cells;
        const cv::Point2d a = at(u / n, v / n), b = at(end / n, v / n);
        const cv::Point2d c = at(end / n, (v + 1) / n), d = at(u / n, (v + 1) / n);
        patches.push_back({{a.x, b.x, c.x, d.x}, {a.y, b.y, c.y, d.y}});
        u = end;
      }
    }
  }
  for (int row = 0; row < options_.rows; ++row) {
    for (int column = 0; column < options_.columns; ++column) {
      if (!white[square_at(row, column)]) {
        square(column * side, row * side, side);
      }
    }
  }
  return patches;
}

}  // namespace lazarillo
