#include "eval/detection.h"

#include <algorithm>
#include <unordered_map>

#include "error.h"
#include "eval/picture.h"

namespace lazarillo {
namespace {

CocoBox coco_box(const Box& box) {
  return {box.x1, box.y1, double(box.x2) - double(box.x1), double(box.y2) - double(box.y1)};
}

/// One name in the pictures labelled for it; `set` empty: of all sets.
std::vector<ClassInPicture> gather(const DetectionRun& run, std::size_t name,
                                   const std::string& set) {
  std::vector<ClassInPicture> pictures;
  for (std::size_t i = 0; i < run.pictures.size(); ++i) {
    const LabelledPicture& picture = run.pictures[i];
    if ((!set.empty() && picture.set != set) || !run.labelled(i, name)) continue;
    ClassInPicture& one = pictures.emplace_back();
    for (const LabelledObject& object : picture.objects) {
      const std::size_t its = run.name_of_class[static_cast<std::size_t>(object.class_id)];
      if (its == name) one.truth.push_back({coco_box(object.box), object.difficult});
    }
    for (const FoundObject& object : run.found[i]) {
      if (object.name == name) one.found.push_back({coco_box(object.box), object.score});
    }
  }
  return pictures;
}

/// `all`, where given, gets the judged detections of every class.
SetScore score_set(const DetectionRun& run, const std::string& set, std::vector<Judged>* all) {
  SetScore result;
  for (const LabelledPicture& picture : run.pictures) {
    if (set.empty() || picture.set == set) ++result.images;
  }
  for (std::size_t name = 0; name < run.names.size(); ++name) {
    if (!run.known[name]) continue;
    const std::vector<ClassInPicture> pictures = gather(run, name, set);
    std::vector<Judged> judged;
    for (const ClassInPicture& picture : pictures) {
      const std::vector<Judged> some = judge(picture, 0.5);
      judged.insert(judged.end(), some.begin(), some.end());
    }
    if (all != nullptr) all->insert(all->end(), judged.begin(), judged.end());
    const auto precision = average_precision(pictures);
    if (!precision) continue;
    result.classes.push_back(
        {run.names[name], *precision, pictures.size(), reliability(judged, kLeastReliableScore)});
    result.ap50 += precision->ap50;
    result.ap += precision->ap;
  }
  const auto count = static_cast<double>(std::max<std::size_t>(1, result.classes.size()));
  result.ap50 /= count;
  result.ap /= count;
  return result;
}

}  // namespace

bool DetectionRun::labelled(std::size_t picture, std::size_t name) const {
  const std::vector<int>& classes = pictures[picture].labelled_classes;
  return std::any_of(classes.begin(), classes.end(), [&](int index) {
    return name_of_class[static_cast<std::size_t>(index)] == name;
  });
}

DetectionRun detect(Perception& perception, const std::vector<std::string>& labels,
                    const ObjectCatalog& catalog, const std::filesystem::path& folder,
                    const Choice& choice, double hfov_deg, const EvalProgress& progress) {
  const DataFiles files(folder);
  DetectionRun run;
  std::unordered_map<std::string, std::size_t> index;
  const std::vector<std::string> classes = read_classes(folder);
  for (const std::string& label : classes) {
    const auto [place, added] = index.emplace(catalog.find(label).name, run.names.size());
    if (added) run.names.push_back(place->first);
    run.name_of_class.push_back(place->second);
  }
  run.known.resize(run.names.size(), false);
  for (const std::string& label : labels) {
    const auto place = index.find(catalog.find(label).name);
    if (place != index.end()) run.known[place->second] = true;
  }
  run.pictures = read_labelled(folder, choice, classes.size());
  for (const LabelledPicture& picture : run.pictures) {
    const double focal_px = Intrinsics::from_hfov(hfov_deg, picture.width, picture.height).fx;
    const Frame frame = read_picture(files, picture.file, picture.width, picture.height, focal_px);
    const Sighting sighting = look(perception, frame, picture.file);
    std::vector<FoundObject>& found = run.found.emplace_back();
    for (const Detection& detection : sighting.detections.items) {
      const auto place = index.find(catalog.find(sighting.detections.label(detection)).name);
      if (place == index.end()) continue;
      found.push_back({place->second, detection.box, detection.score});
    }
    if (progress) progress(run.found.size(), run.pictures.size());
  }
  return run;
}

DetectionScore score(const DetectionRun& run) {
  DetectionScore result;
  std::vector<Judged> judged;
  result.all = score_set(run, "", &judged);
  if (result.all.classes.empty()) {
    throw Error(ExitCode::source,
                "no picture of this split has an object of a class that the network knows: there "
                "is nothing to measure");
  }
  result.reliability = reliability(judged, kLeastReliableScore);
  for (const LabelledPicture& picture : run.pictures) result.sets[picture.set];
  for (auto& [set, of_set] : result.sets) of_set = score_set(run, set, nullptr);
  for (std::size_t name = 0; name < run.names.size(); ++name) {
    if (run.known[name]) continue;
    const bool any =
        std::any_of(run.pictures.begin(), run.pictures.end(), [&](const LabelledPicture& picture) {
          return std::any_of(
              picture.objects.begin(), picture.objects.end(), [&](const LabelledObject& object) {
                return run.name_of_class[static_cast<std::size_t>(object.class_id)] == name;
              });
        });
    if (any) result.unknown.push_back(run.names[name]);
  }
  return result;
}

}  // namespace lazarillo
