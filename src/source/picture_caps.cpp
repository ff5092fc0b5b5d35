#include "source/picture_caps.h"

#include <algorithm>

namespace lazarillo {
namespace {

bool is_picture(std::string_view caps_name) {
  return caps_name.starts_with("video/") || caps_name.starts_with("image/");
}

}  // namespace

bool is_bystander(std::string_view caps_name) {
  return caps_name.starts_with("audio/") || caps_name.starts_with("text/") ||
         caps_name.starts_with("subpicture/") || caps_name.starts_with("closedcaption/") ||
         caps_name.starts_with("application/x-subtitle") || caps_name.starts_with("meta/");
}

std::string_view name_of(const GstCaps* caps) {
  if (caps == nullptr || gst_caps_get_size(caps) == 0) return "";
  return gst_structure_get_name(gst_caps_get_structure(caps, 0));
}

std::string size_complaint(const GstCaps* caps, int largest_side) {
  if (!is_picture(name_of(caps))) return "";
  const GstStructure* s = gst_caps_get_structure(caps, 0);
  int width = 0;
  int height = 0;
  if (gst_structure_get_int(s, "width", &width) == FALSE ||
      gst_structure_get_int(s, "height", &height) == FALSE) {
    return "";
  }
  int par_n = 1;
  int par_d = 1;
  double shown_width = width;
  if (gst_structure_get_fraction(s, "pixel-aspect-ratio", &par_n, &par_d) != FALSE && par_n > 0 &&
      par_d > 0) {
    shown_width = shown_width * par_n / par_d;
  }
  const std::string size = std::to_string(width) + " x " + std::to_string(height);
  if (width <= 0 || height <= 0 || shown_width < 1)
    return "declares pictures of " + size + " pixels";
  if (std::max({static_cast<double>(width), static_cast<double>(height), shown_width}) >
      largest_side) {
    return "declares pictures of " + size + " pixels; the largest side that can be used is " +
           std::to_string(largest_side);
  }
  return "";
}

}  // namespace lazarillo
