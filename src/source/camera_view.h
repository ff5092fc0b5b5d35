#pragma once

#include <memory>

#include "source/lens.h"
#include "source/source.h"

namespace lazarillo {

/// The widest straight picture that is made where nobody says how wide. Its edge is enlarged 2.4
/// times against its middle; that is 0.73 times as large as an equidistant lens of 100 degrees has
/// it, as large for one of 140, and 1.3 times for one of 180.
inline constexpr double kWidestStraightDeg = 100;

/// How wide the straight picture of a lens is where nobody says: as wide as the lens's own picture
/// on the farther side of its axis, kWidestStraightDeg at most; degrees.
[[nodiscard]] double straight_hfov_deg(const Lens& lens);

/// What a source tells of its pictures in each of its frames (Frame::intrinsics, Frame::lens).
struct CameraView {
  Intrinsics intrinsics;
  std::shared_ptr<const Lens> lens;  ///< null: pictures are those of `intrinsics`
};

/// Gives a camera its lens (null: none). Where nobody said how wide it sees, the lens does.
void set_lens(SourceOptions& options, std::shared_ptr<const Lens> lens);

/// The camera of SourceOptions for pictures of any size; one lens for all of a size that lasts. Not
/// thread-safe.
class CameraViews {
 public:
  /// `options`: hfov_deg, hfov_assumed and lens count. Throws Error(usage) for a field of view out
  /// of range.
  explicit CameraViews(const SourceOptions& options);

  /// Throws Error(usage) where pictures of this size have another shape than the ones that the lens
  /// was calibrated with: they are not of this camera, or cut.
  void check_shape(int width, int height) const;

  /// Valid until it is asked for another size.
  [[nodiscard]] const CameraView& of(int width, int height);

 private:
  std::shared_ptr<const Lens> lens_;
  double hfov_deg_;
  bool assumed_;
  int width_ = 0;
  int height_ = 0;
  CameraView view_;
};

}  // namespace lazarillo
