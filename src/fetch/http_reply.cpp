#include "fetch/http_reply.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace lazarillo {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Header names are of any case.
bool is(std::string_view name, std::string_view lower) {
  return std::equal(name.begin(), name.end(), lower.begin(), lower.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == b;
  });
}

/// "bytes 100-199/200", "bytes */200", "bytes 100-199/*".
void read_range(std::string_view text, HttpReply& reply) {
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return;
  text.remove_prefix(kUnit.size());
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return;
  reply.whole = number(text.substr(slash + 1));
  const std::string_view span = text.substr(0, slash);
  if (const std::size_t dash = span.find('-'); dash != std::string_view::npos) {
    reply.first = number(span.substr(0, dash));
  }
}

}  // namespace

void HttpReply::read_line(std::string_view line) {
  line = trimmed(line);
  if (line.starts_with("HTTP/")) {
    *this = {};
    const std::size_t space = line.find(' ');
    if (space != std::string_view::npos) {
      status = static_cast<int>(number(line.substr(space + 1, 3)).value_or(0));
    }
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (is(name, "content-length")) length = number(value);
  if (is(name, "content-range")) read_range(value, *this);
  if (is(name, "etag")) etag = value;
  if (is(name, "last-modified")) modified = value;
}

std::string HttpReply::validator() const {
  const bool strong = etag.size() >= 2 && etag.front() == '"';
  return strong ? etag : modified;
}

std::optional<std::uint64_t> HttpReply::total() const { return status == 206 ? whole : length; }

}  // namespace lazarillo
