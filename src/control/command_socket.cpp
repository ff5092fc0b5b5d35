#include "control/command_socket.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include "error.h"

namespace lazarillo {
namespace {

constexpr std::size_t kMostClients = 8;
constexpr std::size_t kLongestLine = 200;
constexpr int kAnswer_s = 2;

std::string message(int error) { return std::generic_category().message(error); }

[[noreturn]] void refuse(const std::string& path, const std::string& problem) {
  throw Error(ExitCode::usage, fmt::format("commands cannot come through '{}': {}", path, problem));
}

/// Throws Error(usage) where the path does not fit.
sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    refuse(path, fmt::format("the path of a socket has at most {} characters, this one has {}",
                             sizeof address.sun_path - 1, path.size()));
  }
  std::memcpy(static_cast<char*>(address.sun_path), path.c_str(), path.size() + 1);
  return address;
}

const sockaddr* general(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

int new_socket(int flags) { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0); }

/// What stands in the way of a new socket goes, where it is one that nobody listens on.
void clear_the_way(const std::string& path, const sockaddr_un& address) {
  struct stat file {};
  if (::lstat(path.c_str(), &file) != 0) return;
  if (!S_ISSOCK(file.st_mode)) {
    refuse(path, "there is another file of that name; name another with --commands");
  }
  const int probe = new_socket(SOCK_NONBLOCK);
  const int result = ::connect(probe, general(address), sizeof address);
  const int error = errno;
  ::close(probe);
  if (result == 0 || error == EAGAIN) {
    refuse(path, "another run listens there; name another with --commands");
  }
  if (error != ECONNREFUSED) refuse(path, message(error));
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) refuse(path, message(errno));
}

std::string answer_to(const std::string& line, std::vector<Command>& commands) {
  if (const auto command = command_of(line)) {
    commands.push_back(*command);
    return "ok\n";
  }
  return fmt::format("error: there is no command '{}'; known are {}\n", line, command_names());
}

}  // namespace

std::string usual_command_socket() {
  const char* folder = std::getenv("XDG_RUNTIME_DIR");
  return folder == nullptr || *folder == '\0' ? "" : std::string(folder) + "/lazarillo.sock";
}

CommandSocket::CommandSocket(std::string path) : path_(std::move(path)) {
  const sockaddr_un address = address_of(path_);
  clear_the_way(path_, address);
  descriptor_ = new_socket(SOCK_NONBLOCK);
  if (descriptor_ < 0) refuse(path_, message(errno));
  // Before it has a name: at no moment may others open it.
  const bool made = ::fchmod(descriptor_, S_IRUSR | S_IWUSR) == 0 &&
                    ::bind(descriptor_, general(address), sizeof address) == 0 &&
                    ::chmod(path_.c_str(), S_IRUSR | S_IWUSR) == 0 &&
                    ::listen(descriptor_, static_cast<int>(kMostClients)) == 0;
  if (!made) {
    const int error = errno;
    ::close(descriptor_);
    refuse(path_, message(error));
  }
  struct stat file {};
  if (::lstat(path_.c_str(), &file) == 0) {
    device_ = file.st_dev;
    inode_ = file.st_ino;
  }
}

CommandSocket::~CommandSocket() {
  if (descriptor_ < 0) return;
  struct stat file {};
  const bool ours =
      ::lstat(path_.c_str(), &file) == 0 && file.st_dev == device_ && file.st_ino == inode_;
  if (ours) ::unlink(path_.c_str());
  leave();
}

void CommandSocket::leave() {
  for (const Client& client : clients_) ::close(client.descriptor);
  clients_.clear();
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

void CommandSocket::watch(std::vector<pollfd>& descriptors) const {
  if (descriptor_ < 0) return;
  descriptors.push_back({descriptor_, POLLIN, 0});
  for (const Client& client : clients_) descriptors.push_back({client.descriptor, POLLIN, 0});
}

void CommandSocket::take(std::vector<Command>& commands) {
  if (descriptor_ < 0) return;
  accept_clients();
  std::erase_if(clients_, [&](Client& client) {
    if (serve(client, commands)) return false;
    ::close(client.descriptor);
    return true;
  });
}

void CommandSocket::accept_clients() {
  for (;;) {
    const int client = ::accept4(descriptor_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) return;
    if (clients_.size() == kMostClients) {
      // Whoever has been silent for longest makes room.
      ::close(clients_.front().descriptor);
      clients_.erase(clients_.begin());
    }
    clients_.push_back({client, {}});
  }
}

bool CommandSocket::serve(Client& client, std::vector<Command>& commands) {
  std::array<char, 256> block{};
  const ssize_t count = ::recv(client.descriptor, block.data(), block.size(), MSG_DONTWAIT);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  if (count == 0) return false;
  client.unfinished.append(block.data(), static_cast<std::size_t>(count));
  std::string answers;
  for (std::size_t end = 0; (end = client.unfinished.find('\n')) != std::string::npos;) {
    std::string line = client.unfinished.substr(0, end);
    client.unfinished.erase(0, end + 1);
    if (line.ends_with('\r')) line.pop_back();
    answers += answer_to(line, commands);
  }
  const bool sense = client.unfinished.size() <= kLongestLine;
  if (!sense) answers += "error: this line is too long for a command\n";
  if (answers.empty()) return true;
  // Who does not read has no room left for answers, and is sent away.
  const ssize_t sent =
      ::send(client.descriptor, answers.data(), answers.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return sense && sent == static_cast<ssize_t>(answers.size());
}

std::string tell(const std::string& path, const std::string& command) {
  const sockaddr_un address = address_of(path);
  const int descriptor = new_socket(0);
  if (descriptor < 0) refuse(path, message(errno));
  struct Closed {
    int descriptor;
    ~Closed() { ::close(descriptor); }
  } const closed{descriptor};
  const timeval patience{kAnswer_s, 0};
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect(descriptor, general(address), sizeof address) != 0) {
    const bool nobody = errno == ENOENT || errno == ECONNREFUSED;
    refuse(path, nobody ? "no run listens there; start one, or name its socket with --socket"
                        : message(errno));
  }
  const std::string line = command + "\n";
  if (::send(descriptor, line.data(), line.size(), MSG_NOSIGNAL) < 0) refuse(path, message(errno));
  std::string answer;
  std::array<char, 256> block{};
  while (answer.find('\n') == std::string::npos) {
    const ssize_t count = ::recv(descriptor, block.data(), block.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) refuse(path, "the run there does not answer");
    answer.append(block.data(), static_cast<std::size_t>(count));
  }
  return answer.substr(0, answer.find('\n'));
}

}  // namespace lazarillo
