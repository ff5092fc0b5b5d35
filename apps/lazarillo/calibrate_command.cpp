#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>

#include "calibrate/board_page.h"
#include "calibrate/calibrate.h"
#include "calibrate_live.h"
#include "commands.h"
#include "count_progress.h"
#include "error.h"
#include "lower_case.h"
#include "source/camera_view.h"
#include "source/source.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;

/// Between two pictures of a video that are searched for the board.
constexpr std::int64_t kEveryNs = 150'000'000;

struct CalibrateArguments {
  std::string source;
  std::string board_file;
  std::string out = "camera.yaml";
  BoardOptions board;
  CalibrationModel model = CalibrationModel::automatic;
  bool chessboard = false;
  std::string mode;
  std::string keep;
};

/// The board as all pictures of a source show it.
class Search {
 public:
  explicit Search(const Board& board) : board_(board) {}

  void look(const Frame& frame, const std::string& name) {
    if (pictures_ == 0) {
      width_ = frame.width;
      height_ = frame.height;
    }
    if (frame.width != width_ || frame.height != height_) {
      throw Error(
          ExitCode::source,
          fmt::format("'{}' is {}x{}, the pictures before it {}x{}: all must be of one size", name,
                      frame.width, frame.height, width_, height_));
    }
    ++pictures_;
    if (auto view = board_.find(frame)) {
      view->name = name;
      views_.push_back(std::move(*view));
    }
  }

  [[nodiscard]] int width() const { return width_; }
  [[nodiscard]] int height() const { return height_; }
  [[nodiscard]] int pictures() const { return pictures_; }
  [[nodiscard]] std::vector<BoardView>& views() { return views_; }

 private:
  const Board& board_;
  int width_ = 0;
  int height_ = 0;
  int pictures_ = 0;
  std::vector<BoardView> views_;
};

void look_through_folder(const fs::path& folder, Search& search) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string ending = lower_case(entry.path().extension().string());
    constexpr std::array kPictures{".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"};
    const bool picture = std::find(kPictures.begin(), kPictures.end(), ending) != kPictures.end();
    if (picture && entry.is_regular_file()) files.push_back(entry.path());
  }
  if (files.empty()) {
    throw Error(ExitCode::source, "'" + folder.string() + "' holds no pictures (png, jpg, webp)");
  }
  std::sort(files.begin(), files.end());
  CountProgress progress("pictures");
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto frame = open_source(files[i].string(), {})->next();
    if (!frame) throw Error(ExitCode::source, "'" + files[i].string() + "' holds no picture");
    search.look(*frame, files[i].filename().string());
    progress.update(i + 1, files.size());
  }
}

void look_through_video(const std::string& file, Search& search) {
  const std::unique_ptr<Source> source = open_source(file, {});
  const std::int64_t length_ns = source->duration_ns().value_or(0);
  CountProgress progress("seconds");
  std::int64_t next_ns = 0;
  std::size_t told = 0;
  while (const auto frame = source->next()) {
    if (frame->stamp.stream_ns < next_ns) continue;
    next_ns = frame->stamp.stream_ns + kEveryNs;
    const double second = static_cast<double>(frame->stamp.stream_ns) / 1e9;
    search.look(*frame, fmt::format("{:.2f} s", second));
    const auto seconds = static_cast<std::size_t>(second);
    if (seconds > told && length_ns > 0) {
      told = seconds;
      progress.update(seconds,
                      std::max(seconds, static_cast<std::size_t>(length_ns / 1'000'000'000)));
    }
  }
  if (!source->fault().empty()) {
    std::cerr << "lazarillo: " << source->fault() << "; what came before is used\n";
  }
}

void print(const Calibrated& result, const std::string& counts) {
  const Intrinsics& c = result.lens.camera();
  const bool fisheye = std::holds_alternative<KannalaBrandt>(result.lens.model());
  for (const CalibratedView& view : result.views) {
    std::cout << fmt::format("{:>8.3f} px  {:3} corners  {}{}\n", view.rms_px, view.corners,
                             view.name, view.used ? "" : "  (left out: does not fit the others)");
  }
  std::cout << '\n' << counts << '\n';
  std::cout << fmt::format("{} lens, {}x{}: fx {:.2f}, fy {:.2f}, cx {:.2f}, cy {:.2f}\n",
                           fisheye ? "fisheye" : "usual", c.width, c.height, c.fx, c.fy, c.cx,
                           c.cy);
  std::cout << fmt::format(
      "error {:.3f} px (RMS), {:.0f} % of the picture covered, board tilted up "
      "to {:.0f} degrees\n",
      result.rms_px, 100 * result.coverage, result.most_tilt_deg);
  std::cout << fmt::format("seen straight: {:.1f} degrees across\n",
                           straight_hfov_deg(result.lens));
}

CollectedViews views_of_files(const std::string& source, const Board& board) {
  Search search(board);
  if (fs::is_directory(source)) {
    look_through_folder(source, search);
  } else {
    look_through_video(source, search);
  }
  CollectedViews found;
  found.width = search.width();
  found.height = search.height();
  found.pictures = search.pictures();
  found.seen = static_cast<int>(search.views().size());
  found.chosen = choose_views(std::move(search.views()), board, found.width, found.height);
  return found;
}

CollectedViews views_of(const CalibrateArguments& a, const Board& board) {
  if (is_live(a.source)) {
    return collect_views({a.source, a.mode.empty() ? "auto" : a.mode, a.keep}, board);
  }
  if (!a.mode.empty() || !a.keep.empty()) {
    throw Error(ExitCode::usage,
                "--mode and --keep are for cameras and streams: '" + a.source + "' is none");
  }
  return views_of_files(a.source, board);
}

/// How many views there were to choose from.
std::string counts_of(const CollectedViews& found, bool live) {
  const std::string seen =
      fmt::format("{} of {} pictures show the board; ", found.seen, found.pictures);
  if (live) return seen + fmt::format("{} views were kept", found.chosen.views.size());
  return seen +
         fmt::format("{} too blurred, {} like others", found.chosen.blurred, found.chosen.alike);
}

int run(CalibrateArguments a) {
  if (a.chessboard) a.board.marker_mm = 0;
  const Board board(a.board);
  if (!a.board_file.empty()) {
    write_board(board, a.board_file);
    if (a.source.empty()) return 0;
  }
  if (a.source.empty()) {
    throw Error(ExitCode::usage,
                "name a folder of pictures or a video of the board, or a camera (camera:); --board "
                "FILE.pdf writes the board to print");
  }
  const CollectedViews found = views_of(a, board);
  if (found.seen == 0) {
    throw Error(
        ExitCode::source,
        fmt::format("the board is in none of the {} pictures: is it {} x {} squares{} (--columns, "
                    "--rows{}), and in light that is even?",
                    found.pictures, a.board.columns, a.board.rows,
                    a.chessboard ? ", seen whole," : " with markers " + a.board.dictionary,
                    a.chessboard ? ": squares, not corners" : ", --dictionary, --chessboard"));
  }
  std::cerr << fmt::format("calibrating with {} views\n", found.chosen.views.size());
  const Calibrated result =
      calibrate(found.chosen.views, board, found.width, found.height, a.model);
  write_calibration(result, a.out);
  print(result, counts_of(found, is_live(a.source)));
  std::cout << fmt::format("\nwritten to {}: lazarillo run --calibration {}\n", a.out, a.out);
  return 0;
}

}  // namespace

void add_calibrate_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<CalibrateArguments>();
  CalibrateArguments& a = *arguments;
  CLI::App* command = app.add_subcommand(
      "calibrate", "Find out how a camera sees, from pictures of a printed board");
  command->add_option("SOURCE", a.source,
                      "A folder of pictures, or a video, of the board; or a camera or stream to "
                      "hold it before (camera:, rtsp://...)");
  command->add_option("--out", a.out, "The calibration, for run --calibration")
      ->capture_default_str();
  command->add_option("--board", a.board_file,
                      "Write the board into this file to print it: .pdf, .svg or .png");
  const std::map<std::string, CalibrationModel> models{{"auto", CalibrationModel::automatic},
                                                       {"pinhole", CalibrationModel::pinhole},
                                                       {"fisheye", CalibrationModel::fisheye}};
  command
      ->add_option("--model", a.model,
                   "Of the lens: pinhole (usual ones), fisheye, or auto, which fits better")
      ->transform(CLI::CheckedTransformer(models, CLI::ignore_case))
      ->default_str("auto");
  command->add_option("--keep", a.keep,
                      "Of a camera or stream: keep the pictures that are used in this new folder");
  command->add_option("--mode", a.mode,
                      "Of a camera: as the setting source.mode, like \"1280x720@30 JPEG\"");
  command->add_option("--columns", a.board.columns, "Squares of the board across")
      ->capture_default_str();
  command->add_option("--rows", a.board.rows, "Squares of the board down")->capture_default_str();
  command->add_option("--square", a.board.square_mm, "Side of a square, mm")->capture_default_str();
  command->add_option("--marker", a.board.marker_mm, "Side of a marker, mm")->capture_default_str();
  command->add_option("--dictionary", a.board.dictionary, "OpenCV's name of the markers")
      ->capture_default_str();
  command->add_flag("--chessboard", a.chessboard,
                    "The board has no markers: each picture must show it whole");
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace lazarillo
