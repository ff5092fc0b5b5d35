#include "source/frame_sets.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace lazarillo {
namespace {

constexpr std::size_t kGaps = 8;
/// While no two pictures of any camera are known: half the gap of 30 a second.
constexpr std::int64_t kFirstWindow_ns = 16'000'000;
/// A picture may come later than its camera's rate says by this part of a gap.
constexpr std::int64_t kUneven = 8;

}  // namespace

std::int64_t FrameSets::Camera::gap_ns() const {
  return gaps_ns.empty() ? 0 : *std::min_element(gaps_ns.begin(), gaps_ns.end());
}

FrameSets::FrameSets(std::shared_ptr<const Rig> rig, std::uint64_t first_number)
    : rig_(std::move(rig)), cameras_(rig_->cameras.size()), next_number_(first_number) {}

std::int64_t FrameSets::window_ns() const {
  std::int64_t fastest = 0;
  for (const Camera& camera : cameras_) {
    const std::int64_t gap = camera.gap_ns();
    if (gap > 0 && (fastest == 0 || gap < fastest)) fastest = gap;
  }
  return fastest == 0 ? kFirstWindow_ns : fastest / 2;
}

void FrameSets::add(Frame frame, std::int64_t moment_ns) {
  const auto index = static_cast<std::size_t>(frame.stamp.camera);
  Camera& camera = cameras_.at(index);
  if (!first_ns_) first_ns_ = moment_ns;
  if (camera.newest_ns) {
    if (moment_ns <= *camera.newest_ns) {
      ++passed_over_;
      return;
    }
    camera.gaps_ns.push_back(moment_ns - *camera.newest_ns);
    if (camera.gaps_ns.size() > kGaps) camera.gaps_ns.pop_front();
  }
  camera.newest_ns = moment_ns;
  if (last_ns_ && moment_ns < *last_ns_ - window_ns()) {
    ++passed_over_;  // too late for its moment
    return;
  }
  camera.waiting.push_back({std::move(frame), moment_ns});
  if (index == 0) {
    leader_ = 0;
  } else {
    lead_if_alone(camera, moment_ns);
  }
}

void FrameSets::lead_if_alone(const Camera& camera, std::int64_t moment_ns) {
  const Camera& leader = cameras_[leader_];
  if (&camera == &leader || !leader.waiting.empty()) return;
  // Before its first picture: as long since the first of this one's.
  const std::int64_t since_ns =
      leader.newest_ns ? *leader.newest_ns : camera.waiting.front().moment_ns;
  if (moment_ns - since_ns <= kSilent_ns) return;
  leader_ = static_cast<std::size_t>(&camera - cameras_.data());
  // What was kept for the silent one is of the past.
  for (Camera& other : cameras_) {
    while (other.waiting.size() > 1 && other.waiting.front().moment_ns < moment_ns - window_ns()) {
      other.waiting.pop_front();
      ++passed_over_;
    }
  }
}

bool FrameSets::complete(std::int64_t moment_ns) const {
  if (cameras_[leader_].waiting.size() > 1) return true;
  const std::int64_t window = window_ns();
  bool waits = false;
  for (std::size_t i = 0; i < cameras_.size(); ++i) {
    const Camera& camera = cameras_[i];
    if (!camera.newest_ns) {  // it may be about to begin
      waits = waits || moment_ns - first_ns_.value_or(moment_ns) < kSilent_ns;
      continue;
    }
    if (*camera.newest_ns >= moment_ns + kLate_ns) return true;
    if (i == leader_ || *camera.newest_ns >= moment_ns) continue;
    // One that lies before the moment joins when no nearer one can come.
    const std::int64_t due_ns = *camera.newest_ns + camera.gap_ns();
    const std::int64_t off_ns = moment_ns - *camera.newest_ns;
    const bool nearer_due =
        due_ns - camera.gap_ns() / kUneven <= moment_ns + std::min(window, off_ns);
    const bool alive = off_ns <= std::max(4 * camera.gap_ns(), kSilent_ns);
    waits = waits || (nearer_due && alive);
  }
  return !waits;
}

Frame FrameSets::join() {
  Taken lead = std::move(cameras_[leader_].waiting.front());
  cameras_[leader_].waiting.pop_front();
  const std::int64_t window = window_ns();
  auto set = std::make_shared<FrameSet>();
  set->rig = rig_;
  for (std::size_t i = 0; i < cameras_.size(); ++i) {
    if (i == leader_) continue;
    auto& waiting = cameras_[i].waiting;
    const auto off = [&](const Taken& taken) { return std::abs(taken.moment_ns - lead.moment_ns); };
    const auto nearest =
        std::min_element(waiting.begin(), waiting.end(),
                         [&](const Taken& a, const Taken& b) { return off(a) < off(b); });
    const bool joins = nearest != waiting.end() && off(*nearest) <= window;
    if (joins) set->others.push_back(std::move(nearest->frame));
    // A picture from after the moment may be of the next one.
    const std::int64_t over_ns = joins ? nearest->moment_ns : lead.moment_ns;
    while (!waiting.empty() && waiting.front().moment_ns <= over_ns) {
      const bool joined = joins && waiting.front().moment_ns == over_ns;
      passed_over_ += joined ? 0 : 1;
      waiting.pop_front();
    }
  }
  last_ns_ = lead.moment_ns;
  lead.frame.set = std::move(set);
  lead.frame.stamp.sequence = next_number_++;
  return std::move(lead.frame);
}

std::optional<Frame> FrameSets::take() {
  auto& waiting = cameras_[leader_].waiting;
  // Those of another leader's time.
  while (!waiting.empty() && last_ns_ && waiting.front().moment_ns <= *last_ns_) {
    waiting.pop_front();
    ++passed_over_;
  }
  if (waiting.empty() || !complete(waiting.front().moment_ns)) return std::nullopt;
  return join();
}

std::optional<Frame> FrameSets::overdue(std::int64_t now_ns) {
  const auto& waiting = cameras_[leader_].waiting;
  if (waiting.empty() || now_ns - waiting.front().frame.stamp.capture_ns < kLate_ns) {
    return std::nullopt;
  }
  return join();
}

std::optional<Frame> FrameSets::finish() {
  if (auto frame = take()) return frame;
  if (cameras_[leader_].waiting.empty()) return std::nullopt;
  return join();
}

}  // namespace lazarillo
