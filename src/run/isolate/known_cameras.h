#pragma once

#include <memory>
#include <span>
#include <vector>

#include "run/isolate/shared_state.h"
#include "source/camera_view.h"
#include "source/rig.h"
#include "source/source.h"

namespace lazarillo {

/// The cameras that are looked through, as every process of a run inherits them: neither lens nor
/// place travels with frames. Not thread-safe.
class KnownCameras {
 public:
  /// One camera. `options`: as CameraViews.
  explicit KnownCameras(const SourceOptions& options);
  /// Several as one view, with a lens of each; null: it is a pinhole camera.
  KnownCameras(const SourceOptions& options, std::shared_ptr<const Rig> rig,
               std::span<const std::shared_ptr<const Lens>> lenses);

  /// Valid until it is asked for another size of this camera. Throws std::out_of_range for a camera
  /// that is none of several.
  [[nodiscard]] const CameraView& of(int camera, int width, int height);
  /// null: one camera.
  [[nodiscard]] const std::shared_ptr<const Rig>& rig() const { return rig_; }

 private:
  std::shared_ptr<const Rig> rig_;
  std::vector<CameraViews> views_;
};

/// Writes down what an open source tells of its cameras. `given`: the lens that settings named, or
/// null. `several`: they are one view; takes the first frame. Throws Error(source) where they are
/// too many.
void note_cameras(Source& source, const Lens* given, bool several, SharedState& state);

/// Whether a source that was opened anew has the cameras that were noted. Throws Error(source).
void check_cameras(const Source& source, const SharedState& state);

/// null: the camera has none.
[[nodiscard]] std::shared_ptr<const Lens> lens_of(const SharedState::Camera& camera);

/// `options`: how the source was opened.
[[nodiscard]] KnownCameras known_cameras(const SourceOptions& options, const SharedState& state);

}  // namespace lazarillo
