#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace lazarillo {

/// Puts a script in the place of espeak-ng, as long as it lives. What the script lets through to
/// its end is spoken by the true espeak-ng. An empty script: there is no espeak-ng at all.
class FakeEspeak {
 public:
  explicit FakeEspeak(const std::string& script)
      : folder_(std::filesystem::path(::testing::TempDir()) /
                ("lz-espeak-" + std::to_string(getpid()))),
        path_(getenv("PATH")) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    if (!script.empty()) {
      write("", "#!/bin/sh\nPATH='" + path_ + "'\n" + script + "\nexec espeak-ng \"$@\"\n");
      std::filesystem::permissions(folder_ / "espeak-ng", std::filesystem::perms::owner_all);
    }
    setenv("PATH", folder_.c_str(), 1);
  }
  ~FakeEspeak() {
    setenv("PATH", path_.c_str(), 1);
    std::filesystem::remove_all(folder_);
  }
  FakeEspeak(const FakeEspeak&) = delete;
  FakeEspeak& operator=(const FakeEspeak&) = delete;

  /// Writes a file beside the script that its $0 followed by `suffix` names.
  void write(const std::string& suffix, const std::string& text) const {
    std::ofstream(folder_ / ("espeak-ng" + suffix)) << text;
  }

 private:
  std::filesystem::path folder_;
  std::string path_;
};

}  // namespace lazarillo
