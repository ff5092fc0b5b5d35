#pragma once

#include <poll.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "guide/command.h"

namespace lazarillo {

/// $XDG_RUNTIME_DIR/lazarillo.sock; empty where there is no such folder.
[[nodiscard]] std::string usual_command_socket();

/// Commands through a UNIX socket that only its user may open (mode 0600). A client sends a command
/// a line and gets a line for each: "ok", or "error: " and what is wrong. Not thread-safe.
class CommandSocket {
 public:
  /// Throws Error(usage): the path is too long, cannot be made, is no socket, or belongs to a run
  /// that is alive. What a dead one left is replaced.
  explicit CommandSocket(std::string path);
  ~CommandSocket();
  CommandSocket(const CommandSocket&) = delete;
  CommandSocket& operator=(const CommandSocket&) = delete;

  /// Appends what is to be polled for input.
  void watch(std::vector<pollfd>& descriptors) const;
  /// Answers clients, and appends what they asked for. Never waits.
  void take(std::vector<Command>& commands);
  /// In a forked child: the socket is the parent's.
  void leave();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  struct Client {
    int descriptor;
    std::string unfinished;  ///< line
  };
  void accept_clients();
  /// False when the client is gone, or says what makes no sense.
  static bool serve(Client& client, std::vector<Command>& commands);

  std::string path_;
  int descriptor_ = -1;
  dev_t device_ = 0;  ///< of the socket's file: another one in its place stays
  ino_t inode_ = 0;
  std::vector<Client> clients_;
};

/// Sends a command to a run and gives its answer, without the line's end. Throws Error(usage):
/// nobody listens there, or no answer comes within two seconds.
[[nodiscard]] std::string tell(const std::string& path, const std::string& command);

}  // namespace lazarillo
