// The C++ side of tests/system/test_calibration.py: what the program makes of a calibration, for
// comparison with those who made it.
//   lens_peer project CALIBRATION[#CAMERA] < rays > pixels
// three numbers x y z a line; two, or "nan nan", come back for each.
//   lens_peer straighten CALIBRATION[#CAMERA] FOCAL WIDTH HEIGHT < picture > picture
// grey levels of the camera's picture, row by row, and of the straight one of this focal length in
// pixels, whose axis is in its middle.

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "see/rectify.h"
#include "source/calibration_file.h"

namespace lazarillo {
namespace {

void project(const Lens& lens) {
  double x = 0, y = 0, z = 0;
  while (std::cin >> x >> y >> z) {
    const auto at = lens.project(x, y, z);
    fmt::print("{}\n", at ? fmt::format("{:.9f} {:.9f}", at->x, at->y) : "nan nan");
  }
}

void straighten(std::shared_ptr<const Lens> lens, double focal, int width, int height) {
  Frame frame;
  frame.lens = std::move(lens);
  frame.width = frame.lens->camera().width;
  frame.height = frame.lens->camera().height;
  frame.stride_bytes = frame.width;
  frame.format = PixelFormat::gray8;
  frame.intrinsics = {focal, focal, (width - 1) / 2.0, (height - 1) / 2.0, width, height, false};
  std::vector<std::uint8_t> levels(static_cast<std::size_t>(frame.width) *
                                   static_cast<std::size_t>(frame.height));
  std::cin.read(reinterpret_cast<char*>(levels.data()), std::ssize(levels));
  frame.pixels = {std::shared_ptr<void>(), levels.data()};
  PerLens<RectifyMap> maps;
  const Frame straight = rectified(frame, maps);
  std::cout.write(reinterpret_cast<const char*>(straight.pixels.get()),
                  std::streamsize{straight.width} * straight.height);
}

int run(int argc, char** argv) {
  if (argc < 3) return 2;
  const auto lens = read_calibration(argv[2]).lens;
  if (argc == 3) {
    project(*lens);
  } else if (argc == 6) {
    straighten(lens, std::stod(argv[3]), std::stoi(argv[4]), std::stoi(argv[5]));
  } else {
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace lazarillo

int main(int argc, char** argv) {
  try {
    return lazarillo::run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "lens_peer: {}\n", error.what());
    return 1;
  }
}
