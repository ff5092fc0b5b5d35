#pragma once

#include <optional>
#include <string>
#include <vector>

namespace lazarillo {

/// One way a camera gives its pictures.
struct CameraMode {
  std::string format;  ///< as GStreamer has it: "YUY2", "NV12"; "JPEG" and "H264" are compressed
  int width = 0, height = 0;
  double fps = 0;        ///< as it declares; in bad light many give fewer
  double least_fps = 0;  ///< less than fps: it can be set to any rate between

  [[nodiscard]] bool is_compressed() const { return format == "JPEG" || format == "H264"; }
  /// "1280x720 JPEG, 60 a second"
  [[nodiscard]] std::string text() const;
  bool operator==(const CameraMode&) const = default;
};

/// What a camera offers, by the text of its GStreamer caps; formats that cannot be used are left
/// out.
[[nodiscard]] std::vector<CameraMode> camera_modes(const std::string& caps);

/// What a V4L2 camera offers; the camera is opened, not started. Throws Error(source) when it
/// cannot be: not there, in use, no permission.
[[nodiscard]] std::vector<CameraMode> modes_of(const std::string& device);

/// Which mode is wanted.
struct ModeWish {
  int width = 0, height = 0;     ///< 0: the best
  double fps = 0;                ///< 0: the best
  std::string format;            ///< empty: the best
  bool compressed_only = false;  ///< the NVIDIA card decodes these itself
};

/// "auto", or any of "1280x720", "@30" and "JPEG" in this order: "1280x720@30 JPEG". Throws
/// Error(usage).
[[nodiscard]] ModeWish mode_wish(const std::string& text);

/// The best mode that the wish allows; nullopt: there is none. Best is the one with the largest
///   min(fps, 60) * sqrt(min(width * height, 1280 * 720))
/// (our choice): more of either does not help the networks; twice the rate is worth four times the
/// pixels. Among equals the one that is not compressed, then the smallest.
[[nodiscard]] std::optional<CameraMode> best_mode(const std::vector<CameraMode>& modes,
                                                  const ModeWish& wish);

/// The GStreamer caps that ask for a mode.
[[nodiscard]] std::string caps_of(const CameraMode& mode);

}  // namespace lazarillo
