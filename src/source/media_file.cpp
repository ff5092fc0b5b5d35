#include "source/media_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>

#include "error.h"

namespace lazarillo {

std::string quoted(const std::filesystem::path& file) {
  return std::string("'").append(file.string()).append("'");
}

void check_readable(const std::filesystem::path& file) {
  const std::string name = quoted(file);
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    throw Error(ExitCode::source, "there is no file " + name);
  }
  if (error) throw Error(ExitCode::source, "cannot open " + name + ": " + error.message());
  if (std::filesystem::is_directory(status)) {
    throw Error(ExitCode::source, name + " is a directory: name a video file in it");
  }
  if (!std::filesystem::is_regular_file(status)) {
    throw Error(ExitCode::source, name + " is not a regular file");
  }
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    throw Error(ExitCode::source, "cannot open " + name + ": " + std::strerror(errno));
  }
  ::close(fd);
  if (std::filesystem::file_size(file, error) == 0) {
    throw Error(ExitCode::source, name + " is empty (0 bytes)");
  }
}

std::optional<std::int64_t> length_of_cut_avi_ns(const std::filesystem::path& file) {
  std::array<char, 52> head{};
  std::ifstream in(file, std::ios::binary);
  if (!in.read(head.data(), head.size())) return std::nullopt;
  const auto tag = [&](std::size_t at) { return std::string_view(head.data() + at, 4); };
  const auto number = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<std::uint8_t>(head[at + i]);
    return value;
  };
  if (tag(0) != "RIFF" || tag(8) != "AVI " || tag(20) != "hdrl" || tag(24) != "avih") {
    return std::nullopt;
  }
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (error || size >= std::uint64_t{number(4)} + 8) return std::nullopt;
  const std::int64_t frame_us = number(32);
  const std::int64_t frames = number(48);
  constexpr std::int64_t kDay_us = 86'400'000'000;
  if (frame_us == 0 || frames == 0 || frames > kDay_us / frame_us) return std::nullopt;
  return frame_us * frames * 1000;
}

}  // namespace lazarillo
