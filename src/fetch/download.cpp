#include "fetch/download.h"

#include <curl/curl.h>

#include <array>
#include <cstring>
#include <memory>
#include <thread>

#include "error.h"
#include "fetch/durable.h"
#include "fetch/http_reply.h"
#include "fetch/part_file.h"
#include "infer/model_set.h"
#include "version.h"

namespace lazarillo {
namespace {

using namespace std::chrono_literals;

/// Thrown by an attempt whose failure may pass.
struct Passing {
  std::string why;
};

[[noreturn]] void refuse(const DownloadRequest& request, const std::string& why) {
  throw Error(ExitCode::model, "'" + request.url + "' cannot be fetched: " + why);
}

bool stopped(const DownloadRequest& request) { return request.stopped && request.stopped(); }

/// One request to the server, from where the part ends.
class Attempt {
 public:
  Attempt(const DownloadRequest& request, PartFile& part) : request_(request), part_(part) {}

  /// False when it was stopped. Throws Error for what will not get better, Passing for the rest.
  bool run() {
    prepare();
    const CURLcode code = curl_easy_perform(curl_.get());
    if (failure_) throw Error(*failure_);
    if (passing_) throw Passing(*passing_);
    if (stopped(request_)) return false;
    const bool gives = reply_.status == 200 || reply_.status == 206;
    if (reply_.status >= 400 || (code == CURLE_OK && !gives)) judge_status();
    if (code != CURLE_OK) judge(code);
    // An empty file has no first byte to look at the head with.
    if (!begun_) begin();
    if (failure_) throw Error(*failure_);
    return true;
  }

  [[nodiscard]] std::optional<std::uint64_t> total() const { return total_; }

 private:
  void set(CURLoption option, auto value) {
    const CURLcode code = curl_easy_setopt(curl_.get(), option, value);
    if (code != CURLE_OK) refuse(request_, curl_easy_strerror(code));
  }

  void prepare() {
    if (!curl_) refuse(request_, "libcurl does not start");
    const bool secure = request_.url.starts_with("https:");
    set(CURLOPT_URL, request_.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, static_cast<long>(request_.limits.redirects));
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);  // a proxy's answers are not the server's
    set(CURLOPT_USERAGENT, (std::string("lazarillo/") + kVersion).c_str());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_ERRORBUFFER, detail_.data());
    set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(request_.limits.connect.count()));
    set(CURLOPT_LOW_SPEED_LIMIT, 1000L);
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(request_.limits.stall.count()));
    set(CURLOPT_HEADERFUNCTION, &Attempt::on_head);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &Attempt::on_bytes);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_XFERINFOFUNCTION, &Attempt::on_progress);
    set(CURLOPT_XFERINFODATA, this);
    set(CURLOPT_NOPROGRESS, 0L);
    if (part_.size() == 0) return;
    // CURLOPT_RESUME_FROM would make an error of a server that sends the whole again.
    set(CURLOPT_RANGE, (std::to_string(part_.size()) + "-").c_str());
    if (const std::string validator = part_.validator(request_.url); !validator.empty()) {
      headers_.reset(curl_slist_append(nullptr, ("If-Range: " + validator).c_str()));
      set(CURLOPT_HTTPHEADER, headers_.get());
    }
  }

  static std::size_t on_head(char* bytes, std::size_t, std::size_t count, void* self) {
    static_cast<Attempt*>(self)->reply_.read_line({bytes, count});
    return count;
  }

  static std::size_t on_bytes(char* bytes, std::size_t, std::size_t count, void* self) {
    return static_cast<Attempt*>(self)->take(bytes, count) ? count : CURL_WRITEFUNC_ERROR;
  }

  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    const Attempt& attempt = *static_cast<Attempt*>(self);
    if (attempt.begun_ && attempt.request_.progress) {
      attempt.request_.progress(attempt.part_.size(), attempt.total_);
    }
    return stopped(attempt.request_) ? 1 : 0;
  }

  /// Nothing may be thrown through libcurl: failures wait until it has returned.
  bool take(const char* bytes, std::size_t count) {
    if (reply_.status != 200 && reply_.status != 206) return false;
    if (!begun_ && !begin()) return false;
    if (part_.size() + count > most()) {
      return fail(Error(ExitCode::model, "'" + request_.url +
                                             "' cannot be fetched: it is longer than " +
                                             std::to_string(most()) + " bytes"));
    }
    if (const int error = part_.append(bytes, count); error != 0) {
      std::string needed;
      if (total_) needed = "; " + std::to_string(*total_ - part_.size()) + " more bytes are needed";
      return fail(Error(ExitCode::output,
                        in_quotes(part_.path()) + " cannot be written: " + std::strerror(error) +
                            needed + "; make room and repeat the command: it goes on from here"));
    }
    return true;
  }

  [[nodiscard]] std::uint64_t most() const { return request_.size.value_or(request_.at_most); }

  bool fail(const Error& error) {
    failure_ = std::make_unique<Error>(error);
    return false;
  }

  /// Looks at the head of the answer before the first byte is kept.
  bool begin() {
    begun_ = true;
    const bool goes_on = reply_.status == 206;
    if (goes_on && reply_.first != part_.size()) {
      passing_ =
          std::make_unique<Passing>(Passing{"the server sends another part than was asked for"});
      return false;
    }
    const std::string known = part_.validator(request_.url);
    if (goes_on && !known.empty() && known != reply_.validator()) {
      // It changed, and the server does not heed If-Range: what is here is of no use.
      passing_ = std::make_unique<Passing>(Passing{"the file on the server has changed"});
    }
    total_ = reply_.total();
    if (total_ && request_.size && *total_ != *request_.size) {
      return fail(Error(ExitCode::model, "'" + request_.url +
                                             "' is not the file that was meant: it has " +
                                             std::to_string(*total_) + " bytes, the index states " +
                                             std::to_string(*request_.size)));
    }
    if (!total_) total_ = request_.size;
    if (total_ && *total_ > most()) {
      return fail(Error(ExitCode::model, "'" + request_.url + "' has " + std::to_string(*total_) +
                                             " bytes; the index allows " + std::to_string(most())));
    }
    try {
      if (!goes_on || passing_) part_.begin(request_.url, goes_on ? "" : reply_.validator());
      if (total_) check_space(part_.path().parent_path(), *total_ - part_.size());
    } catch (const Error& error) {
      return fail(error);
    }
    return !passing_;
  }

  void judge_status() {
    const std::string status = "the server answers " + std::to_string(reply_.status);
    switch (reply_.status) {
      case 416:  // nothing comes after what is here, so what is here is not the beginning of it
        part_.begin(request_.url, "");
        throw Passing{status};
      case 401:
      case 403:
        refuse(request_, status + " (it does not give it to everybody)");
      case 404:
      case 410:
        refuse(request_, status + " (it is not there any more)");
      case 407:
        refuse(request_, status + " (the proxy wants a name and password)");
      default:
        break;
    }
    if (reply_.status >= 500 || reply_.status == 408 || reply_.status == 429) throw Passing{status};
    refuse(request_, status);
  }

  [[noreturn]] void judge(CURLcode code) {
    const std::string detail = detail_[0] != '\0' ? detail_.data() : curl_easy_strerror(code);
    switch (code) {
      case CURLE_COULDNT_RESOLVE_HOST:
      case CURLE_COULDNT_RESOLVE_PROXY:
        refuse(request_, detail + "; is this machine connected?");
      case CURLE_TOO_MANY_REDIRECTS:
        refuse(request_, "it leads from one address to the next without an end");
      case CURLE_UNSUPPORTED_PROTOCOL:
        refuse(request_, "it leads to something that is not " +
                             std::string(request_.url.starts_with("https:") ? "https" : "http") +
                             ": " + detail);
      case CURLE_PEER_FAILED_VERIFICATION:
      case CURLE_SSL_CACERT_BADFILE:
        refuse(request_, "the server's certificate is not good: " + detail);
      case CURLE_OPERATION_TIMEDOUT:
        throw Passing{begun_ ? "nothing came for " + std::to_string(request_.limits.stall.count()) +
                                   " s"
                             : detail};
      case CURLE_COULDNT_CONNECT:
      case CURLE_PARTIAL_FILE:
      case CURLE_RECV_ERROR:
      case CURLE_SEND_ERROR:
      case CURLE_GOT_NOTHING:
      case CURLE_SSL_CONNECT_ERROR:
      case CURLE_HTTP2:
      case CURLE_HTTP2_STREAM:
        throw Passing{detail};
      default:
        refuse(request_, detail);
    }
  }

  const DownloadRequest& request_;
  PartFile& part_;
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl_{curl_easy_init(), &curl_easy_cleanup};
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers_{nullptr,
                                                                       &curl_slist_free_all};
  std::array<char, CURL_ERROR_SIZE> detail_{};
  HttpReply reply_;
  std::optional<std::uint64_t> total_;
  bool begun_ = false;  ///< the head was looked at
  std::unique_ptr<Error> failure_;
  std::unique_ptr<Passing> passing_;
};

/// Sleeps, but no longer than until it is stopped.
void wait(const DownloadRequest& request, std::chrono::milliseconds pause) {
  for (; pause > 0ms && !stopped(request); pause -= 50ms) {
    std::this_thread::sleep_for(std::min(pause, 50ms));
  }
}

/// Fills the part; false when stopped.
bool fill(const DownloadRequest& request, PartFile& part) {
  std::chrono::milliseconds pause = request.limits.pause;
  for (int left = request.limits.retries;; --left) {
    std::string why;
    try {
      Attempt attempt(request, part);
      if (!attempt.run()) return false;
      const std::optional<std::uint64_t> total = attempt.total();
      if (!total || part.size() == *total) return true;
      why = std::to_string(part.size()) + " of " + std::to_string(*total) + " bytes came";
    } catch (const Passing& passing) {
      why = passing.why;
    }
    if (left <= 0) {
      refuse(request, why + (part.size() > 0 ? "; repeat the command later: it goes on from here"
                                             : "; try again later"));
    }
    wait(request, pause);
    if (stopped(request)) return false;
    pause *= 2;
  }
}

}  // namespace

Downloaded download(const DownloadRequest& request) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) refuse(request, curl_easy_strerror(started));
  if (!request.url.starts_with("http://") && !request.url.starts_with("https://")) {
    refuse(request, "it is not an http or https address");
  }
  PartFile part(request.target);
  // Without a digest nothing would tell that the two halves are of different files.
  const bool safe = !request.sha256.empty() || !part.validator(request.url).empty();
  if (part.size() > 0 && !safe) part.begin(request.url, "");
  if (request.size && part.size() > *request.size) part.begin(request.url, "");

  Downloaded result;
  if (request.size && part.size() < *request.size) {
    check_space(part.path().parent_path(), *request.size - part.size());
  }
  for (bool again = true;;) {
    const bool complete = request.size && part.size() == *request.size && part.size() > 0;
    result.whole = complete || fill(request, part);
    result.bytes = part.size();
    result.continued = part.earlier();
    if (!result.whole) return result;
    result.sha256 = sha256_of(part.path());
    if (request.sha256.empty() || result.sha256 == request.sha256) break;
    // A part from before may have been of another file: once more, all of it.
    const bool once_more = again && result.continued > 0;
    again = false;
    if (once_more) {
      part.begin(request.url, "");
      continue;
    }
    part.discard();
    throw Error(ExitCode::model,
                "'" + request.url + "' is not the file that was meant: its SHA-256 is " +
                    result.sha256 + ", the index states " + request.sha256 + "; it was removed");
  }
  part.publish();
  return result;
}

}  // namespace lazarillo
