#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <vector>

#include "cuda_support.h"
#include "dma_bufs.h"
#include "error.h"
#include "gpu/imported_buffer.h"
#include "gpu/memory.h"
#include "source/dma_buf_upload.h"

// What the card reads of buffers that are not its own. Shared memory stands in for a camera's: it
// is mapped and registered the same way. Skipped where there is no card.

namespace lazarillo {
namespace {

class CardDmaBuf : public test::CudaTest {
 protected:
  static std::vector<std::uint8_t> rows_of(const std::vector<std::uint8_t>& bytes, std::size_t at,
                                           std::size_t pitch, std::size_t row, std::size_t count) {
    std::vector<std::uint8_t> cut;
    for (std::size_t y = 0; y < count; ++y) {
      const auto* from = bytes.data() + at + y * pitch;
      cut.insert(cut.end(), from, from + row);
    }
    return cut;
  }
  static DmaBufPicture padded(int fd) {
    DmaBufPicture picture;
    picture.fd = fd;
    picture.bytes = static_cast<std::size_t>(lseek(fd, 0, SEEK_END));
    picture.width = 62;
    picture.height = 48;
    picture.chroma = 8192;
    picture.luma_pitch = picture.chroma_pitch = 128;
    return picture;
  }
  static void expect_picture(const DevicePicture& there, const std::vector<std::uint8_t>& bytes) {
    EXPECT_EQ(rows(there.luma, there.luma_pitch, 62, 48), rows_of(bytes, 0, 128, 62, 48));
    EXPECT_EQ(rows(there.chroma, there.chroma_pitch, 62, 24), rows_of(bytes, 8192, 128, 62, 24));
  }
};

TEST_F(CardDmaBuf, ReadsRegisteredMemoryAsItChanges) {
  std::vector<std::uint8_t> bytes = test::padded_nv12(62, 48, 128, 8192);
  auto memory = test::shared_memory(bytes);
  const auto size = static_cast<std::size_t>(lseek(memory.get(), 0, SEEK_END));
  const gpu::ImportedBuffer buffer(memory.get(), size);
  EXPECT_TRUE(buffer.over_the_bus());
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(rows(static_cast<const std::uint8_t*>(buffer.data()), 128, 128, 64),
              rows_of(bytes, 0, 128, 128, 64));
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(255 - byte);
    ASSERT_TRUE(test::fill(memory.get(), bytes));
  }
}

TEST_F(CardDmaBuf, BringsPicturesWithPaddedRows) {
  std::vector<std::uint8_t> bytes = test::padded_nv12(62, 48, 128, 8192);
  const auto memory = test::shared_memory(bytes);
  DmaBufUpload upload;
  const GpuTraffic before = gpu_traffic();
  const auto first = upload.bring(padded(memory.get()));
  EXPECT_EQ(gpu_traffic().to_device - before.to_device, 62U * 48 + 62 * 24);
  expect_picture(*first, bytes);
  // The camera writes its next picture into the same buffer: the first stays as it was.
  const std::vector<std::uint8_t> old = bytes;
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(255 - byte);
  ASSERT_TRUE(test::fill(memory.get(), bytes));
  const auto second = upload.bring(padded(memory.get()));
  expect_picture(*second, bytes);
  expect_picture(*first, old);
}

TEST_F(CardDmaBuf, GreyGetsNoColour) {
  const std::vector<std::uint8_t> bytes = test::padded_nv12(62, 48, 128, 8192);
  const auto memory = test::shared_memory(bytes);
  DmaBufPicture grey = padded(memory.get());
  grey.chroma_pitch = 0;
  DmaBufUpload upload;
  const auto there = upload.bring(grey);
  EXPECT_EQ(rows(there->luma, there->luma_pitch, 62, 48), rows_of(bytes, 0, 128, 62, 48));
  EXPECT_EQ(rows(there->chroma, there->chroma_pitch, 62, 24),
            std::vector<std::uint8_t>(62 * 24, 128));
}

TEST_F(CardDmaBuf, PlacesComeRound) {
  const auto memory = test::shared_memory(test::padded_nv12(62, 48, 128, 8192));
  DmaBufUpload upload;
  const std::uint8_t* place = upload.bring(padded(memory.get()))->luma;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(upload.bring(padded(memory.get()))->luma, place);
}

/// A DMA-BUF of the kernel's: read with the right bytes, or refused with a reason; nothing else.
void read_or_refused(const test::KernelBuffer& buffer, const DmaBufPicture& picture,
                     const std::function<void(const DevicePicture&)>& expect) {
  DmaBufUpload upload;
  std::shared_ptr<const DevicePicture> there;
  try {
    const DmaBufAccess access(buffer.fd.get());
    there = upload.bring(picture);
  } catch (const Error& error) {
    GTEST_SKIP() << buffer.what << ": " << error.what();
  }
  expect(*there);
}

TEST_F(CardDmaBuf, ReadsUdmabuf) {
  const auto bytes = test::padded_nv12(62, 48, 128, 8192);
  const auto buffer = test::udmabuf(bytes);
  if (buffer.fd.get() < 0) GTEST_SKIP() << buffer.what;
  read_or_refused(buffer, padded(buffer.fd.get()),
                  [&](const DevicePicture& there) { expect_picture(there, bytes); });
}

TEST_F(CardDmaBuf, ReadsAHeapsBuffer) {
  const auto bytes = test::padded_nv12(62, 48, 128, 8192);
  const auto buffer = test::from_heap(bytes);
  if (buffer.fd.get() < 0) GTEST_SKIP() << buffer.what;
  read_or_refused(buffer, padded(buffer.fd.get()),
                  [&](const DevicePicture& there) { expect_picture(there, bytes); });
}

TEST_F(CardDmaBuf, RefusesWhatCannotBeMapped) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const test::Descriptor in(ends[0]);
  const test::Descriptor out(ends[1]);
  EXPECT_THROW(gpu::ImportedBuffer(in.get(), 4096), Error);
}

}  // namespace
}  // namespace lazarillo
