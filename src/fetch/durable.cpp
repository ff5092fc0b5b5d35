#include "fetch/durable.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "error.h"
#include "show/write_all.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& file, int error) {
  throw Error(ExitCode::output, in_quotes(file) + " cannot be written: " + std::strerror(error));
}

/// A file that is written anew.
class NewFile {
 public:
  explicit NewFile(const fs::path& file)
      : file_(file),
        descriptor_(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
    if (descriptor_ < 0) fail(file, errno);
  }
  ~NewFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void write(std::string_view bytes) const {
    if (const int error = write_all(descriptor_, bytes).error; error != 0) fail(file_, error);
  }
  void finish() {
    const bool good = ::fsync(descriptor_) == 0;
    const int error = errno;
    if (::close(std::exchange(descriptor_, -1)) != 0 || !good) fail(file_, good ? errno : error);
  }

 private:
  fs::path file_;
  int descriptor_;
};

}  // namespace

void sync_folder(const fs::path& folder) {
  const int descriptor =
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  (void)::fsync(descriptor);
  ::close(descriptor);
}

void write_durably(const fs::path& file, const std::string& text) {
  NewFile out(file);
  out.write(text);
  out.finish();
}

void copy_durably(const fs::path& from, const fs::path& to) {
  std::ifstream in(from, std::ios::binary);
  if (!in || fs::is_directory(from)) {
    throw Error(ExitCode::model, "the file " + in_quotes(from) + " cannot be read");
  }
  NewFile out(to);
  std::string block(1 << 20, '\0');
  while (in) {
    in.read(block.data(), static_cast<std::streamsize>(block.size()));
    out.write({block.data(), static_cast<std::size_t>(in.gcount())});
  }
  if (in.bad()) throw Error(ExitCode::model, "the file " + in_quotes(from) + " cannot be read");
  out.finish();
}

std::string in_quotes(const fs::path& file) { return fmt::format("'{}'", file.string()); }

std::string in_megabytes(std::uint64_t bytes) {
  if (bytes < 100'000) return fmt::format("{} bytes", bytes);
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

void check_space(const fs::path& folder, std::uint64_t needed) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (error || space.available >= needed) return;  // where the system does not tell, writing will
  throw Error(ExitCode::output,
              fmt::format("the disk of {} is full: {} bytes are needed, {} are free; make room, or "
                          "name another folder with --to",
                          in_quotes(folder), needed, space.available));
}

}  // namespace lazarillo
