#include <gmock/gmock.h>
#include <gst/allocators/allocators.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "dma_bufs.h"
#include "error.h"
#include "gpu/direct.h"
#include "source/dma_buf_picture.h"
#include "source/dma_buf_support.h"
#include "source/gstreamer_support.h"
#include "source/live_source.h"
#include "source/source.h"
#include "temp_dir.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;
using gstreamer::Ptr;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// ---- what the machine offers

class FakeMachine : public testing::Test {
 protected:
  void put(const fs::path& file, const std::string& text = "") {
    fs::create_directories((directory.path() / file).parent_path());
    std::ofstream(directory.path() / file) << text;
  }
  test::TempDir directory;
  SystemRoots roots{directory.path() / "sys", directory.path() / "dev"};
};

TEST_F(FakeMachine, WithNothing) {
  EXPECT_FALSE(has_peermem(roots));
  EXPECT_THAT(dma_buf_makers(roots), IsEmpty());
  EXPECT_THAT(cameras_here(roots), IsEmpty());
}

TEST_F(FakeMachine, WithKernelBuffers) {
  put("sys/module/nvidia_peermem/version", "580");
  put("dev/udmabuf");
  put("dev/dma_heap/system");
  put("dev/dma_heap/linux,cma");
  put("dev/dri/card0");
  put("dev/dri/card1");
  put("dev/dri/renderD128");
  // As vgem's and a graphics card's entries lead to their devices.
  for (const char* node : {"card0", "renderD128"}) {
    fs::create_directories(roots.sys / "class/drm" / node);
    fs::create_directory_symlink("../../../vgem", roots.sys / "class/drm" / node / "device");
  }
  fs::create_directories(roots.sys / "class/drm/card1");
  fs::create_directory_symlink("../../../0000:01:00.0", roots.sys / "class/drm/card1/device");

  EXPECT_TRUE(has_peermem(roots));
  const std::string dev = roots.dev.string();
  EXPECT_THAT(
      dma_buf_makers(roots),
      ElementsAre(dev + "/dma_heap/linux,cma", dev + "/dma_heap/system", dev + "/dri/card0 (vgem)",
                  dev + "/dri/renderD128 (vgem)", dev + "/udmabuf"));
}

TEST_F(FakeMachine, WithDevicesThatAreNoCameras) {
  put("sys/class/video4linux/video0/name", "Integrated Camera\n");
  put("sys/class/video4linux/video1/name", "Gone\n");
  put("sys/class/video4linux/v4l-subdev0/name", "sensor\n");
  put("dev/video0");
  put("dev/v4l-subdev0");
  const auto cameras = cameras_here(roots);
  ASSERT_EQ(cameras.size(), 2U);
  EXPECT_EQ(cameras[0].device, roots.dev / "video0");
  EXPECT_EQ(cameras[0].name, "Integrated Camera");
  EXPECT_THAT(cameras[0].how, HasSubstr("not a V4L2 device"));
  EXPECT_THAT(cameras[1].how, HasSubstr("No such file"));
  for (const CameraSupport& camera : cameras) EXPECT_FALSE(camera.exports || camera.card_reads);
}

// Whatever cameras this machine has: what is said of each holds together.
TEST(Machine, CamerasExplainThemselves) {
  for (const CameraSupport& camera : cameras_here()) {
    EXPECT_FALSE(camera.how.empty()) << camera.device;
    EXPECT_TRUE(camera.exports || !camera.card_reads) << camera.device;
  }
}

// ---- where a picture lies

/// A sample as v4l2src's: one memory over the descriptor, the driver's layout beside it.
Ptr<GstSample> sample_of(int fd, std::size_t bytes, const char* caps_text,
                         const std::vector<std::size_t>& offsets = {},
                         const std::vector<int>& pitches = {}) {
  gstreamer::init();
  GstAllocator* allocator = gst_dmabuf_allocator_new();
  GstBuffer* buffer = gst_buffer_new();
  gst_buffer_append_memory(buffer, gst_dmabuf_allocator_alloc_with_flags(
                                       allocator, fd, bytes, GST_FD_MEMORY_FLAG_DONT_CLOSE));
  gst_object_unref(allocator);
  const Ptr<GstCaps> caps(gst_caps_from_string(caps_text));
  GstVideoInfo info;
  if (!offsets.empty() && gst_video_info_from_caps(&info, caps.get()) != FALSE) {
    gsize offset[GST_VIDEO_MAX_PLANES] = {};
    gint stride[GST_VIDEO_MAX_PLANES] = {};
    std::copy(offsets.begin(), offsets.end(), offset);
    std::copy(pitches.begin(), pitches.end(), stride);
    gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_INFO_FORMAT(&info),
                                   static_cast<guint>(info.width), static_cast<guint>(info.height),
                                   static_cast<guint>(offsets.size()), offset, stride);
  }
  Ptr<GstSample> sample(gst_sample_new(buffer, caps.get(), nullptr, nullptr));
  gst_buffer_unref(buffer);
  return sample;
}

TEST(DmaBufPicture, UsualLayout) {
  const auto memory = test::shared_memory(std::vector<std::uint8_t>(64 * 48 * 3 / 2));
  const auto sample =
      sample_of(memory.get(), 64 * 48 * 3 / 2,
                "video/x-raw,format=NV12,width=64,height=48,framerate=30/1,colorimetry=bt709");
  const DmaBufPicture picture = dma_buf_picture(sample.get());
  EXPECT_EQ(picture.fd, memory.get());
  EXPECT_EQ(picture.bytes, 8192U);  // whole pages
  EXPECT_EQ(picture.width, 64);
  EXPECT_EQ(picture.height, 48);
  EXPECT_EQ(picture.luma, 0U);
  EXPECT_EQ(picture.chroma, 64U * 48);
  EXPECT_EQ(picture.luma_pitch, 64);
  EXPECT_EQ(picture.chroma_pitch, 64);
  EXPECT_TRUE(picture.bt709);
  EXPECT_FALSE(picture.full_range);
}

TEST(DmaBufPicture, LayoutOfTheDriver) {
  const auto memory = test::shared_memory(std::vector<std::uint8_t>(16384));
  const auto sample =
      sample_of(memory.get(), 16384, "video/x-raw,format=NV12,width=62,height=48,framerate=30/1",
                {256, 8192}, {128, 192});
  const DmaBufPicture picture = dma_buf_picture(sample.get());
  EXPECT_EQ(picture.luma, 256U);
  EXPECT_EQ(picture.chroma, 8192U);
  EXPECT_EQ(picture.luma_pitch, 128);
  EXPECT_EQ(picture.chroma_pitch, 192);
}

TEST(DmaBufPicture, GreyHasNoChroma) {
  const auto memory = test::shared_memory(std::vector<std::uint8_t>(64 * 48));
  const auto sample = sample_of(memory.get(), 64 * 48,
                                "video/x-raw,format=GRAY8,width=64,height=48,framerate=30/1");
  const DmaBufPicture picture = dma_buf_picture(sample.get());
  EXPECT_EQ(picture.chroma_pitch, 0);
  EXPECT_TRUE(picture.full_range);
}

TEST(DmaBufPicture, RefusesWhatTheCardWouldReadWrongly) {
  const auto memory = test::shared_memory(std::vector<std::uint8_t>(8192));
  const auto problem = [&](const char* caps, const std::vector<std::size_t>& offsets = {},
                           const std::vector<int>& pitches = {}) {
    const auto sample = sample_of(memory.get(), 8192, caps, offsets, pitches);
    return error_of([&] { (void)dma_buf_picture(sample.get()); });
  };
  const char* nv12 = "video/x-raw,format=NV12,width=64,height=48,framerate=30/1";
  EXPECT_THAT(problem("video/x-raw,format=YUY2,width=64,height=48,framerate=30/1"),
              HasSubstr("YUY2"));
  // One row of chroma too many.
  EXPECT_EQ(problem(nv12, {0, 8192 - 64 * 24}, {64, 64}), "");
  EXPECT_THAT(problem(nv12, {0, 8192 - 64 * 24 + 1}, {64, 64}),
              HasSubstr("larger than its buffer"));
  EXPECT_THAT(problem(nv12, {0, 4096}, {32, 64}), HasSubstr("larger than its buffer"));
  EXPECT_THAT(problem(nv12, {0, 4096}, {-64, 64}), HasSubstr("larger than its buffer"));

  GstBuffer* plain = gst_buffer_new_allocate(nullptr, 64 * 48 * 3 / 2, nullptr);
  const Ptr<GstCaps> caps(gst_caps_from_string(nv12));
  const Ptr<GstSample> sample(gst_sample_new(plain, caps.get(), nullptr, nullptr));
  gst_buffer_unref(plain);
  EXPECT_THAT(error_of([&] { (void)dma_buf_picture(sample.get()); }), HasSubstr("DMA-BUF"));
}

// ---- a DMA-BUF of the kernel's

void expect_readable(const test::KernelBuffer& buffer, const std::vector<std::uint8_t>& bytes) {
  if (buffer.fd.get() < 0) GTEST_SKIP() << buffer.what;
  void* from = mmap(nullptr, bytes.size(), PROT_READ, MAP_SHARED, buffer.fd.get(), 0);
  ASSERT_NE(from, MAP_FAILED) << buffer.what;
  {
    const DmaBufAccess access(buffer.fd.get());
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), static_cast<const std::uint8_t*>(from)));
  }
  munmap(from, bytes.size());
  const auto sample =
      sample_of(buffer.fd.get(), bytes.size(),
                "video/x-raw,format=NV12,width=62,height=48,framerate=30/1", {0, 4096}, {64, 64});
  EXPECT_GE(dma_buf_picture(sample.get()).bytes, bytes.size());
}

TEST(DmaBufAccess, ReadsWhatWasWrittenIntoUdmabuf) {
  const auto bytes = test::padded_nv12(62, 48, 64, 4096);
  expect_readable(test::udmabuf(bytes), bytes);
}

TEST(DmaBufAccess, ReadsWhatWasWrittenIntoAHeap) {
  const auto bytes = test::padded_nv12(62, 48, 64, 4096);
  expect_readable(test::from_heap(bytes), bytes);
}

TEST(DmaBufAccess, RefusesWhatIsNoDmaBuf) {
  const auto memory = test::shared_memory({1, 2, 3});
  EXPECT_THAT(error_of([&] { const DmaBufAccess access(memory.get()); }),
              HasSubstr("cannot be read"));
}

// ---- opening

const LiveAddress kCamera{LiveAddress::Kind::camera, "/dev/video0", {}, {}};

TEST(Camera, OnlyVideoDevicesAreCameras) {
  EXPECT_FALSE(live_address("/dev/null"));
  EXPECT_FALSE(live_address("/dev/there-is-none"));
  EXPECT_FALSE(live_address(LZ_SOURCE_DIR "/README.md"));
}

TEST(Camera, AskedForAndNotThere) {
  SourceOptions options;
  options.realtime = options.dma_buf = true;
  for (const char* path : {"/dev/null", "/dev/there-is-none", LZ_SOURCE_DIR "/README.md"}) {
    EXPECT_THAT(error_of([&] { (void)open_source(path, options); }), HasSubstr("is no camera"));
  }
}

TEST(Camera, HasOnlyNow) {
  SourceOptions options;
  options.dma_buf = true;
  EXPECT_THAT(error_of([&] { (void)open_live_source(kCamera, options); }), HasSubstr("--realtime"));
  options.realtime = options.loop = true;
  EXPECT_THAT(error_of([&] { (void)open_live_source(kCamera, options); }), HasSubstr("own rate"));
}

TEST(Camera, NeedsACard) {
  try {
    (void)gpu_direct();
  } catch (const Error& error) {
    SourceOptions options;
    options.realtime = options.dma_buf = true;
    EXPECT_EQ(error_of([&] { (void)open_live_source(kCamera, options); }), error.what());
    return;
  }
  GTEST_SKIP() << "there is a card";
}

}  // namespace
}  // namespace lazarillo
