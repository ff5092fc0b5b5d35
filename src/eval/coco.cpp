#include "eval/coco.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "error.h"

namespace lazarillo {
namespace {

using nlohmann::json;

json bbox_of(const Box& box) {
  return {double(box.x1), double(box.y1), double(box.x2) - double(box.x1),
          double(box.y2) - double(box.y1)};
}

void write(const std::filesystem::path& file, const json& value) {
  std::ofstream stream(file, std::ios::binary);
  stream << value.dump() << '\n';
  stream.close();
  if (!stream) throw Error(ExitCode::output, "cannot write '" + file.string() + "'");
}

}  // namespace

void write_coco(const DetectionRun& run, const std::filesystem::path& folder) {
  json images = json::array();
  json annotations = json::array();
  json found = json::array();
  json categories = json::array();
  for (std::size_t name = 0; name < run.names.size(); ++name) {
    if (run.known[name]) categories.push_back({{"id", name + 1}, {"name", run.names[name]}});
  }
  for (std::size_t i = 0; i < run.pictures.size(); ++i) {
    const LabelledPicture& picture = run.pictures[i];
    images.push_back({{"id", i + 1},
                      {"file_name", picture.file},
                      {"width", picture.width},
                      {"height", picture.height}});
    const auto counts = [&](std::size_t name) { return run.known[name] && run.labelled(i, name); };
    for (const LabelledObject& object : picture.objects) {
      const std::size_t name = run.name_of_class[static_cast<std::size_t>(object.class_id)];
      if (!counts(name)) continue;
      const json bbox = bbox_of(object.box);
      annotations.push_back({{"id", annotations.size() + 1},
                             {"image_id", i + 1},
                             {"category_id", name + 1},
                             {"bbox", bbox},
                             {"area", bbox[2].get<double>() * bbox[3].get<double>()},
                             {"iscrowd", object.difficult ? 1 : 0}});
    }
    for (const FoundObject& object : run.found[i]) {
      if (!counts(object.name)) continue;
      found.push_back({{"image_id", i + 1},
                       {"category_id", object.name + 1},
                       {"bbox", bbox_of(object.box)},
                       {"score", double(object.score)}});
    }
  }
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  write(folder / "ground_truth.json", {{"info", json::object()},
                                       {"images", images},
                                       {"annotations", annotations},
                                       {"categories", categories}});
  write(folder / "detections.json", found);
}

}  // namespace lazarillo
