#pragma once

#include <memory>

#include "see/motion.h"

// What stands behind MotionMeter where pictures lie in the memory of an NVIDIA card. Private to
// see/.

namespace lazarillo {

/// Reduces, registers and compares on the card: of each picture 112 bytes come back. The twin of
/// what MotionMeter does on the processor, of the picture's luma.
class CardMotion {
 public:
  virtual ~CardMotion() = default;
  CardMotion(const CardMotion&) = delete;
  CardMotion& operator=(const CardMotion&) = delete;

  /// `most_noise`: standard deviation of a residual that noise is granted at most, levels. Throws
  /// Error(vision) when the card fails.
  [[nodiscard]] virtual Motion measure(const Frame& frame, double most_noise) = 0;
  /// As MotionMeter::set_reference().
  virtual void set_reference() = 0;

 protected:
  CardMotion() = default;
};

/// Throws Error(model) when there is no card, no memory on it, or this program was built without.
[[nodiscard]] std::unique_ptr<CardMotion> make_card_motion();

}  // namespace lazarillo
