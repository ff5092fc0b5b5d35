#include "source/calibration_file.h"

#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <random>

#include "error.h"
#include "media.h"

namespace lazarillo {
namespace {

using test::write_file;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// As OpenCV 4.6 writes it (cv::FileStorage), the keys of its calibration sample.
constexpr const char* kOpenCv = R"(%YAML:1.0
---
calibration_time: "Thu 26 Nov 2026"
image_width: 640
image_height: 480
camera_matrix: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 5.3591573396163199e+02, 0., 3.4228315473308373e+02, 0.,
       5.3591573396163199e+02, 2.3557082909788173e+02, 0., 0., 1. ]
distortion_coefficients: !!opencv-matrix
   rows: 5
   cols: 1
   dt: d
   data: [ -2.6637260909660682e-01, -3.8588898922304653e-02,
       1.7831947042852964e-03, -2.8122100441115472e-04,
       2.3839153080878486e-01 ]
avg_reprojection_error: 3.9259109564815858e-01
)";

constexpr const char* kKalibr = R"(cam0:
  cam_overlaps: [1]
  camera_model: pinhole
  distortion_coeffs: [-0.28, 0.07, 0.0002, 1.8e-05]
  distortion_model: radtan
  intrinsics: [458.6, 457.3, 367.2, 248.4]
  resolution: [752, 480]
  rostopic: /cam0/image_raw
cam1:
  T_cn_cnm1:
  - [0.0, -1.0, 0.0, 0.11]
  - [1.0, 0.0, 0.0, 0.02]
  - [0.0, 0.0, 1.0, -0.03]
  - [0.0, 0.0, 0.0, 1.0]
  camera_model: pinhole
  distortion_coeffs: [0.02, -0.01, 0.003, -0.0006]
  distortion_model: equidistant
  intrinsics: [300.5, 301.5, 320.0, 240.0]
  resolution: [640, 480]
  timeshift_cam_imu: 0.005
)";

constexpr const char* kJson = R"({"cameras": {
  "rgb": {"model": "fisheye624", "width": 1408, "height": 1408, "quarter_turns": 1,
    "valid_radius": 707.5,
    "parameters": [611, 702.5, 706.25, 0.41, -0.49, 0.21, 1.02, -1.6, 0.62, 5e-4, -3e-4,
                   -4e-4, 2e-4, 3e-4, -1.5e-4],
    "T_device_camera": [1, 0, 0, 0.1, 0, 0, -1, 0.2, 0, 1, 0, 0.3], "readout_s": 0.016},
  "side": {"model": "linear", "width": 512, "height": 500, "parameters": [280, 281, 255.5, 250]}
}})";

class CalibrationFile : public testing::Test {
 protected:
  std::filesystem::path write(const std::string& text) {
    const auto file = dir_ / "camera.yaml";
    write_file(file, text);
    return file;
  }
  /// The message of a file that is refused: one line that names it.
  std::string refusal(const std::string& text, const std::string& camera = "") {
    const auto file = write(text);
    try {
      (void)read_calibration(file.string() + camera);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      EXPECT_THAT(error.what(), AllOf(HasSubstr(file.string()), Not(HasSubstr("\n"))));
      return error.what();
    }
    ADD_FAILURE() << "accepted: " << text.substr(0, 200);
    return "";
  }
  static std::string with(std::string text, const std::string& what, const std::string& other) {
    const auto at = text.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    return text.replace(at, what.size(), other);
  }

  test::TempDir dir_;
};

TEST_F(CalibrationFile, OpenCvsYamlIsRead) {
  const CameraCalibration read = read_calibration(write(kOpenCv).string());
  EXPECT_DOUBLE_EQ(read.lens->camera().fx, 535.91573396163199);
  EXPECT_DOUBLE_EQ(read.lens->camera().cy, 235.57082909788173);
  EXPECT_EQ(read.lens->camera().width, 640);
  EXPECT_EQ(read.lens->camera().height, 480);
  EXPECT_EQ(std::get<BrownConrady>(read.lens->model()),
            (BrownConrady{-0.26637260909660682, -0.038588898922304653, 0.0017831947042852964,
                          -0.00028122100441115472, 0.23839153080878486}));
}

TEST_F(CalibrationFile, OpenCvsXmlAndFisheyeAreRead) {
  const CameraCalibration read = read_calibration(write(R"(<?xml version="1.0"?>
<opencv_storage>
<image_width>800</image_width><image_height>600</image_height>
<fisheye_model>1</fisheye_model>
<camera_matrix type_id="opencv-matrix"><rows>3</rows><cols>3</cols><dt>d</dt>
<data>300. 0. 400. 0. 301. 299. 0. 0. 1.</data></camera_matrix>
<distortion_coefficients type_id="opencv-matrix"><rows>4</rows><cols>1</cols><dt>d</dt>
<data>0.1 -0.02 0.003 -0.0004</data></distortion_coefficients>
</opencv_storage>
)")
                                                      .string());
  EXPECT_EQ(read.lens->camera().fy, 301);
  EXPECT_EQ(std::get<KannalaBrandt>(read.lens->model()).k,
            (std::array{0.1, -0.02, 0.003, -0.0004}));
}

TEST_F(CalibrationFile, KalibrsCamerasAreReadWithTheirPlaces) {
  const auto file = write(kKalibr).string();
  EXPECT_EQ(read_calibrations(file).size(), 2U);
  const CameraCalibration first = read_calibration(file + "#cam0");
  EXPECT_EQ(std::get<BrownConrady>(first.lens->model()),
            (BrownConrady{-0.28, 0.07, 0.0002, 1.8e-05}));
  EXPECT_EQ(first.lens->camera().cx, 367.2);
  const CameraCalibration second = read_calibration(file + "#cam1");
  EXPECT_EQ(second.name, "cam1");
  EXPECT_EQ(second.lens->camera().fy, 301.5);
  EXPECT_EQ(std::get<KannalaBrandt>(second.lens->model()).k[3], -0.0006);
  EXPECT_EQ(second.time_offset_s, 0.005);
  // T_cn_cnm1 brings a point of cam0's frame into cam1's: q = T p. Back again it must be p.
  const double p[3] = {0.3, -0.7, 2.0};
  const double q[3] = {-p[1] + 0.11, p[0] + 0.02, p[2] - 0.03};
  const auto& t = second.device_from_camera;
  for (std::size_t row = 0; row < 3; ++row) {
    EXPECT_NEAR(t[4 * row] * q[0] + t[4 * row + 1] * q[1] + t[4 * row + 2] * q[2] + t[4 * row + 3],
                p[row], 1e-12);
  }
}

TEST_F(CalibrationFile, ABridgesJsonIsRead) {
  const auto file = write(kJson).string();
  const CameraCalibration rgb = read_calibration(file + "#rgb");
  EXPECT_EQ(rgb.lens->mounting().quarter_turns, 1);
  EXPECT_EQ(rgb.lens->mounting().valid_radius_px, 707.5);
  EXPECT_EQ(rgb.lens->camera().fy, 611);
  EXPECT_EQ(rgb.lens->camera().cy, 706.25);
  const auto& model = std::get<Fisheye624>(rgb.lens->model());
  EXPECT_EQ(model.k[5], 0.62);
  EXPECT_EQ(model.p[1], -3e-4);
  EXPECT_EQ(model.s[3], -1.5e-4);
  EXPECT_EQ(rgb.device_from_camera[11], 0.3);
  EXPECT_EQ(rgb.readout_s, 0.016);
  EXPECT_TRUE(read_calibration(file + "#side").lens->straight());
}

TEST_F(CalibrationFile, OneOfSeveralCamerasMustBeNamed) {
  EXPECT_THAT(refusal(kKalibr), AllOf(HasSubstr("cam0, cam1"), HasSubstr("#cam0")));
  EXPECT_THAT(refusal(kKalibr, "#cam7"), AllOf(HasSubstr("'cam7'"), HasSubstr("cam0, cam1")));
  EXPECT_THAT(refusal(kOpenCv, "#cam0"), HasSubstr("leave out the name"));
}

TEST_F(CalibrationFile, AMissingFileIsTold) {
  EXPECT_THROW((void)read_calibration((dir_ / "nowhere.yaml").string()), Error);
  EXPECT_THROW((void)read_calibration(dir_.path().string()), Error);
}

TEST_F(CalibrationFile, WhatIsWrongIsTold) {
  EXPECT_THAT(refusal(""), HasSubstr("empty"));
  EXPECT_THAT(refusal("just words"), HasSubstr("no calibration that is known"));
  EXPECT_THAT(refusal("a: [1, 2"), HasSubstr("not YAML"));
  EXPECT_THAT(refusal(std::string("cam0: \0\1", 8)), HasSubstr("no text"));
  EXPECT_THAT(refusal(std::string((1 << 20) + 1, 'a')), HasSubstr("too large"));
  EXPECT_THAT(refusal(with(kOpenCv, "image_width: 640\n", "")), HasSubstr("'image_width'"));
  EXPECT_THAT(refusal(with(kOpenCv, "camera_matrix", "matrix")), HasSubstr("'camera_matrix'"));
  EXPECT_THAT(refusal(with(kOpenCv, "5.3591573396163199e+02", ".Nan")), HasSubstr("focal length"));
  EXPECT_THAT(refusal(with(kOpenCv, "3.4228315473308373e+02", "-3.4e+02")),
              HasSubstr("principal point"));
  EXPECT_THAT(refusal(with(kOpenCv, "-2.6637260909660682e-01", ".Nan")), HasSubstr("finite"));
  EXPECT_THAT(refusal(with(kOpenCv, "-2.6637260909660682e-01", "-5.0")), HasSubstr("folds back"));
  EXPECT_THAT(refusal(with(kOpenCv, "width: 640", "width: 0")), HasSubstr("0 x 480"));
  EXPECT_THAT(refusal(with(kOpenCv, "width: 640", "width: 6.5")), HasSubstr("6.5 x 480"));
  EXPECT_THAT(refusal(with(kOpenCv, "rows: 5", "rows: 500")), HasSubstr("OpenCV cannot read it"));
  EXPECT_THAT(refusal(std::string(kOpenCv).substr(0, 300)), HasSubstr("camera.yaml"));
  EXPECT_THAT(refusal(with(kKalibr, "radtan", "omni"), "#cam0"), HasSubstr("'omni'"));
  EXPECT_THAT(refusal(with(kKalibr, "[458.6, 457.3, ", "["), "#cam0"), HasSubstr("2 numbers"));
  EXPECT_THAT(refusal(with(kKalibr, "458.6", "wide"), "#cam0"), HasSubstr("'intrinsics'"));
  EXPECT_THAT(refusal(with(kKalibr, "458.6", "&a [*a]"), "#cam0"), HasSubstr("'intrinsics'"));
  EXPECT_THAT(refusal(with(kKalibr, "458.6", ".nan"), "#cam0"), HasSubstr("'intrinsics'"));
  EXPECT_THAT(refusal(with(kKalibr, "0.11", ".inf"), "#cam1"), HasSubstr("'T_cn_cnm1'"));
  EXPECT_THAT(refusal(with(kKalibr, "resolution: [752, 480]", ""), "#cam0"),
              HasSubstr("'resolution'"));
  EXPECT_THAT(refusal(with(kJson, "fisheye624", "spherical"), "#rgb"), HasSubstr("'spherical'"));
  EXPECT_THAT(refusal(with(kJson, "[611, ", "["), "#rgb"), HasSubstr("14 parameters"));
  EXPECT_THAT(refusal(with(kJson, "611", "1e999"), "#rgb"), HasSubstr("too large"));
  EXPECT_THAT(refusal(with(kJson, "1408", "\"wide\""), "#rgb"), HasSubstr("'width'"));
  EXPECT_THAT(refusal(with(kJson, "0.2, 0, 1", "0.2, 0"), "#rgb"), HasSubstr("12 numbers"));
  EXPECT_THAT(refusal(with(kJson, "707.5", "-7"), "#rgb"), HasSubstr("radius"));
  EXPECT_THAT(refusal(with(kJson, "s\": 1,", "s\": 1.5,"), "#rgb"), HasSubstr("quarter_turns"));
  EXPECT_THAT(refusal("{\"cameras\": {}}"), HasSubstr("at least one camera"));
  EXPECT_THAT(refusal("{\"cameras\": "), HasSubstr("not JSON"));
  EXPECT_THAT(refusal("{\"cameras\": {\"a\": 3}}"), HasSubstr("no JSON object"));
}

TEST_F(CalibrationFile, DamageNeverDoesMoreThanThrow) {
  std::mt19937 random(7);
  for (const std::string& whole :
       {std::string(kOpenCv), std::string(kKalibr), std::string(kJson)}) {
    for (int i = 0; i < 250; ++i) {
      std::string text = whole;
      for (unsigned j = 0; j <= random() % 4; ++j) {
        const std::size_t at = random() % text.size();
        switch (random() % 4) {
          case 0:
            text[at] = static_cast<char>(1 + random() % 255);
            break;
          case 1:
            text.erase(at, 1 + random() % 30);
            break;
          case 2:
            text.insert(at, text.substr(random() % text.size(), random() % 40));
            break;
          default:
            text.resize(at + 1);
            break;
        }
        if (text.empty()) text.push_back('x');
      }
      try {
        for (const CameraCalibration& camera : read_calibrations(write(text))) {
          EXPECT_TRUE(std::isfinite(camera.lens->camera().fx));
        }
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::usage);
        EXPECT_THAT(error.what(), HasSubstr("camera.yaml"));
      }
    }
  }
}

}  // namespace
}  // namespace lazarillo
