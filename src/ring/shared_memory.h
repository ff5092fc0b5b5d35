#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

namespace lazarillo {

/// Memory that several processes see: a file descriptor and its mapping (read and write).
/// Move-only; unmapped and closed at the end. What is in it outlives us as long as somebody else
/// holds it.
class SharedMemory {
 public:
  /// New memory of zeros that has no name in any file system: it is gone with the last process that
  /// holds it, however that ends. All of it is reserved now. Throws Error(output) with the MiB
  /// needed when there is not so much. The descriptor closes on exec: a launcher hands it on by
  /// dup2.
  [[nodiscard]] static SharedMemory create(const std::string& name, std::uint64_t bytes);

  /// All of an open descriptor's file (the descriptor is duplicated). Throws Error(source).
  [[nodiscard]] static SharedMemory open(int fd);

  /// All of a file: /proc/PID/fd/N, /dev/shm/x or a regular file. Throws Error(source).
  [[nodiscard]] static SharedMemory open(const std::filesystem::path& path);

  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&& other) noexcept;
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory();

  /// Makes sure that a file opened here has no holes, so that no write to it can fail later. Throws
  /// Error(source).
  void reserve() const;

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] const std::string& name() const { return name_; }  ///< for messages

 private:
  SharedMemory(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  [[nodiscard]] static SharedMemory map_whole_file(SharedMemory memory);
  /// False with errno set.
  [[nodiscard]] bool map();

  int fd_ = -1;
  std::byte* data_ = nullptr;
  std::uint64_t bytes_ = 0;
  std::string name_;
};

}  // namespace lazarillo
