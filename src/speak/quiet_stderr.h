#pragma once

#include <fcntl.h>
#include <unistd.h>

namespace lazarillo {

/// Silences stderr while a sound library probes devices: what it prints there is not for the user.
/// Affects the whole process; only while setting up.
class QuietStderr {
 public:
  QuietStderr() : kept_(dup(STDERR_FILENO)) {
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (kept_ >= 0 && nowhere >= 0) dup2(nowhere, STDERR_FILENO);
    if (nowhere >= 0) close(nowhere);
  }
  ~QuietStderr() {
    if (kept_ < 0) return;
    dup2(kept_, STDERR_FILENO);
    close(kept_);
  }
  QuietStderr(const QuietStderr&) = delete;
  QuietStderr& operator=(const QuietStderr&) = delete;

 private:
  int kept_;
};

}  // namespace lazarillo
