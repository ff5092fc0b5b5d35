// The C++ side of tests/system/test_pair_parity.py: the depth maps of pictures. The program itself
// shows relative depth and writes none; this takes its place. What decodes, resizes and runs the
// network is the program's.
//   depth_peer MANIFEST OUT PICTURE...
// For each picture it writes OUT/STEM.f32 (float32, row by row) and prints a line of JSON: where
// the cells of the map lie (see DepthGrid).

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <variant>

#include "error.h"
#include "infer/model_set.h"
#include "see/perception.h"
#include "source/source.h"

namespace lazarillo {
namespace {

int run(int argc, char** argv) {
  if (argc < 4) return 2;
  Perception perception(load_model_set(argv[1], {std::filesystem::path(LZ_SOURCE_DIR) / "models"}),
                        {});
  for (int i = 3; i < argc; ++i) {
    const std::filesystem::path picture = argv[i];
    const auto frame = open_source(picture.string(), {})->next();
    if (!frame) throw Error(ExitCode::source, "'" + picture.string() + "' holds no picture");
    const DepthSighting sighting = perception.measure_depth(*frame);
    if (!sighting.fault.empty()) throw Error(ExitCode::vision, sighting.fault);
    const DepthGrid& grid = std::get<std::shared_ptr<const RelativeDepth>>(sighting.depth)->inverse;
    const auto file = std::filesystem::path(argv[2]) / picture.filename().replace_extension(".f32");
    std::ofstream out(file, std::ios::binary);
    out.write(reinterpret_cast<const char*>(grid.values.data()),
              static_cast<std::streamsize>(grid.values.size() * sizeof(float)));
    if (!out.flush()) throw Error(ExitCode::output, "'" + file.string() + "' cannot be written");
    fmt::print("{{\"width\": {}, \"height\": {}, \"scale\": {}, \"offset\": [{}, {}]}}\n",
               grid.width, grid.height, grid.scale, grid.offset_x, grid.offset_y);
  }
  return 0;
}

}  // namespace
}  // namespace lazarillo

int main(int argc, char** argv) {
  try {
    return lazarillo::run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "depth_peer: {}\n", error.what());
    return 1;
  }
}
