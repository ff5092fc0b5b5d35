#pragma once

#include <memory>
#include <string>

namespace lazarillo::test {

struct RtspServerOptions {
  /// What gives the pictures: elements whose last is a payloader of the name pay0. One named
  /// "stamp" gets the moment each picture passes it written into the picture (stamp.h).
  std::string pipeline;
  int port = 0;  ///< 0: any
  std::string address = "127.0.0.1";
  std::string user = {};  ///< empty: everybody may look
  std::string password = {};
  bool tcp_only = false;
  double lost = 0;  ///< part of the packets, chosen at random, that is not sent
};

/// An RTSP server of GStreamer's, rtsp://ADDRESS:PORT/video, in a thread of its own. Each client
/// gets a pipeline of its own.
class RtspServer {
 public:
  explicit RtspServer(const RtspServerOptions& options);
  ~RtspServer();  ///< every connection breaks
  RtspServer(const RtspServer&) = delete;
  RtspServer& operator=(const RtspServer&) = delete;

  [[nodiscard]] int port() const;
  [[nodiscard]] std::string uri() const;
  /// Ends the connections there are; new ones may come.
  void drop_clients();
  /// How many pictures passed "stamp".
  [[nodiscard]] std::uint64_t stamped() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// H.264 of a test picture, as a phone or camera sends it.
[[nodiscard]] std::string test_pictures(int width, int height, int fps, int key_pictures = 10);

}  // namespace lazarillo::test
