#include "ring/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>
#include <utility>

#include "error.h"

namespace lazarillo {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1024} * 1024;

std::string mebibytes(std::uint64_t bytes) {
  return std::to_string((bytes + kMiB - 1) / kMiB) + " MiB";
}

/// What the kernel believes it can still hand out. Asking for more would not fail: it would wake
/// the out-of-memory killer.
std::optional<std::uint64_t> available_memory() {
  std::ifstream meminfo("/proc/meminfo");
  std::string key;
  std::uint64_t kib = 0;
  while (meminfo >> key >> kib) {
    if (key == "MemAvailable:") return kib * 1024;
    meminfo.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return std::nullopt;
}

std::string quoted(const std::string& name) { return std::string("'").append(name).append("'"); }

int fallocate_all(int fd, std::uint64_t bytes) {
  int result = 0;
  do {
    result = ::fallocate(fd, 0, 0, static_cast<off_t>(bytes));
  } while (result != 0 && errno == EINTR);
  return result;
}

}  // namespace

SharedMemory SharedMemory::create(const std::string& name, std::uint64_t bytes) {
  const auto refuse = [&](const std::string& why) {
    return Error(ExitCode::output, "the ring '" + name + "' needs " + mebibytes(bytes) +
                                       " of memory: " + why + "; use fewer or smaller slots");
  };
  if (bytes > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) {
    throw refuse("that is more than a file can hold");
  }
  // Beyond this limit the kernel does not only refuse, it also ends the process by SIGXFSZ.
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && bytes > limit.rlim_cur) {
    throw refuse("the limit of file sizes (ulimit -f) is " + mebibytes(limit.rlim_cur));
  }
  if (const auto available = available_memory(); available && bytes > *available) {
    throw refuse("only " + mebibytes(*available) + " are free");
  }
  SharedMemory memory(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING), quoted(name));
  if (memory.fd_ < 0) throw refuse(std::strerror(errno));
  if (fallocate_all(memory.fd_, bytes) != 0) throw refuse(std::strerror(errno));
  // Nobody may shorten it: reading behind the end of a file is a SIGBUS.
  if (::fcntl(memory.fd_, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    throw refuse(std::strerror(errno));
  }
  memory.bytes_ = bytes;
  if (!memory.map()) throw refuse(std::strerror(errno));
  return memory;
}

SharedMemory SharedMemory::open(int fd) {
  SharedMemory memory(::fcntl(fd, F_DUPFD_CLOEXEC, 0), "file descriptor " + std::to_string(fd));
  return map_whole_file(std::move(memory));
}

SharedMemory SharedMemory::open(const std::filesystem::path& path) {
  // Non-blocking: opening a pipe must not wait for its other end.
  SharedMemory memory(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK), quoted(path.string()));
  return map_whole_file(std::move(memory));
}

SharedMemory SharedMemory::map_whole_file(SharedMemory memory) {
  const auto refuse = [&](const std::string& why) {
    return Error(ExitCode::source, "cannot open the ring " + memory.name_ + ": " + why);
  };
  struct stat status {};
  if (memory.fd_ < 0 || ::fstat(memory.fd_, &status) != 0) throw refuse(std::strerror(errno));
  if (!S_ISREG(status.st_mode)) throw refuse("it is not shared memory and not a regular file");
  if (status.st_size == 0) throw refuse("it is empty (0 bytes)");
  memory.bytes_ = static_cast<std::uint64_t>(status.st_size);
  if (!memory.map()) throw refuse(std::strerror(errno));
  return memory;
}

bool SharedMemory::map() {
  void* const at = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
  if (at == MAP_FAILED) return false;
  data_ = static_cast<std::byte*>(at);
  return true;
}

void SharedMemory::reserve() const {
  if (fallocate_all(fd_, bytes_) != 0) {
    throw Error(ExitCode::source, "cannot reserve the " + mebibytes(bytes_) + " of the ring " +
                                      name_ + ": " + std::strerror(errno));
  }
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      data_(std::exchange(other.data_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)),
      name_(std::move(other.name_)) {}

SharedMemory& SharedMemory::operator=(SharedMemory&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  std::swap(name_, other.name_);
  return *this;
}

SharedMemory::~SharedMemory() {
  if (data_ != nullptr) ::munmap(data_, bytes_);
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace lazarillo
