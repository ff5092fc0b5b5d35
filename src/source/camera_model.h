#pragma once

#include <memory>

#include "source/lens.h"
#include "source/source.h"

namespace lazarillo {

/// The camera that a source's options describe, for pictures of the size they turn out to have.
/// Private to source/; not thread-safe.
class CameraModel {
 public:
  explicit CameraModel(const SourceOptions& options)
      : hfov_deg_(options.hfov_deg),
        // A straightened picture has the field of view it was given.
        assumed_(options.hfov_assumed && !options.lens),
        given_(options.lens) {}

  [[nodiscard]] Intrinsics intrinsics(int width, int height) const {
    return Intrinsics::from_hfov(hfov_deg_, width, height, assumed_);
  }

  /// The same one as long as the pictures' size stays; null: a pinhole camera.
  [[nodiscard]] std::shared_ptr<const Lens> lens(int width, int height) {
    if (!given_) return nullptr;
    if (!lens_ || lens_->camera().width != width || lens_->camera().height != height) {
      lens_ = std::make_shared<const Lens>(given_->resized(width, height));
    }
    return lens_;
  }

 private:
  double hfov_deg_;
  bool assumed_;
  std::shared_ptr<const Lens> given_;
  std::shared_ptr<const Lens> lens_;  ///< of the pictures' size
};

}  // namespace lazarillo
