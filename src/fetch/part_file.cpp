#include "fetch/part_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "error.h"
#include "fetch/durable.h"
#include "show/write_all.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;

fs::path with_ending(const fs::path& file, const char* ending) {
  fs::path longer = file;
  longer += ending;
  return longer;
}

}  // namespace

PartFile::PartFile(const fs::path& target)
    : target_(target), part_(with_ending(target, ".part")), note_(with_ending(part_, ".from")) {
  while (!open_and_lock()) {
  }
}

PartFile::~PartFile() {
  if (size_ == 0 && !gone_) discard();
  ::close(descriptor_);
}

void PartFile::fail(int error) const {
  throw Error(ExitCode::output,
              "'" + part_.string() + "' cannot be written: " + std::strerror(error));
}

/// False when the file that was locked is not the one of that name any more: whoever had it has
/// just finished or removed it.
bool PartFile::open_and_lock() {
  descriptor_ = ::open(part_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor_ < 0) fail(errno);
  struct stat locked {};
  struct stat named {};
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    ::close(descriptor_);
    if (error != EWOULDBLOCK) fail(error);
    throw Error(
        ExitCode::output,
        "'" + part_.string() + "' is being fetched by another lazarillo; wait for it to end");
  }
  const bool same = ::fstat(descriptor_, &locked) == 0 && ::stat(part_.c_str(), &named) == 0 &&
                    locked.st_ino == named.st_ino && locked.st_dev == named.st_dev;
  if (!same) {
    ::close(descriptor_);
    return false;
  }
  size_ = earlier_ = static_cast<std::uint64_t>(locked.st_size);
  return true;
}

std::string PartFile::validator(const std::string& url) const {
  std::ifstream note(note_);
  std::string from;
  std::string validator;
  std::string end;
  // The last line tells that the note was written to its end.
  const bool whole = std::getline(note, from) && std::getline(note, validator) &&
                     std::getline(note, end) && end == ".";
  return whole && from == url ? validator : std::string();
}

void PartFile::begin(const std::string& url, const std::string& validator) {
  if (::ftruncate(descriptor_, 0) != 0) fail(errno);
  size_ = earlier_ = 0;
  std::ofstream note(note_, std::ios::trunc);
  note << url << '\n' << validator << "\n.\n";
  note.close();
  if (!note) fail(errno);
}

int PartFile::append(const char* bytes, std::size_t count) {
  const Written written = write_all(descriptor_, {bytes, count});
  size_ += written.bytes;
  return written.error;
}

void PartFile::publish() {
  if (::fsync(descriptor_) != 0) fail(errno);
  if (::rename(part_.c_str(), target_.c_str()) != 0) fail(errno);
  gone_ = true;
  std::error_code ignored;
  fs::remove(note_, ignored);
  sync_folder(target_.parent_path());
}

void PartFile::discard() {
  std::error_code ignored;
  fs::remove(note_, ignored);
  fs::remove(part_, ignored);
  gone_ = true;
}

}  // namespace lazarillo
