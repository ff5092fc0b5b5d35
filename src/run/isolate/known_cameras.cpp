#include "run/isolate/known_cameras.h"

#include <algorithm>
#include <string>
#include <utility>

#include "error.h"

namespace lazarillo {
namespace {

CameraViews views_of(SourceOptions options, std::shared_ptr<const Lens> lens) {
  set_lens(options, std::move(lens));
  return CameraViews(options);
}

}  // namespace

KnownCameras::KnownCameras(const SourceOptions& options) : views_{CameraViews(options)} {}

KnownCameras::KnownCameras(const SourceOptions& options, std::shared_ptr<const Rig> rig,
                           std::span<const std::shared_ptr<const Lens>> lenses)
    : rig_(std::move(rig)) {
  for (const auto& lens : lenses) views_.push_back(views_of(options, lens));
}

const CameraView& KnownCameras::of(int camera, int width, int height) {
  CameraViews& views = rig_ ? views_.at(static_cast<std::size_t>(camera)) : views_.front();
  return views.of(width, height);
}

void note_cameras(Source& source, const Lens* given, bool several, SharedState& state) {
  const std::vector<CameraInfo>& cameras = source.cameras();
  state.camera = cameras.at(0).intrinsics;
  std::shared_ptr<const Rig> rig;
  if (several) {
    if (const auto first = source.next(); first && first->set) rig = first->set->rig;
  }
  const std::size_t count = rig ? cameras.size() : 1;
  if (count > SharedState::kMostCameras) {
    throw Error(ExitCode::source, "--isolate is for " + std::to_string(SharedState::kMostCameras) +
                                      " cameras at most: name one with source.camera");
  }
  for (std::size_t i = 0; i < count; ++i) {
    const CameraInfo& info = cameras[i];
    SharedState::Camera& camera = state.cameras[i];
    const Lens* lens = info.lens ? info.lens.get() : given;
    if (lens != nullptr) camera.lens = {lens->camera(), lens->model(), lens->mounting()};
    const bool sideways = lens != nullptr && lens->mounting().quarter_turns % 2 != 0;
    camera.width = sideways ? info.intrinsics.height : info.intrinsics.width;
    camera.height = sideways ? info.intrinsics.width : info.intrinsics.height;
    if (!rig) continue;
    info.name.copy(camera.name.data(), camera.name.size() - 1);
    camera.place = rig->cameras.at(i).place;
  }
  state.camera_count = count;
  if (rig) state.px_per_rad = rig->px_per_rad;
}

void check_cameras(const Source& source, const SharedState& state) {
  if (state.px_per_rad == 0) return;
  const auto* noted = state.cameras.data();
  const bool same = std::equal(
      source.cameras().begin(), source.cameras().end(), noted, noted + state.camera_count,
      [](const CameraInfo& a, const SharedState::Camera& b) { return a.name == b.name.data(); });
  if (!same) {
    throw Error(ExitCode::source, "the cameras are not those that were there at the start");
  }
}

std::shared_ptr<const Lens> lens_of(const SharedState::Camera& camera) {
  if (!camera.lens) return nullptr;
  const auto& [own, model, mounting] = *camera.lens;
  return std::make_shared<const Lens>(own, model, mounting);
}

KnownCameras known_cameras(const SourceOptions& options, const SharedState& state) {
  if (state.px_per_rad == 0) return KnownCameras(options);
  auto rig = std::make_shared<Rig>();
  rig->px_per_rad = state.px_per_rad;
  std::vector<std::shared_ptr<const Lens>> lenses;
  for (std::size_t i = 0; i < state.camera_count; ++i) {
    const SharedState::Camera& camera = state.cameras[i];
    rig->cameras.push_back({camera.name.data(), camera.place});
    lenses.push_back(lens_of(camera));
  }
  return {options, std::move(rig), lenses};
}

}  // namespace lazarillo
