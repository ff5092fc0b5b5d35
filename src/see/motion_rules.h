#pragma once

// What counts as a change, for the processor (motion.cpp, registration.cpp) and for the card
// (cuda/motion.cu).

namespace lazarillo::motion_rules {

/// A pixel differs when its residual is beyond this many standard deviations: of 19,200 pixels of
/// pure noise one in a hundred frames has one.
inline constexpr double significant = 5;
/// Pixels that must differ for a cell to count. A walker of 12 x 30 in 768 x 576 has 16 here.
inline constexpr int least_pixels = 3;
/// Standard deviation of the residual that is always granted, in levels: two pictures rounded to
/// whole levels, and a codec that rounds a little more.
inline constexpr double least_noise = 0.5;
/// Standard deviation of one pixel of the noisiest sensor still granted (a cheap camera at night),
/// in levels; what is beyond is a change. It bounds the estimate, which half a picture that changed
/// would raise without end.
inline constexpr double most_sensor_noise = 30;
/// What smoothing by 1 2 1 both ways leaves of white noise: 6 / 16.
inline constexpr double smoothing = 0.375;
/// Standard deviation of the misplacement, in small pixels, that is always granted and granted at
/// most. Samples 3 to 5 to a small pixel put an edge some hundredths off, and so does a codec; and
/// no picture can be placed better than the lens distorts it and the shutter rolls over it. More is
/// parallax: a change.
inline constexpr double least_misplacement = 0.06;
inline constexpr double most_misplacement = 0.25;
/// A camera's exposure moves slowly; a step beyond this is somebody's hand or a light switch.
inline constexpr double most_gain = 2.5;
/// Added to brightness before it is compared, in levels: the dark is never quite black.
inline constexpr double darkness = 8;
/// Levels from here up may be clipped: averages of pixels that in part are.
inline constexpr float clipped_level = 245;
/// The median of the square of a normal variable of variance 1.
inline constexpr double median_of_square = 0.455;
/// Of a normal variable: standard deviation over median of the absolute value.
inline constexpr double sigma_of_median = 1.4826;

/// Bins of a histogram, and bins to a unit of what is counted.
inline constexpr int bins = 512;
inline constexpr float bins_of_noise = 16;          ///< to 32 levels
inline constexpr float bins_of_misplacement = 512;  ///< to a square pixel
inline constexpr float bins_of_residual = 4;        ///< to 128 levels

// Registration: the coarse start.
inline constexpr int outline_reach = 3;  ///< 12 finest pixels: wider than the next level catches up
inline constexpr double least_outline = 0.25;  ///< levels; less is noise, and stays small
/// Noise alone correlates to 0.15 somewhere, and a repeating pattern fits itself elsewhere:
/// standing still is believed unless something is clearly better, by more the further away it is.
inline constexpr double clearly = 0.15;
inline constexpr double cost_of_pixel = 0.005;

// Registration: the refinement. Unknown are the place of the reference (x, y, scale as pixels at
// the side), gain and offset.
inline constexpr int unknowns = 5;
/// Gauss-Newton doubles the right digits at every step; what needs more steps does not converge.
inline constexpr int most_steps = 5;
/// How far each unknown is expected to go without evidence, in finest pixels and levels: the motion
/// from where it is, gain and offset from 1 and 0. It weighs like the residuals that noise leaves,
/// so only pictures with hardly more texture than noise feel it. There it keeps the motion, has
/// brightness explained by exposure (gain) sooner than by stray light (offset), and keeps the gain
/// from falling because the noise of the reference is gone from the picture.
constexpr double expected(int unknown) { return unknown < 3 ? 4 : unknown == 3 ? 1 : 8; }
/// How far off a level's start is, in its pixels: the coarse start is within half a pixel of the
/// middle level, which leaves an eighth of a pixel of the finest; wider would let what moves slowly
/// by itself have its say.
constexpr double misplaced(bool finest_level) { return finest_level ? 0.125 : 0.5; }

}  // namespace lazarillo::motion_rules
