#include "eval/distance.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <unordered_map>

#include "error.h"
#include "eval/measured_floor.h"
#include "eval/picture.h"
#include "eval/quantile.h"
#include "track/range.h"

namespace lazarillo {
namespace {

constexpr double kLeastOverlap = 0.5;
constexpr double kLeastKnown = 0.5;

/// Part of the box's core (as range_from_depth takes it) whose depth is known.
double known_part(const DepthGrid& grid, const Box& box) {
  const auto cell = [&](double place, double offset, int size) {
    return std::clamp(static_cast<int>(std::lround(place * grid.scale + offset)), 0, size - 1);
  };
  const double inset_x = kMarginAcross * box.width();
  const double inset_y = kMarginDown * box.height();
  const int left = cell(box.x1 + inset_x, grid.offset_x, grid.width);
  const int right = cell(box.x2 - inset_x, grid.offset_x, grid.width);
  const int top = cell(box.y1 + inset_y, grid.offset_y, grid.height);
  const int bottom = cell(box.y2 - inset_y, grid.offset_y, grid.height);
  int known = 0;
  for (int y = top; y <= bottom; ++y) {
    const auto row = grid.values.begin() + static_cast<std::ptrdiff_t>(y) * grid.width;
    known +=
        static_cast<int>(std::count_if(row + left, row + right + 1, [](float v) { return v > 0; }));
  }
  return double(known) / ((right - left + 1) * (bottom - top + 1));
}

/// As Track::distance_m.
double along_ground(double depth_m, const Box& box, const View& view) {
  return depth_m * view.over_ground_at(box.centre_x(), box.centre_y()).distance();
}

/// One picture, and what there is to measure in it.
class Scene {
 public:
  Scene(const MeasuredPicture& picture, View true_view, View view, MetricDepth truth,
        Sighting sighting, const ObjectCatalog& catalog)
      : picture_(picture),
        true_view_(true_view),
        view_(view),
        truth_(std::move(truth)),
        sighting_(std::move(sighting)),
        catalog_(catalog) {
    for (float& value : truth_.depth_m.values) {
      if (!(value > kLeastTruth_m && value < kMostTruth_m)) value = 0;
    }
  }

  /// nullopt where the truth is not known.
  [[nodiscard]] std::optional<DistantObject> object(const std::string& name, const Box& box) const {
    if (known_part(truth_.depth_m, box) < kLeastKnown) return std::nullopt;
    const std::optional<Range> range = range_from_depth(truth_, box);
    if (!range) return std::nullopt;
    DistantObject object;
    object.file = picture_.file;
    object.set = picture_.set;
    object.name = name;
    object.box = box;
    object.truth_m = along_ground(range->depth_m, box, true_view_);
    return object;
  }

  void find(DistantObject& object, const Detection& detection) const {
    std::optional<Range> depth = range_of(detection, metric_map(sighting_.depth));
    if (depth) depth = calibrated(*depth);
    const std::optional<Range> height =
        range_from_height(catalog_.find(object.name), detection.box, view_);
    const auto told = [&](const std::optional<Range>& range) {
      return range ? std::optional(along_ground(range->depth_m, detection.box, view_))
                   : std::nullopt;
    };
    const std::optional<Range> range = object_range(depth, height);
    object.found = true;
    object.score = detection.score;
    object.distance_m = told(range);
    const auto at = [&](const View& view) {
      return view.over_ground_at(detection.box.centre_x(), detection.box.centre_y());
    };
    if (range) object.sigma_relative = std::hypot(range->sigma_relative, view_.lean(at(view_)));
    object.bearing_error_deg =
        (at(view_).bearing_rad() - at(true_view_).bearing_rad()) * 180 / std::numbers::pi;
    object.depth_m = told(depth);
    object.height_m = told(height);
  }

  [[nodiscard]] std::string name_of(const Detection& detection) const {
    return catalog_.find(sighting_.detections.label(detection)).name;
  }
  [[nodiscard]] const std::vector<Detection>& detections() const {
    return sighting_.detections.items;
  }

 private:
  const MeasuredPicture& picture_;
  View true_view_;  ///< of a camera that knows how it is held
  View view_;
  MetricDepth truth_;
  Sighting sighting_;
  const ObjectCatalog& catalog_;
};

void add_found(const Scene& scene, std::vector<DistantObject>& objects) {
  for (const Detection& detection : scene.detections()) {
    std::optional<DistantObject> object = scene.object(scene.name_of(detection), detection.box);
    if (!object) continue;
    scene.find(*object, detection);
    objects.push_back(std::move(*object));
  }
}

/// The surest detection chooses first, as in judge().
void add_labelled(const Scene& scene, const LabelledPicture& picture,
                  const std::vector<std::string>& names, std::vector<DistantObject>& objects) {
  std::vector<DistantObject> here;
  for (const LabelledObject& labelled : picture.objects) {
    std::optional<DistantObject> object =
        scene.object(names[static_cast<std::size_t>(labelled.class_id)], labelled.box);
    if (!object) continue;
    object->labelled = true;
    here.push_back(std::move(*object));
  }
  for (const Detection& detection : scene.detections()) {
    DistantObject* best = nullptr;
    for (DistantObject& object : here) {
      const float overlap = iou(object.box, detection.box);
      if (object.found || object.name != scene.name_of(detection) || overlap < kLeastOverlap) {
        continue;
      }
      if (best == nullptr || overlap > iou(best->box, detection.box)) best = &object;
    }
    if (best != nullptr) scene.find(*best, detection);
  }
  objects.insert(objects.end(), here.begin(), here.end());
}

DistanceErrors errors_of(const std::vector<const DistantObject*>& objects) {
  DistanceErrors errors;
  std::vector<double> relative;
  std::vector<double> absolute;
  std::vector<double> bearings;
  errors.objects = objects.size();
  for (const DistantObject* object : objects) {
    if (!object->distance_m) continue;
    ++errors.found;
    relative.push_back(object->relative_error());
    absolute.push_back(std::abs(object->relative_error()));
    bearings.push_back(std::abs(object->bearing_error_deg));
    errors.coverage.add(std::log(*object->distance_m / object->truth_m) / object->sigma_relative);
  }
  errors.median = quantile(absolute, 0.5);
  errors.p90 = quantile(absolute, 0.9);
  errors.bias = quantile(relative, 0.5);
  errors.bearing_p90_deg = quantile(bearings, 0.9);
  return errors;
}

template <class Wanted>
DistanceErrors errors_where(const std::vector<DistantObject>& objects, const Wanted& wanted) {
  std::vector<const DistantObject*> some;
  for (const DistantObject& object : objects) {
    if (wanted(object)) some.push_back(&object);
  }
  return errors_of(some);
}

}  // namespace

std::vector<DistantObject> measure_distances(Perception& perception, const ObjectCatalog& catalog,
                                             const std::filesystem::path& folder,
                                             const Choice& choice, Objects which,
                                             double least_score,
                                             std::optional<double> gravity_error_deg,
                                             const EvalProgress& progress) {
  const DataFiles files(folder);
  const std::vector<MeasuredPicture> pictures = read_measured(folder, choice);
  std::unordered_map<std::string, LabelledPicture> labelled;
  std::vector<std::string> names;
  if (which != Objects::found) {
    for (const std::string& label : read_classes(folder)) names.push_back(catalog.find(label).name);
    for (LabelledPicture& picture : read_labelled(folder, {choice.split, 0}, names.size())) {
      if (!picture.objects.empty()) labelled.emplace(picture.file, std::move(picture));
    }
  }
  std::vector<DistantObject> objects;
  std::minstd_rand random(1);
  std::size_t done = 0;
  for (const MeasuredPicture& picture : pictures) {
    const auto boxes = labelled.find(picture.file);
    if (boxes != labelled.end() || which != Objects::labelled) {
      const Frame frame =
          read_picture(files, picture.file, picture.width, picture.height, picture.focal_px);
      Sighting sighting = look(perception, frame, picture.file);
      std::erase_if(sighting.detections.items,
                    [&](const Detection& d) { return d.score < least_score; });
      MetricDepth truth = decode_depth(files.read(picture.depth), picture.depth, picture.width);
      View true_view(frame.intrinsics);
      true_view.down = picture.down ? *picture.down : down_of_room(truth, frame.intrinsics);
      View view(frame.intrinsics);
      if (gravity_error_deg) {
        const auto gravity = told_gravity(true_view.down, *gravity_error_deg, random);
        view.hold(gravity.down, gravity.deviation_deg);
      }
      const Scene scene(picture, true_view, view, std::move(truth), std::move(sighting), catalog);
      if (boxes != labelled.end()) {
        add_labelled(scene, boxes->second, names, objects);
      } else {
        add_found(scene, objects);
      }
    }
    if (progress) progress(++done, pictures.size());
  }
  if (objects.empty()) {
    throw Error(ExitCode::source,
                "no picture of this split has an object whose distance was "
                "measured: there is nothing to compare");
  }
  return objects;
}

DistanceScore score(const std::vector<DistantObject>& objects) {
  const auto in = [](const Band& band) {
    return [band](const DistantObject& o) {
      return o.truth_m >= band.from_m && o.truth_m < band.to_m;
    };
  };
  DistanceScore result;
  result.walkers = errors_where(objects, in(kWalkersBand));
  result.all = errors_where(objects, [](const DistantObject&) { return true; });
  for (const Band& band : kBands) result.bands.push_back(errors_where(objects, in(band)));
  std::map<std::string, std::vector<const DistantObject*>> classes;
  std::map<std::string, std::vector<const DistantObject*>> sets;
  for (const DistantObject& object : objects) {
    if (!in(kWalkersBand)(object)) continue;
    classes[object.name].push_back(&object);
    sets[object.set].push_back(&object);
  }
  for (const auto& [name, some] : classes) result.classes[name] = errors_of(some);
  for (const auto& [name, some] : sets) result.sets[name] = errors_of(some);
  return result;
}

}  // namespace lazarillo
