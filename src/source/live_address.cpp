#include "source/live_address.h"

#include <fmt/format.h>
#include <gst/gst.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <string_view>

#include "error.h"
#include "lower_case.h"
#include "source/gstreamer_support.h"

namespace lazarillo {
namespace {

using Kind = LiveAddress::Kind;

struct Scheme {
  std::string_view name;
  Kind kind;
};
constexpr std::array kSchemes = {
    Scheme{"rtsp", Kind::rtsp},  Scheme{"rtsps", Kind::rtsp}, Scheme{"rtspt", Kind::rtsp},
    Scheme{"rtspu", Kind::rtsp}, Scheme{"rtsph", Kind::rtsp}, Scheme{"http", Kind::http},
    Scheme{"https", Kind::http}, Scheme{"udp", Kind::other},  Scheme{"srt", Kind::other},
    Scheme{"rtp", Kind::other},
};

/// Where cameras are: one that is not plugged in is none of the files.
bool would_be_video_device(const std::string& path) {
  struct stat node {};
  if (stat(path.c_str(), &node) == 0) return false;
  constexpr std::string_view kNumbered = "/dev/video";
  if (path.starts_with("/dev/v4l/")) return true;
  return path.starts_with(kNumbered) && path.size() > kNumbered.size() &&
         std::all_of(path.begin() + kNumbered.size(), path.end(),
                     [](char c) { return c >= '0' && c <= '9'; });
}

bool is_video_device(const std::string& path) {
  constexpr unsigned kVideo4Linux = 81;  // the kernel's major number, devices.txt
  struct stat node {};
  return stat(path.c_str(), &node) == 0 && S_ISCHR(node.st_mode) &&
         major(node.st_rdev) == kVideo4Linux;
}

/// "rtsp" of "rtsp://...", in lower case; empty: a path. A scheme has two letters or more.
std::string scheme_of(const std::string& source) {
  const auto colon = source.find("://");
  if (colon == std::string::npos || source.find('/') != colon + 1 || colon < 2) return "";
  return lower_case(source.substr(0, colon));
}

std::string decoded(const std::string& text) {
  const gstreamer::Ptr<char> plain(g_uri_unescape_string(text.c_str(), nullptr));
  return plain ? plain.get() : text;
}

/// Where user and password stand in "scheme://user:password@host/...": [begin, end), the '@'
/// behind.
struct UserInfo {
  std::size_t begin = 0, end = 0;
};
std::optional<UserInfo> user_info(const std::string& uri) {
  const auto begin = uri.find("://") + 3;
  const auto authority_end = std::min(uri.find_first_of("/?#", begin), uri.size());
  const auto at = uri.substr(0, authority_end).rfind('@');
  if (at == std::string::npos || at < begin) return std::nullopt;
  return UserInfo{begin, at};
}

LiveAddress stream(const std::string& uri, Kind kind) {
  LiveAddress address{kind, uri, {}, {}};
  if (const auto info = user_info(uri)) {
    const std::string both = uri.substr(info->begin, info->end - info->begin);
    const auto colon = both.find(':');
    address.user = decoded(both.substr(0, colon));
    if (colon != std::string::npos) address.password = decoded(both.substr(colon + 1));
    address.location = uri.substr(0, info->begin) + uri.substr(info->end + 1);
  }
  const auto host = address.location.find("://") + 3;
  const bool none = host == address.location.size() || address.location[host] == '/' ||
                    (address.location[host] == ':' && kind != Kind::other);
  if (none) {
    throw Error(ExitCode::usage,
                "'" + without_secrets(uri) +
                    "' names no machine: it is to be like rtsp://192.168.1.20/video");
  }
  return address;
}

}  // namespace

std::optional<LiveAddress> live_address(const std::string& source) {
  constexpr std::string_view kCamera = "camera:";
  if (source.starts_with(kCamera)) {
    const std::string which = source.substr(kCamera.size());
    const bool number =
        !which.empty() && which.size() < 4 &&
        std::all_of(which.begin(), which.end(), [](char c) { return c >= '0' && c <= '9'; });
    return LiveAddress{Kind::camera, number ? "/dev/video" + which : which, {}, {}};
  }
  if (is_video_device(source) || would_be_video_device(source))
    return LiveAddress{Kind::camera, source, {}, {}};
  const std::string scheme = scheme_of(source);
  if (scheme.empty() || scheme == "file") return std::nullopt;
  const auto* const known = std::find_if(kSchemes.begin(), kSchemes.end(),
                                         [&](const Scheme& s) { return s.name == scheme; });
  if (known == kSchemes.end()) {
    throw Error(ExitCode::source,
                fmt::format("'{}' is not a file, and of addresses {}, srt, udp and rtp are known",
                            without_secrets(source), "camera:, rtsp, http"));
  }
  return stream(scheme + source.substr(source.find("://")), known->kind);
}

std::string without_secrets(const std::string& source) {
  if (scheme_of(source).empty()) return source;
  std::string shown = source;
  if (const auto info = user_info(shown)) {
    const auto colon = shown.substr(0, info->end).find(':', info->begin);
    if (colon != std::string::npos) shown.erase(colon, info->end - colon);
  }
  constexpr std::string_view kPhrase = "passphrase=";
  if (const auto at = shown.find(kPhrase); at != std::string::npos) {
    const auto end = std::min(shown.find('&', at), shown.size());
    shown.replace(at + kPhrase.size(), end - at - kPhrase.size(), "...");
  }
  return shown;
}

}  // namespace lazarillo
