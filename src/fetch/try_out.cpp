#include "fetch/try_out.h"

#include <algorithm>
#include <cmath>

#include "fetch/golden_check.h"
#include "see/contract.h"
#include "see/letterbox.h"

namespace lazarillo {
namespace {

/// The largest of the numbers that are places and sizes of boxes, if the output is a detector's:
/// the first four of each row, whichever way the rows lie.
double largest_place(const TensorView& output) {
  if (output.shape.size() != 3) return 0;
  const auto rows = static_cast<std::size_t>(output.shape[1]);
  const auto columns = static_cast<std::size_t>(output.shape[2]);
  const bool boxes_are_columns = rows < columns && columns != 6;
  float largest = 0;
  for (std::size_t i = 0; i < output.values.size(); ++i) {
    const std::size_t place = boxes_are_columns ? i / columns : i % columns;
    const float value = std::fabs(output.values[i]);
    if (place < 4 && std::isfinite(value)) largest = std::max(largest, value);
  }
  return largest;
}

}  // namespace

NetworkFacts facts_of(const std::filesystem::path& file) {
  return {file.stem().string(), read_outline(file), {}, 0};
}

void try_out(const std::filesystem::path& file, const NetworkManifest& network,
             NetworkFacts& facts) {
  NetworkManifest described = network;
  described.file = described.described = file;
  EngineOptions options;
  options.input_shape = input_shape(described);
  const auto engine = make_openvino_engine(file, options);
  check_input(described, *engine);
  (void)Letterbox(described).fill(known_picture(), engine->input(0));
  engine->run();
  facts.outputs.clear();
  for (std::size_t i = 0; i < engine->outputs().size(); ++i) {
    facts.outputs.push_back({engine->outputs()[i].name, engine->output(i).shape});
  }
  if (!facts.outputs.empty()) facts.largest_place = largest_place(engine->output(0));
}

}  // namespace lazarillo
