#include "source/calibration_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numbers>
#include <system_error>

#include "error.h"
#include "source/calibration_parts.h"

namespace lazarillo {
namespace {

using Json = nlohmann::json;

constexpr std::uintmax_t kMostBytes = 1 << 20;
constexpr double kLargestSide = 16384;

std::string text_of(const std::filesystem::path& file) {
  const std::string origin = file.string();
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (!std::filesystem::exists(status)) refuse_calibration(origin, "there is no such calibration");
  if (!std::filesystem::is_regular_file(status)) refuse_calibration(origin, "it is not a file");
  const auto size = std::filesystem::file_size(file, error);
  if (!error && size > kMostBytes) {
    refuse_calibration(origin, fmt::format("it has {} bytes: too large to be a calibration", size));
  }
  std::ifstream stream(file, std::ios::binary);
  std::string text(error ? 0 : size, '\0');
  if (!stream.read(text.data(), static_cast<std::streamsize>(text.size()))) {
    refuse_calibration(origin, "the calibration cannot be read");
  }
  return text;
}

/// Pixels from the principal point to the picture's nearest edge, or to where nothing is seen.
double nearest_end(const Lens& lens) {
  const Intrinsics& c = lens.camera();
  return std::min({c.cx + 0.5, c.cy + 0.5, c.width - 0.5 - c.cx, c.height - 0.5 - c.cy,
                   lens.mounting().valid_radius_px});
}

double number_at(const Json& camera, const char* key, const std::string& origin) {
  const auto found = camera.find(key);
  if (found == camera.end()) refuse_calibration(origin, fmt::format("'{}' is missing", key));
  if (!found->is_number()) refuse_calibration(origin, fmt::format("'{}' is not a number", key));
  return found->get<double>();
}

double number_at(const Json& camera, const char* key, const std::string& origin, double absent) {
  const auto found = camera.find(key);
  return found == camera.end() || found->is_null() ? absent : number_at(camera, key, origin);
}

std::vector<double> numbers_at(const Json& camera, const char* key, const std::string& origin) {
  const auto found = camera.find(key);
  if (found == camera.end()) refuse_calibration(origin, fmt::format("'{}' is missing", key));
  // A matrix may be written row by row.
  const bool rows =
      found->is_array() && !found->empty() &&
      std::all_of(found->begin(), found->end(), [](const Json& j) { return j.is_array(); });
  Json flat = rows ? Json::array() : *found;
  if (rows) {
    for (const Json& row : *found) flat.insert(flat.end(), row.begin(), row.end());
  }
  const bool all = flat.is_array() && std::all_of(flat.begin(), flat.end(),
                                                  [](const Json& j) { return j.is_number(); });
  if (!all) refuse_calibration(origin, fmt::format("'{}' is not a list of numbers", key));
  return flat.get<std::vector<double>>();
}

template <std::size_t n>
void take(const std::vector<double>& from, std::size_t first, std::array<double, n>& to) {
  std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(first), n, to.begin());
}

/// Sets focal lengths, principal point and model.
void set_model(const std::string& name, const std::vector<double>& p, DescribedCamera& camera) {
  const auto need = [&](std::size_t count) {
    if (p.size() == count) return;
    refuse_calibration(camera.origin,
                       fmt::format("'{}' has {} parameters, must have {}", name, p.size(), count));
  };
  if (name == "fisheye624" || name == "fisheye62") {
    need(name == "fisheye624" ? 15 : 11);
    Fisheye624 model;
    take(p, 3, model.k);
    take(p, 9, model.p);
    if (p.size() == 15) take(p, 11, model.s);
    camera.fx = camera.fy = p[0];
    camera.cx = p[1];
    camera.cy = p[2];
    camera.model = model;
    return;
  }
  if (name == "linear" || name == "pinhole") need(4);
  const bool fisheye = name == "kannala_brandt" || name == "kannala-brandt-k3";
  if (fisheye) need(8);
  if (p.size() < 4) refuse_calibration(camera.origin, "'parameters' must begin with fx fy cx cy");
  camera.fx = p[0];
  camera.fy = p[1];
  camera.cx = p[2];
  camera.cy = p[3];
  const std::vector<double> rest(p.begin() + 4, p.end());
  if (name == "linear" || name == "pinhole" || name == "brown_conrady") {
    camera.model = brown_conrady(rest, camera.origin);
  } else if (fisheye) {
    camera.model = kannala_brandt(rest, camera.origin);
  } else {
    refuse_calibration(camera.origin,
                       fmt::format("the model '{}' is not known: fisheye624, fisheye62, "
                                   "kannala_brandt, brown_conrady, pinhole and linear are",
                                   name));
  }
}

CameraCalibration from_json(const std::string& name, const Json& j, const std::string& origin) {
  if (!j.is_object()) refuse_calibration(origin, "it is no JSON object");
  DescribedCamera camera;
  camera.origin = origin;
  const auto model = j.find("model");
  if (model == j.end() || !model->is_string()) {
    refuse_calibration(origin, "'model' is missing, or no text");
  }
  set_model(model->get<std::string>(), numbers_at(j, "parameters", origin), camera);
  camera.width = number_at(j, "width", origin);
  camera.height = number_at(j, "height", origin);
  const double turns = number_at(j, "quarter_turns", origin, 0);
  if (turns != std::floor(turns) || std::abs(turns) > 3) {
    refuse_calibration(origin, "'quarter_turns' must be 0, 1, 2 or 3");
  }
  camera.mounting.quarter_turns = static_cast<int>(turns);
  camera.mounting.valid_radius_px =
      number_at(j, "valid_radius", origin, camera.mounting.valid_radius_px);
  CameraCalibration calibration;
  calibration.name = name;
  calibration.lens = plausible_lens(camera);
  if (j.contains("T_device_camera")) {
    const std::vector<double> pose = numbers_at(j, "T_device_camera", origin);
    if (pose.size() != 12) {
      refuse_calibration(origin, "'T_device_camera' must have 12 numbers, 3 x 4 row by row");
    }
    take(pose, 0, calibration.device_from_camera);
  }
  calibration.time_offset_s = number_at(j, "time_offset_s", origin, 0);
  calibration.readout_s = number_at(j, "readout_s", origin, 0);
  return calibration;
}

std::string names_of(const std::vector<CameraCalibration>& cameras) {
  std::string names;
  for (const CameraCalibration& camera : cameras) {
    names += (names.empty() ? "" : ", ") + camera.name;
  }
  return names;
}

}  // namespace

void refuse_calibration(const std::string& origin, const std::string& problem) {
  throw Error(ExitCode::usage, "'" + origin + "': " + problem);
}

void check_unfolded(const Lens& lens, const std::string& origin) {
  // A fisheye lens's picture may end in a circle within.
  constexpr double kMostOfAhead = 75.0 / 180 * std::numbers::pi;
  if (lens.widest_rad() >= kMostOfAhead) return;
  const double end = nearest_end(lens);
  for (int i = 0; i < 24; ++i) {
    const double direction = 2 * std::numbers::pi * i / 24;
    const double aside = std::sin(lens.widest_rad());
    const auto at = lens.project(aside * std::cos(direction), aside * std::sin(direction),
                                 std::cos(lens.widest_rad()));
    // Outside the valid radius: far enough.
    if (at && std::hypot(at->x - lens.camera().cx, at->y - lens.camera().cy) < end) {
      refuse_calibration(origin, fmt::format("with these coefficients the lens folds back {:.1f} "
                                             "degrees from its axis, within the picture: calibrate "
                                             "again, with views that reach its corners",
                                             lens.widest_rad() * 180 / std::numbers::pi));
    }
  }
}

BrownConrady brown_conrady(const std::vector<double>& k, const std::string& origin) {
  const bool rest_used = std::any_of(k.begin() + std::min<std::ptrdiff_t>(8, std::ssize(k)),
                                     k.end(), [](double v) { return v != 0; });
  const auto count = k.size();
  if (rest_used ||
      (count != 0 && count != 4 && count != 5 && count != 8 && count != 12 && count != 14)) {
    refuse_calibration(origin,
                       fmt::format("a usual lens has 0, 4, 5 or 8 coefficients (k1 k2 p1 p2 "
                                   "k3 k4 k5 k6), not {}{}",
                                   count, rest_used ? " with thin prism or tilt" : ""));
  }
  const auto at = [&](std::size_t i) { return i < count ? k[i] : 0; };
  return {at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)};
}

KannalaBrandt kannala_brandt(const std::vector<double>& k, const std::string& origin) {
  if (k.size() != 4) {
    refuse_calibration(
        origin, fmt::format("a fisheye lens has 4 coefficients (k1 k2 k3 k4), not {}", k.size()));
  }
  return {{k[0], k[1], k[2], k[3]}};
}

std::shared_ptr<const Lens> plausible_lens(const DescribedCamera& c) {
  const auto side = [](double length) {
    return length >= 1 && length <= kLargestSide && length == std::floor(length);
  };
  if (!side(c.width) || !side(c.height)) {
    refuse_calibration(c.origin,
                       fmt::format("a picture cannot be {} x {} pixels", c.width, c.height));
  }
  // The negated comparisons also refuse NaN.
  if (!(c.fx > 0 && c.fy > 0) || !(c.fx < 100 * c.width) || !(c.fy < 100 * c.height) ||
      !(c.fx / c.fy > 0.5 && c.fx / c.fy < 2)) {
    refuse_calibration(c.origin,
                       fmt::format("the focal lengths {} and {} pixels cannot be those of "
                                   "a camera with pictures of {} x {}",
                                   c.fx, c.fy, c.width, c.height));
  }
  if (!(c.cx >= 0 && c.cx <= c.width && c.cy >= 0 && c.cy <= c.height)) {
    refuse_calibration(c.origin,
                       fmt::format("the principal point ({}, {}) is not in the picture of "
                                   "{} x {} pixels",
                                   c.cx, c.cy, c.width, c.height));
  }
  std::shared_ptr<const Lens> lens;
  try {
    lens =
        std::make_shared<const Lens>(Intrinsics{c.fx, c.fy, c.cx, c.cy, static_cast<int>(c.width),
                                                static_cast<int>(c.height), false},
                                     c.model, c.mounting);
  } catch (const Error& error) {
    refuse_calibration(c.origin, error.what());
  }
  check_unfolded(*lens, c.origin);
  return lens;
}

std::vector<CameraCalibration> calibrations_from_json(const std::string& text,
                                                      const std::string& origin) {
  Json document;
  try {
    document = Json::parse(text);
  } catch (const Json::parse_error& error) {
    refuse_calibration(origin, fmt::format("it is not JSON at byte {}", error.byte));
  } catch (const Json::out_of_range&) {
    refuse_calibration(origin, "it has a number that is too large");
  }
  const auto cameras = document.is_object() ? document.find("cameras") : document.end();
  if (!document.is_object() || cameras == document.end() || !cameras->is_structured() ||
      cameras->empty()) {
    refuse_calibration(origin, "it has no object 'cameras' with at least one camera");
  }
  std::vector<CameraCalibration> read;
  if (cameras->is_array()) {
    for (const Json& camera : *cameras) {
      const auto name = camera.is_object() ? camera.find("name") : camera.end();
      if (!camera.is_object() || name == camera.end() || !name->is_string()) {
        refuse_calibration(origin, "it has a camera without a 'name'");
      }
      read.push_back(from_json(*name, camera, origin + "#" + name->get<std::string>()));
    }
    return read;
  }
  for (const auto& [name, camera] : cameras->items()) {
    read.push_back(from_json(name, camera, origin + "#" + name));
  }
  return read;
}

std::vector<CameraCalibration> read_calibrations(const std::filesystem::path& file) {
  const std::string text = text_of(file);
  const std::string origin = file.string();
  const auto begin = text.find_first_not_of(" \t\r\n");
  const std::string_view content =
      begin == std::string::npos ? std::string_view() : std::string_view(text).substr(begin);
  if (content.empty()) refuse_calibration(origin, "it is empty");
  if (text.find('\0') != std::string::npos) {
    refuse_calibration(origin, "it is no text: a calibration is YAML, XML or JSON");
  }
  if (content.starts_with("{")) return calibrations_from_json(text, origin);
  if (content.starts_with("%YAML") || content.starts_with("<?xml") ||
      content.starts_with("<opencv_storage")) {
    return calibrations_from_opencv(text, origin);
  }
  return calibrations_from_kalibr(text, origin);
}

CameraCalibration read_calibration(const std::string& file_and_camera) {
  const auto mark = file_and_camera.rfind('#');
  std::error_code error;
  const bool whole = mark == std::string::npos || std::filesystem::exists(file_and_camera, error);
  const std::string file = whole ? file_and_camera : file_and_camera.substr(0, mark);
  std::vector<CameraCalibration> cameras = read_calibrations(file);
  if (whole) {
    if (cameras.size() == 1) return cameras.front();
    refuse_calibration(file,
                       fmt::format("it has {} cameras ({}): name one, as in {}#{}", cameras.size(),
                                   names_of(cameras), file, cameras.front().name));
  }
  const std::string name = file_and_camera.substr(mark + 1);
  for (const CameraCalibration& camera : cameras) {
    if (camera.name == name) return camera;
  }
  const std::string names = names_of(cameras);
  refuse_calibration(file,
                     fmt::format("it has no camera '{}'{}", name,
                                 names.empty() ? ": leave out the name" : ": it has " + names));
}

}  // namespace lazarillo
