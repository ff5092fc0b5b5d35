#include "eval/data_files.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

#include "error.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;

struct Free {
  void operator()(archive* a) const { archive_read_free(a); }
};
using Archive = std::unique_ptr<archive, Free>;

class Descriptor {
 public:
  explicit Descriptor(const fs::path& file) : value_(::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (value_ < 0) throw Error(ExitCode::source, "'" + file.string() + "' cannot be read");
  }
  ~Descriptor() { ::close(value_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int value() const { return value_; }

 private:
  int value_;
};

[[noreturn]] void refuse(const fs::path& tar, const Archive& a) {
  const char* why = archive_error_string(a.get());
  throw Error(ExitCode::source, "'" + tar.string() + "' is cut short, damaged or no plain tar (" +
                                    (why != nullptr ? why : "no reason given") + "): copy it anew");
}

Archive open_at(const Descriptor& file, std::int64_t place, const fs::path& tar) {
  Archive a(archive_read_new());
  archive_read_support_format_tar(a.get());
  constexpr std::size_t kBlock = std::size_t{64} * 1024;
  if (::lseek(file.value(), place, SEEK_SET) != place ||
      archive_read_open_fd(a.get(), file.value(), kBlock) != ARCHIVE_OK) {
    refuse(tar, a);
  }
  return a;
}

std::string plain(const std::string& name) { return fs::path(name).lexically_normal().string(); }

}  // namespace

DataFiles::DataFiles(fs::path folder) : folder_(std::move(folder)) {
  std::error_code error;
  if (!fs::is_directory(folder_, error)) {
    throw Error(ExitCode::source, "'" + folder_.string() + "' is no folder of a data set");
  }
  std::vector<fs::path> tars;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    if (entry.path().extension() == ".tar") tars.push_back(entry.path());
  }
  if (error) throw Error(ExitCode::source, "'" + folder_.string() + "': " + error.message());
  std::sort(tars.begin(), tars.end());
  for (const fs::path& tar : tars) list(tar);
}

void DataFiles::list(const fs::path& tar) {
  const Descriptor file(tar);
  const Archive a = open_at(file, 0, tar);
  const auto size = static_cast<std::int64_t>(fs::file_size(tar));
  archive_entry* entry = nullptr;
  int state = ARCHIVE_OK;
  while ((state = archive_read_next_header(a.get(), &entry)) == ARCHIVE_OK) {
    // What is passed over is not read: a cut within it is seen by nobody but us.
    if (archive_filter_bytes(a.get(), -1) + archive_entry_size(entry) > size) {
      archive_set_error(a.get(), -1, "'%s' is not whole", archive_entry_pathname(entry));
      refuse(tar, a);
    }
    if (archive_entry_filetype(entry) != AE_IFREG) continue;
    members_.insert_or_assign(plain(archive_entry_pathname(entry)),
                              Member{tar, archive_read_header_position(a.get())});
  }
  if (state != ARCHIVE_EOF) refuse(tar, a);
}

std::string DataFiles::read(const std::string& name) const {
  std::error_code ignored;
  const fs::path beside = folder_ / name;
  if (fs::is_regular_file(beside, ignored)) return read_file(beside);
  const auto found = members_.find(plain(name));
  if (found == members_.end()) {
    throw Error(ExitCode::source,
                "'" + name + "' is neither in '" + folder_.string() + "' nor in one of its tars");
  }
  const Member& member = found->second;
  const Descriptor file(member.tar);
  const Archive a = open_at(file, member.header, member.tar);
  archive_entry* entry = nullptr;
  if (archive_read_next_header(a.get(), &entry) != ARCHIVE_OK) refuse(member.tar, a);
  std::string bytes(static_cast<std::size_t>(archive_entry_size(entry)), '\0');
  const auto count = archive_read_data(a.get(), bytes.data(), bytes.size());
  if (count != static_cast<la_ssize_t>(bytes.size())) refuse(member.tar, a);
  return bytes;
}

std::string read_file(const fs::path& file) {
  std::error_code ignored;
  std::ifstream stream(file, std::ios::binary);
  if (!stream || fs::is_directory(file, ignored)) {
    throw Error(ExitCode::source, "'" + file.string() + "' cannot be read");
  }
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

}  // namespace lazarillo
