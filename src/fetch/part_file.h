#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

namespace lazarillo {

/// The beginning of a file that is being downloaded, `TARGET.part`, with a note beside it,
/// `TARGET.part.from`, of which state of which address it is a beginning. Locked for one process as
/// long as the object lives; what is in it outlives the process, also a killed one. One that holds
/// nothing is removed at the end. Not thread-safe.
class PartFile {
 public:
  /// Takes the part that is there, or makes one. Throws Error(output) when it cannot be written or
  /// another process is at it.
  explicit PartFile(const std::filesystem::path& target);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return part_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// Bytes of it that were there already when it was opened.
  [[nodiscard]] std::uint64_t earlier() const { return earlier_; }
  /// The validator (RFC 9110, 8.8) noted for what came from `url`; empty when there is none, or
  /// what is here came from elsewhere.
  [[nodiscard]] std::string validator(const std::string& url) const;

  /// Empties it and notes where the next bytes come from. Throws Error(output).
  void begin(const std::string& url, const std::string& validator);
  /// Appends all of it, or as much as goes; errno of what stopped it, 0 for all.
  [[nodiscard]] int append(const char* bytes, std::size_t count);
  /// Makes it durable and gives it its name. Throws Error(output).
  void publish();
  /// Removes it.
  void discard();

 private:
  [[nodiscard]] bool open_and_lock();
  [[noreturn]] void fail(int error) const;

  std::filesystem::path target_;
  std::filesystem::path part_;
  std::filesystem::path note_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  std::uint64_t earlier_ = 0;
  bool gone_ = false;  ///< published or discarded
};

}  // namespace lazarillo
