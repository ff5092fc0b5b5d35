#include "run/isolate/supervisor.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <iostream>
#include <memory>
#include <new>
#include <system_error>

#include "clock.h"
#include "control/keyboard.h"
#include "run/isolate/children.h"
#include "run/isolate/known_cameras.h"
#include "run/isolate/report_codec.h"
#include "run/isolate/succession.h"
#include "run/parts.h"
#include "run/paths.h"
#include "source/live_address.h"
#include "version.h"

namespace lazarillo {
namespace {

constexpr std::int64_t kNsPerS = 1'000'000'000;
/// How long an orderly end may take before what is left is killed.
constexpr std::int64_t kEndingNs = 30 * kNsPerS;
/// A part that dies soon after it started waits a little longer each time before the next try.
constexpr std::int64_t kSoonNs = 5 * kNsPerS;
constexpr std::int64_t kLongestPauseNs = 2 * kNsPerS;
/// Frames come and nothing leaves the part for so long: it hangs. Eyes may have a slow network; a
/// silent guide sounds like a clear way.
constexpr std::int64_t kEyesHangNs = 5 * kNsPerS;
constexpr std::int64_t kGuideHangsNs = 2 * kNsPerS;
/// Frames come as long as the last one is no older.
constexpr std::int64_t kFreshNs = kNsPerS / 2;

/// The run's state, in memory that children inherit.
class SharedStateMemory {
 public:
  SharedStateMemory() {
    void* memory = ::mmap(nullptr, sizeof(SharedState), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
      throw Error(ExitCode::output, "no memory for the processes' common state: " +
                                        std::generic_category().message(errno));
    }
    state_ = new (memory) SharedState;
  }
  ~SharedStateMemory() { ::munmap(state_, sizeof(SharedState)); }
  SharedStateMemory(const SharedStateMemory&) = delete;
  SharedStateMemory& operator=(const SharedStateMemory&) = delete;
  SharedState& operator*() const { return *state_; }

 private:
  SharedState* state_;
};

sigset_t set_of(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  return set;
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return std::string("killed: ") + ::strsignal(WTERMSIG(status));
  return "ended with code " + std::to_string(WEXITSTATUS(status));
}

struct Child {
  pid_t pid = 0;  ///< 0: not running
  std::int64_t started_ns = 0;
  std::int64_t again_ns = 0;  ///< when to start it again; 0: not planned
  std::int64_t pause_ns = 0;
  int starts = 0;
  std::uint64_t given = 0;   ///< sequence of the newest value that left it
  std::int64_t idle_ns = 0;  ///< for how long none has, while frames came
};

void kill_child(Child& child) {
  child.again_ns = 0;
  if (child.pid == 0) return;
  ::kill(child.pid, SIGKILL);
  while (::waitpid(child.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  child.pid = 0;
}

class Supervisor {
 public:
  Supervisor(const RunOptions& options, CommandInputs* inputs)
      : options_(options),
        inputs_(inputs),
        models_(load_model_set(options.config.models, model_directories())) {
    state_.supervisor = ::getpid();
    const std::optional<Succession> before = take_succession();
    if (!before) return;
    // Everybody takes the place of one that died, and the walker has been told of it.
    state_.generation = before->generation;
    state_.origin_ns = before->origin_ns;
    state_.last_track = before->last_track;
    state_.last_frame = before->last_frame;
    if (before->manner) state_.keep(*before->manner);
    state_.blind = true;
    state_.broken_ns = steady_now_ns();
    for (Child& child : children_) child.starts = 1;
  }
  ~Supervisor() { kill_all(); }
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  RunResult run(int& signal_received);

 private:
  void probe();
  void start(PartName part);
  void start_spare();
  /// Lets the spare pair of eyes take over; false when there is none ready.
  bool call_spare();
  void await_ready(PartName part);
  /// Waits a moment. Before everybody is at work, a signal ends all at once: a camera may be waited
  /// for.
  void end_if_told();
  void watch();
  void handle_signal(int signal);
  void reap();
  void on_death(PartName part, int status);
  void start_due();
  /// Kills a part that hangs; its death is noticed like any other. `tick_ns`: since the last call.
  void kill_if_hanging(PartName name, const Ring& output, std::int64_t limit_ns,
                       std::int64_t tick_ns);
  void kill_all();
  void abandon_if_headless(PartName name);
  [[nodiscard]] bool ending() const { return state_.stopping || state_.stream_ended; }
  [[nodiscard]] RunResult collect();

  /// In a child: the terminal and the rest are the supervisor's.
  void leave_inputs() {
    if (inputs_ != nullptr) inputs_->leave();
  }

  RunOptions options_;
  CommandInputs* inputs_;
  ModelSet models_;
  SharedStateMemory memory_;
  SharedState& state_ = *memory_;
  SharedState::Part spare_part_;  ///< nobody reads it: a spare that fails is tried again
  std::optional<Rings> rings_;
  std::array<Child, kParts> children_;
  Child spare_;           ///< a second pair of eyes, networks loaded
  bool at_work_ = false;  ///< everything was ready once
  std::int64_t ending_since_ns_ = 0;
  int signal_ = 0;
  int deaths_ = 0;
};

/// Runs `work` in a child of this process; what it throws is left in `part`.
template <class Work>
pid_t fork_child(const char* name, pid_t parent, SharedState::Part& part, bool outlives_parent,
                 Work work) {
  std::cout.flush();
  const pid_t pid = ::fork();
  if (pid < 0) {
    throw Error(ExitCode::internal,
                "cannot start a process: " + std::generic_category().message(errno));
  }
  if (pid > 0) return pid;
  if (!outlives_parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) _exit(0);
  }
  ::prctl(PR_SET_NAME, name);
  // Ctrl-C reaches the whole group: the supervisor alone decides what it means.
  std::signal(SIGINT, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  int code = 0;
  try {
    work();
  } catch (const Error& error) {
    code = static_cast<int>(error.code());
    part.error.set(error.what());
    part.error_code = code;
  } catch (const std::exception& error) {
    code = static_cast<int>(ExitCode::internal);
    part.error.set(std::string("internal fault: ") + error.what());
    part.error_code = code;
  }
  // Not exit(): what the parent had registered is the parent's.
  std::cout.flush();
  _exit(code);
}

void Supervisor::probe() {
  SharedState::Part& part = state_.of(PartName::capture);
  const pid_t pid = fork_child("lz-probe", ::getpid(), part, false, [this] {
    leave_inputs();
    probe_source(options_, state_);
  });
  int status = 0;
  while (::waitpid(pid, &status, WNOHANG) == 0) end_if_told();
  if (state_.probed) return;
  if (part.error_code != 0) {
    throw Error(static_cast<ExitCode>(part.error_code.load()), part.error.get());
  }
  throw Error(ExitCode::source, "the process that opens '" + without_secrets(options_.source) +
                                    "' was " + how_it_ended(status));
}

void Supervisor::start(PartName name) {
  Child& child = children_[static_cast<std::size_t>(name)];
  SharedState::Part& part = state_.of(name);
  part.ready = false;
  const bool restarted = child.starts++ > 0;
  const std::string title = std::string("lz-") + to_string(name);
  child.again_ns = 0;
  child.started_ns = steady_now_ns();
  child.pid =
      fork_child(title.c_str(), ::getpid(), part, name == PartName::guide, [this, name, restarted] {
        leave_inputs();
        run_part(name, options_, models_, *rings_, state_,
                 restarted ? Start::restarted : Start::first);
      });
}

void Supervisor::start_spare() {
  if (!options_.config.running.spare) return;
  state_.spare_ready = false;
  spare_.again_ns = 0;
  spare_.started_ns = steady_now_ns();
  spare_.pid = fork_child("lz-spare", ::getpid(), spare_part_, false, [this] {
    leave_inputs();
    run_part(PartName::see, options_, models_, *rings_, state_, Start::spare);
  });
}

bool Supervisor::call_spare() {
  if (spare_.pid == 0 || !state_.spare_ready) return false;
  Child& see = children_[static_cast<std::size_t>(PartName::see)];
  see.pid = spare_.pid;
  see.started_ns = steady_now_ns();
  ++see.starts;
  spare_.pid = 0;
  // Loading the next one takes the processor from the one that has just begun: a little later.
  spare_.again_ns = steady_now_ns() + kNsPerS;
  state_.spare_called = see.pid;
  return true;
}

void Supervisor::await_ready(PartName name) {
  const SharedState::Part& part = state_.of(name);
  Child& child = children_[static_cast<std::size_t>(name)];
  while (!part.ready) {
    int status = 0;
    if (::waitpid(child.pid, &status, WNOHANG) == child.pid) {
      child.pid = 0;
      if (part.error_code != 0) {
        throw Error(static_cast<ExitCode>(part.error_code.load()), part.error.get());
      }
      throw Error(ExitCode::internal, std::string("the process for ") + to_string(name) + " was " +
                                          how_it_ended(status) + " while it was being set up");
    }
    end_if_told();
  }
}

void Supervisor::end_if_told() {
  const sigset_t watched = set_of({SIGINT, SIGTERM});
  constexpr timespec kPatience{0, 2'000'000};
  const int signal = ::sigtimedwait(&watched, nullptr, &kPatience);
  if (signal <= 0) return;
  kill_all();
  restore_terminal();
  _exit(128 + signal);
}

RunResult Supervisor::run(int& signal_received) {
  probe();
  // Every process inherits the same lens, also one that is started again later.
  if (auto lens = lens_of(state_.cameras[0])) options_.lens = std::move(lens);
  rings_ = make_rings(state_, models_);
  state_.spare_loads = options_.config.running.spare;
  // Capture comes last: the first frame finds everybody at work.
  for (const PartName part : {PartName::see, PartName::guide, PartName::show}) start(part);
  for (const PartName part : {PartName::see, PartName::guide, PartName::show}) await_ready(part);
  start(PartName::capture);
  await_ready(PartName::capture);
  at_work_ = true;
  std::cerr << "lazarillo: processes";
  for (std::size_t i = 0; i < kParts; ++i) {
    std::cerr << (i == 0 ? " " : ", ") << to_string(static_cast<PartName>(i)) << ' '
              << children_[i].pid;
  }
  std::cerr << std::endl;
  spare_.again_ns = steady_now_ns() + kNsPerS;
  watch();
  signal_received = signal_;
  return collect();
}

void Supervisor::watch() {
  const sigset_t watched = set_of({SIGINT, SIGTERM, SIGCHLD});
  const timespec patience{0, 20'000'000};
  std::int64_t last_ns = steady_now_ns();
  for (;;) {
    const int signal = ::sigtimedwait(&watched, nullptr, &patience);
    if (signal == SIGINT || signal == SIGTERM) handle_signal(signal);
    if (inputs_ != nullptr) {
      for (const Command command : inputs_->take()) state_.give(command);
    }
    // Only what this process has witnessed counts: all of them may have been stopped together.
    const std::int64_t tick_ns = std::min(steady_now_ns() - last_ns, 5 * patience.tv_nsec);
    last_ns = steady_now_ns();
    kill_if_hanging(PartName::see, rings_->seen, kEyesHangNs, tick_ns);
    kill_if_hanging(PartName::guide, rings_->scenes, kGuideHangsNs, tick_ns);
    reap();
    start_due();
    const auto runs = [](const Child& child) { return child.pid != 0 || child.again_ns != 0; };
    if (std::none_of(children_.begin(), children_.end(), runs)) return kill_all();
    if (!ending()) continue;
    if (ending_since_ns_ == 0) ending_since_ns_ = steady_now_ns();
    if (steady_now_ns() - ending_since_ns_ > kEndingNs) {
      state_.of(PartName::guide).fault.set("a process did not end in time and was killed");
      return kill_all();
    }
  }
}

void Supervisor::handle_signal(int signal) {
  if (signal_ != 0) {
    kill_all();
    restore_terminal();
    _exit(128 + signal);
  }
  signal_ = signal;
  state_.stopping = true;
}

void Supervisor::reap() {
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    for (std::size_t i = 0; i < kParts; ++i) {
      if (children_[i].pid == pid) on_death(static_cast<PartName>(i), status);
    }
    if (spare_.pid != pid) continue;
    spare_.pid = 0;
    state_.spare_loads = false;
    if (!ending()) spare_.again_ns = steady_now_ns() + kLongestPauseNs;
  }
}

void Supervisor::on_death(PartName name, int status) {
  Child& child = children_[static_cast<std::size_t>(name)];
  child.pid = 0;
  SharedState::Part& part = state_.of(name);
  if (part.done) return;
  const std::int64_t now_ns = steady_now_ns();
  if (name == PartName::capture || name == PartName::see) {
    state_.broken_ns = now_ns;
    state_.blind = true;
    ++state_.breaks;
  }
  // At the end only what still has values to work off is worth starting again.
  const bool needed = !ending() || (name == PartName::guide && !state_.stopping);
  const std::string why = part.error_code != 0 ? part.error.get() : how_it_ended(status);
  std::cerr << "lazarillo: " << to_string(name) << ' ' << why << (needed ? "; started again" : "")
            << std::endl;
  ++deaths_;
  // The next process of this part may die of something else.
  part.error_code = 0;
  part.error.clear();
  if (!needed) {
    part.done = true;
    abandon_if_headless(name);
    return;
  }
  if (name == PartName::see && call_spare()) {
    std::cerr << "lazarillo: see " << child.pid << std::endl;
    return;
  }
  const bool soon = now_ns - child.started_ns < kSoonNs;
  child.pause_ns =
      soon && child.starts > 1 ? std::min(kLongestPauseNs, child.pause_ns * 2 + kNsPerS / 10) : 0;
  child.again_ns = now_ns + child.pause_ns;
}

void Supervisor::start_due() {
  if (spare_.again_ns != 0 && steady_now_ns() >= spare_.again_ns) {
    spare_.again_ns = 0;
    if (!ending()) start_spare();
  }
  for (std::size_t i = 0; i < kParts; ++i) {
    Child& child = children_[i];
    if (child.again_ns == 0 || steady_now_ns() < child.again_ns) continue;
    start(static_cast<PartName>(i));
    std::cerr << "lazarillo: " << to_string(static_cast<PartName>(i)) << ' ' << child.pid
              << std::endl;
  }
}

void Supervisor::kill_if_hanging(PartName name, const Ring& output, std::int64_t limit_ns,
                                 std::int64_t tick_ns) {
  Child& child = children_[static_cast<std::size_t>(name)];
  const std::uint64_t newest = output.newest_sequence();
  if (child.pid == 0 || !state_.of(name).ready || newest != child.given || ending()) {
    child.given = newest;
    child.idle_ns = 0;
    return;
  }
  if (rings_->frames.heartbeat_age_ns(steady_now_ns()) < kFreshNs) child.idle_ns += tick_ns;
  if (child.idle_ns < limit_ns) return;
  std::cerr << "lazarillo: " << to_string(name) << " gives nothing any more and is ended"
            << std::endl;
  child.idle_ns = 0;
  ::kill(child.pid, SIGKILL);
}

void Supervisor::kill_all() {
  kill_child(spare_);
  for (Child& child : children_) kill_child(child);
}

void Supervisor::abandon_if_headless(PartName name) {
  // Whoever waits for values of a process that is gone for good must not wait for ever.
  if (name == PartName::capture || name == PartName::see || name == PartName::guide) {
    state_.abandoned = true;
  }
}

RunResult Supervisor::collect() {
  RunResult result;
  Report& report = result.report;
  for (std::size_t i = 0; i < kParts; ++i) {
    const auto name = static_cast<PartName>(i);
    SharedState::Part& part = state_.of(name);
    merge_report(name, part, report);
    const std::string fault = part.fault.get();
    if (fault.empty()) continue;
    if (result.code == ExitCode::ok) result.code = static_cast<ExitCode>(part.fault_code.load());
    result.problems.push_back(fault);
  }
  if (deaths_ > 0) report.drops["process_died"] = static_cast<std::uint64_t>(deaths_);
  report.version = kVersion;
  report.source = without_secrets(options_.source);
  report.models = models_.name;
  report.mode = "isolated";
  report.language = options_.config.language;
  finish_report(options_, state_.stopping, result);
  return result;
}

}  // namespace

RunResult run_isolated(const RunOptions& options, int& signal_received, CommandInputs* inputs) {
  if (!options.realtime) {
    throw Error(ExitCode::usage, "--isolate is for live runs: add --realtime");
  }
  const sigset_t watched = set_of({SIGINT, SIGTERM, SIGCHLD});
  ::sigprocmask(SIG_BLOCK, &watched, nullptr);
  // Read once, not in every process.
  RunOptions known = options;
  known.lens = lens_of(options.config);
  return Supervisor(known, inputs).run(signal_received);
}

}  // namespace lazarillo
