#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string_view>

namespace lazarillo {

struct Written {
  std::size_t bytes = 0;  ///< how many of the text are in the file
  int error = 0;          ///< errno of what stopped it; 0: all is written
};

/// Writes a whole text to a file descriptor, however many calls that takes.
[[nodiscard]] inline Written write_all(int descriptor, std::string_view text) {
  Written written;
  while (written.bytes < text.size() && written.error == 0) {
    const ssize_t n = ::write(descriptor, text.data() + written.bytes, text.size() - written.bytes);
    if (n > 0) {
      written.bytes += static_cast<std::size_t>(n);
    } else if (n == 0) {
      written.error = EIO;
    } else if (errno != EINTR) {
      written.error = errno;
    }
  }
  return written;
}

}  // namespace lazarillo
