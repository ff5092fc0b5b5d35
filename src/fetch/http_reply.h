#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lazarillo {

/// What the head of an HTTP answer (RFC 9110) says about the bytes that follow. Fed line by line;
/// the head of a later answer (after a redirect) replaces the one before.
struct HttpReply {
  int status = 0;
  std::optional<std::uint64_t> length;  ///< Content-Length
  /// Content-Range: the first byte sent, and the length of the whole. Of a 416 only the whole.
  std::optional<std::uint64_t> first;
  std::optional<std::uint64_t> whole;
  std::string etag;
  std::string modified;  ///< Last-Modified

  void read_line(std::string_view line);
  /// What If-Range may be asked with: a strong ETag, else the date; empty when there is neither.
  [[nodiscard]] std::string validator() const;
  /// Length of the whole file, where the head tells it.
  [[nodiscard]] std::optional<std::uint64_t> total() const;
};

}  // namespace lazarillo
