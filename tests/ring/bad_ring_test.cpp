#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstring>
#include <string>

#include "error.h"
#include "ring/values.h"
#include "temp_dir.h"

namespace lazarillo {
namespace {

using test::temp_dir;
using testing::HasSubstr;

std::string refusal(const auto& call, ExitCode code) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  return "not refused";
}

std::string open_refusal(const std::string& bytes) {
  const auto file = temp_dir().write("ring", bytes);
  return refusal([&] { (void)Ring::open(file); }, ExitCode::source);
}

std::string good_ring() {
  const Ring ring = Ring::create({"good", 8, 100, 3, 2});
  return {reinterpret_cast<const char*>(&ring.header()), ring.geometry().total_bytes()};
}

template <typename T>
std::string with(std::size_t offset, T value) {
  std::string bytes = good_ring();
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
  return bytes;
}

TEST(BadRing, AWholeFileIsARing) {
  const Ring ring = Ring::open(temp_dir().write("good", good_ring()));
  RingWriter writer(ring);
  RingReader reader(ring);
  test::write_value(writer, 1, 64);
  EXPECT_TRUE(test::is_whole(*reader.newest()));
}

TEST(BadRing, FilesThatAreNoRingAreRefused) {
  EXPECT_THAT(open_refusal(""), HasSubstr("is empty"));
  EXPECT_THAT(open_refusal("LZRING"), HasSubstr("cut short: 6 bytes"));
  EXPECT_THAT(open_refusal(std::string(10'000, 'x')), HasSubstr("not a ring of Lazarillo"));
  EXPECT_THAT(open_refusal(std::string(10'000, '\0')), HasSubstr("not a ring of Lazarillo"));
  EXPECT_THAT(open_refusal(with<std::uint32_t>(8, 2)), HasSubstr("of version 2"));
  const auto open = [](const std::string& path) {
    return refusal([&] { (void)Ring::open(std::filesystem::path(path)); }, ExitCode::source);
  };
  EXPECT_THAT(open(temp_dir() / "nothing"), HasSubstr("No such file"));
  EXPECT_THAT(open("/dev/null"), HasSubstr("not a regular file"));
  EXPECT_THAT(open("/"), HasSubstr("directory"));
  const auto pipe = temp_dir() / "pipe";
  std::filesystem::remove(pipe);
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(open(pipe), HasSubstr("not a regular file"));
  EXPECT_THAT(refusal([] { (void)Ring::open(1'000'000); }, ExitCode::source),
              HasSubstr("file descriptor 1000000: Bad file descriptor"));
}

TEST(BadRing, ARingOfAnotherSizeThanItSaysIsRefused) {
  const std::string good = good_ring();
  for (const std::size_t size : {std::size_t{256}, std::size_t{300}, good.size() - 1}) {
    EXPECT_THAT(open_refusal(good.substr(0, size)), HasSubstr("and has " + std::to_string(size)));
  }
  EXPECT_THAT(open_refusal(good + "x"), HasSubstr("it should have"));
}

TEST(BadRing, EveryAbsurdNumberOfTheHeaderIsRefused) {
  for (const std::size_t offset : {12, 16, 20, 24, 28}) {  // header_bytes ... reader_stride
    for (const std::uint32_t value : {0U, 5U, 65U, 257U, 0x7fffffffU, 0xffffffffU}) {
      EXPECT_THAT(open_refusal(with(offset, value)), HasSubstr("damaged"))
          << offset << " " << value;
    }
  }
  for (const std::size_t offset : {32, 40, 48, 56}) {  // slot_stride ... total_bytes
    for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 32,
                                      std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
      EXPECT_THAT(open_refusal(with(offset, value)), HasSubstr("damaged"))
          << offset << " " << value;
    }
  }
  EXPECT_THAT(open_refusal(with(64, std::array<char, 32>{'n', 'o'})), HasSubstr("not refused"));
  EXPECT_THAT(open_refusal(with<char>(64 + 31, 'x')), HasSubstr("damaged")) << "an endless name";
}

TEST(BadRing, OptionsThatDoNotFitTogetherAreRefused) {
  const auto create = [](const RingOptions& options) {
    return refusal([&] { (void)Ring::create(options); }, ExitCode::usage);
  };
  EXPECT_THAT(create({"few", 7, 100, 3, 2}), HasSubstr("readers * pins + 2"));
  EXPECT_THAT(create({std::string(32, 'n'), 8, 100, 3, 2}), HasSubstr("31 bytes"));
  EXPECT_THAT(create({"none", 8, 0, 3, 2}), HasSubstr("0 bytes"));
}

TEST(BadRing, TooLittleMemoryIsAnErrorThatNamesWhatIsNeeded) {
  // 64 slots of 2^44 bytes are 2^50 bytes, 2^30 MiB; a little more with their headers.
  EXPECT_THAT(refusal(
                  [] {
                    (void)Ring::create({"huge", 64, kMaxSlotBytes, 3, 2});
                  },
                  ExitCode::output),
              HasSubstr("'huge' needs 1073741825 MiB of memory: only "));
}

TEST(BadRing, ALimitOfFileSizesIsAnErrorAndNotASignal) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 1 << 20;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string line = refusal(
      [] {
        (void)Ring::create({"big", 8, 1 << 20, 3, 2});
      },
      ExitCode::output);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_THAT(line,
              HasSubstr("needs 9 MiB of memory: the limit of file sizes (ulimit -f) is 1 MiB"));
}

TEST(BadRing, AllOfTheMemoryIsThereFromTheStart) {
  const Ring ring = Ring::create({"reserved", 8, 1 << 20, 3, 2});
  struct stat status {};
  ASSERT_EQ(fstat(ring.fd(), &status), 0);
  EXPECT_GE(static_cast<std::uint64_t>(status.st_blocks) * 512, ring.geometry().total_bytes());
}

TEST(BadRing, AFileWithHolesIsFilledBeforeItIsUsed) {
  const auto file = temp_dir().write("sparse", "");
  const std::string good = good_ring();
  {
    const Ring ring = Ring::create({"sparse", 8, 1 << 20, 3, 2});
    temp_dir().write("sparse", {reinterpret_cast<const char*>(&ring.header()), 256});
    std::filesystem::resize_file(file, ring.geometry().total_bytes());
  }
  const Ring ring = Ring::open(file);
  struct stat status {};
  ASSERT_EQ(stat(file.c_str(), &status), 0);
  EXPECT_GE(static_cast<std::uint64_t>(status.st_blocks) * 512, ring.geometry().total_bytes());
}

}  // namespace
}  // namespace lazarillo
