#include "calibrate_live.h"

#include <fmt/format.h>

#include <iostream>
#include <memory>
#include <optional>
#include <system_error>

#include "calibrate/kept_picture.h"
#include "calibrate/view_collector.h"
#include "error.h"
#include "signal_watch.h"
#include "source/live_address.h"
#include "source/source.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;
using Look = ViewCollector::Look;

/// Where nothing is kept for so long, somebody wants to know why.
constexpr std::int64_t kPatience_ns = 5'000'000'000;

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  const bool empty = !error && fs::is_empty(folder, error);
  if (error) {
    throw Error(ExitCode::output,
                fmt::format("'{}' cannot be made: {}", folder.string(), error.message()));
  }
  if (!empty) {
    throw Error(ExitCode::usage, fmt::format("'{}' is not empty: --keep wants a folder of its own",
                                             folder.string()));
  }
}

std::string why_not(Look look) {
  switch (look) {
    case Look::absent:
      return "the board is not seen";
    case Look::moving:
      return "hold it still";
    case Look::blurred:
      return "it is blurred: hold it still, in more light";
    default:
      return "this view is there already";
  }
}

/// What the person with the board is told.
class Instructions {
 public:
  void tell(const ViewCollector& collector, Look look, std::int64_t now_ns) {
    if (look == Look::kept) {
      const std::size_t views = collector.chosen().views.size();
      const std::string of =
          views <= ViewCollector::kWanted ? fmt::format(" of {}", ViewCollector::kWanted) : "";
      say(fmt::format("view {}{}: {}", views, of,
                      collector.enough() ? "that is enough" : collector.advice()),
          now_ns);
    } else if (now_ns - told_ns_ >= kPatience_ns) {
      // It has to be seen, and still, before it is of use where it is.
      const bool elsewhere = look == Look::alike || look == Look::absent;
      say(elsewhere ? fmt::format("{}: {}", why_not(look), collector.advice()) : why_not(look),
          now_ns);
    }
  }

 private:
  void say(const std::string& line, std::int64_t now_ns) {
    std::cerr << line << std::endl;
    told_ns_ = now_ns;
  }

  std::int64_t told_ns_ = 0;
};

}  // namespace

CollectedViews collect_views(const LiveCalibration& options, const Board& board) {
  if (!options.keep.empty()) make_folder(options.keep);
  // Before GStreamer's threads begin.
  SignalWatch::block();
  SignalWatch signals;
  SourceOptions source_options;
  source_options.realtime = true;
  source_options.camera_mode = options.mode;
  source_options.tell = [](const std::string& line) { std::cerr << "lazarillo: " << line << '\n'; };
  const std::unique_ptr<Source> source = open_source(options.source, source_options);
  const SignalWatch::Work work(signals, [&source] { source->stop(); });

  std::cerr << "move the board before the camera, and hold it still for a moment in each place; "
               "Ctrl-C ends with the views there are"
            << std::endl;
  CollectedViews found;
  Instructions instructions;
  std::optional<ViewCollector> collector;
  while (!collector || !collector->enough()) {
    const auto frame = source->next();
    if (!frame) break;
    if (!collector) {
      found.width = frame->width;
      found.height = frame->height;
      collector.emplace(board, found.width, found.height);
    }
    if (frame->width != found.width || frame->height != found.height) {
      throw Error(ExitCode::source,
                  fmt::format("'{}' gives pictures of {}x{} now, after {}x{}: begin anew",
                              without_secrets(options.source), frame->width, frame->height,
                              found.width, found.height));
    }
    ++found.pictures;
    std::optional<BoardView> view = board.find(*frame);
    const std::string name = fmt::format("view-{:02}.png", collector->chosen().views.size() + 1);
    if (view) {
      view->name = name;
      ++found.seen;
    }
    const std::int64_t now_ns = frame->stamp.stream_ns;
    const Look look = collector->offer(std::move(view), now_ns);
    if (look == Look::kept && !options.keep.empty()) write_picture(*frame, options.keep / name);
    instructions.tell(*collector, look, now_ns);
  }
  if (collector) found.chosen = collector->chosen();
  if (!source->fault().empty() && signals.received() == 0) {
    std::cerr << "lazarillo: " << source->fault() << "; what came before is used\n";
  }
  return found;
}

}  // namespace lazarillo
