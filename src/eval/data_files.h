#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace lazarillo {

/// The files of a data set, by name: those that lie in its folder, and those in the folder's *.tar
/// (uncompressed, as `tar cf` writes them), which are read in place. Safe to read from several
/// threads.
class DataFiles {
 public:
  /// Throws Error(source): no such folder, a tar that is cut short or damaged.
  explicit DataFiles(std::filesystem::path folder);

  /// The bytes of a file; of two with this name the one that is not in a tar. Throws Error(source)
  /// when there is none, or it cannot be read.
  [[nodiscard]] std::string read(const std::string& name) const;

 private:
  struct Member {
    std::filesystem::path tar;
    std::int64_t header;  ///< where in the tar
  };
  void list(const std::filesystem::path& tar);

  std::filesystem::path folder_;
  std::map<std::string, Member> members_;
};

/// The bytes of a file. Throws Error(source).
[[nodiscard]] std::string read_file(const std::filesystem::path& file);

}  // namespace lazarillo
