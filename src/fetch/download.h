#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace lazarillo {

struct DownloadLimits {
  std::chrono::seconds connect{20};
  std::chrono::seconds stall{30};  ///< so long with less than 1000 bytes a second is a failure
  int retries = 4;                 ///< after a failure that may pass: a cut, a 5xx, a stall
  std::chrono::milliseconds pause{1000};  ///< before the first retry; doubles
  int redirects = 8;
};

struct DownloadRequest {
  std::string url;                    ///< http or https
  std::filesystem::path target;       ///< the folder must be there; unfinished: target.part
  std::optional<std::uint64_t> size;  ///< bytes as stated; another length is refused
  std::uint64_t at_most = 0;          ///< bytes; more is refused
  std::string sha256;                 ///< 64 lower case digits as stated; empty: not known
  DownloadLimits limits;
  /// Bytes there are and bytes there will be, as they come. May be empty.
  std::function<void(std::uint64_t done, std::optional<std::uint64_t> total)> progress;
  std::function<bool()> stopped;  ///< true ends it where it is; may be empty
};

struct Downloaded {
  bool whole = false;           ///< false: stopped; the part stays and will be gone on with
  std::uint64_t bytes = 0;      ///< in the file, or in the part
  std::uint64_t continued = 0;  ///< bytes that were there from an earlier attempt
  std::string sha256;           ///< of the whole file
};

/// Fetches one file. It gets its name when it is whole and its length and SHA-256 are those stated;
/// until then it is `target.part`, which a later call goes on with where the server allows it
/// (Range with If-Range). Proxies are those of the usual variables (http_proxy, https_proxy,
/// all_proxy, no_proxy); from https nothing leads to http. Throws Error: model for what the server
/// gives or does not give, output for what cannot be written here. A part with a wrong digest is
/// removed, every other stays. One thread at a time.
[[nodiscard]] Downloaded download(const DownloadRequest& request);

}  // namespace lazarillo
