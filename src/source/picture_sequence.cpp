#include "source/picture_sequence.h"

#include <malloc.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

namespace lazarillo {
namespace {

/// How far before the target to seek: some containers land on a key picture that is shown after it.
constexpr std::int64_t kBack_ns[] = {0, 2'000'000'000, 20'000'000'000};

std::int64_t file_time_ns(const PictureDecoder& decoder, const PictureTime& time) {
  return *time.time_ns - *decoder.first_time().time_ns;
}

std::uint64_t pictures_in(std::int64_t span_ns, double step_ns) {
  return static_cast<std::uint64_t>(std::llround(static_cast<double>(span_ns) / step_ns));
}

}  // namespace

PictureSequence::PictureSequence(std::filesystem::path file, const SequenceOptions& options,
                                 std::stop_token stop)
    : file_(std::move(file)), options_(options), stop_(std::move(stop)), decoder_(open()) {
  width_ = decoder_->width();
  height_ = decoder_->height();
  if (!options_.loop) {
    duration_ns_ = decoder_->duration_ns();
    if (options_.feed_fps > 0 && duration_ns_) {
      const auto step_ns = decoder_->step_ns();
      if (step_ns) {
        const auto pictures = static_cast<double>(pictures_in(*duration_ns_, *step_ns));
        duration_ns_ = std::llround(pictures * 1e9 / options_.feed_fps);
      } else {
        duration_ns_.reset();
      }
    }
  }
  if (options_.start_ns > 0) start();
  if (options_.loop && !over_) prepare_next_pass(nullptr);
}

PictureSequence::~PictureSequence() = default;

PictureSequence::Decoder PictureSequence::open() const {
  return std::make_unique<PictureDecoder>(file_, stop_, options_.on_card, options_.tap);
}

std::optional<PictureSequence::Place> PictureSequence::advance() {
  if (pending_) return std::exchange(pending_, std::nullopt);
  while (!over_) {
    if (const auto place = step()) return place;
    if (!over_) over_ = !begin_again();
  }
  return std::nullopt;
}

std::optional<DecodedPicture> PictureSequence::picture() {
  auto picture = decoder_->picture();
  if (!picture) {
    over_ = true;
    fault_ = decoder_->fault();
  }
  return picture;
}

/// nullopt at the end of the pass.
std::optional<PictureSequence::Place> PictureSequence::step() {
  while (const auto time = decoder_->advance()) {
    if (const auto there = place(*time)) return there;
  }
  return std::nullopt;
}

/// nullopt when the picture is to be skipped.
std::optional<PictureSequence::Place> PictureSequence::place(const PictureTime& time) {
  const auto file_ns = clock_.place(time.time_ns, time.duration_ns);
  if (options_.feed_fps > 0) {
    const double due_ns = static_cast<double>(number_) * 1e9 / options_.feed_fps;
    return Place{number_++, std::llround(due_ns)};
  }
  if (!file_ns) return std::nullopt;
  return Place{number_++, *file_ns};
}

/// Finds the first picture not before start_ns. What it costs does not grow with start_ns where the
/// file can be sought.
void PictureSequence::start() {
  std::int64_t before_ns = 0;  // the passes that are over by then
  std::uint64_t before = 0;
  // The first number whose place, rounded to whole ns, is not before the start.
  const double wanted = std::max(
      std::ceil((static_cast<double>(options_.start_ns) - 0.5) * options_.feed_fps / 1e9), 0.0);
  std::int64_t target_ns = options_.start_ns;
  if (options_.loop) {
    const Pass pass = measure();
    const std::uint64_t passes =
        options_.feed_fps > 0 ? static_cast<std::uint64_t>(wanted) / pass.pictures
                              : static_cast<std::uint64_t>(options_.start_ns / pass.length_ns);
    if (passes > 0 && !pass.fault.empty()) {
      over_ = true;
      fault_ = pass.fault;
      return;
    }
    before = passes * pass.pictures;
    before_ns = static_cast<std::int64_t>(passes) * pass.length_ns;
    target_ns -= before_ns;
    decoder_ = open();
  }
  if (options_.feed_fps > 0) {
    // Half a step early: timestamps are rounded.
    const double picture = std::max(wanted - static_cast<double>(before) - 0.5, 0.0);
    target_ns = std::llround(picture * decoder_->step_ns().value_or(0));
  }
  if (!land(target_ns, before_ns, before)) {
    decoder_ = open();
    clock_.begin_at(before_ns);
    number_ = before;
    pending_ = step();
  }
  while (pending_ && pending_->stream_ns < options_.start_ns) pending_ = step();
}

/// Seeks to a picture not after `target_ns` of the file and makes it the pending one; `before` are
/// the passes that went before. False when the file cannot be sought.
bool PictureSequence::land(std::int64_t target_ns, std::int64_t before_ns, std::uint64_t before) {
  PictureTime found;
  if (!seek_back_from(target_ns, found)) return false;
  const std::int64_t file_ns = file_time_ns(*decoder_, found);
  clock_.begin_at(before_ns + file_ns);
  number_ = before + pictures_in(file_ns, *decoder_->step_ns());
  pending_ = place(found);
  return true;
}

/// False when the decoder is of no more use.
bool PictureSequence::seek_back_from(std::int64_t target_ns, PictureTime& found) {
  if (!decoder_->step_ns() || !decoder_->first_time().time_ns) return false;
  target_ns = std::min(target_ns, decoder_->duration_ns().value_or(target_ns));
  for (const std::int64_t back_ns : kBack_ns) {
    if (!decoder_->seek(std::max<std::int64_t>(target_ns - back_ns, 0))) return false;
    const auto time = decoder_->advance();
    if (!time) continue;
    if (!time->time_ns) return false;
    if (file_time_ns(*decoder_, *time) > target_ns) continue;
    found = *time;
    return true;
  }
  return false;
}

/// How long one pass is: from the last pictures where the file can be sought, else by decoding all.
PictureSequence::Pass PictureSequence::measure() {
  StreamClock clock;
  Pass pass;
  PictureTime found;
  const auto declared_ns = decoder_->duration_ns();
  const bool sought = declared_ns && seek_back_from(*declared_ns, found);
  if (sought) {
    clock.begin_at(file_time_ns(*decoder_, found));
    clock.place(found.time_ns, found.duration_ns);
  } else {
    decoder_ = open();
  }
  while (const auto time = decoder_->advance()) {
    const bool shown = clock.place(time->time_ns, time->duration_ns).has_value();
    if (shown || options_.feed_fps > 0) ++pass.pictures;
  }
  pass.length_ns = clock.following_ns();
  if (sought) pass.pictures = pictures_in(pass.length_ns, *decoder_->step_ns());
  pass.pictures = std::max<std::uint64_t>(pass.pictures, 1);
  pass.fault = decoder_->fault();
  return pass;
}

/// Goes over to the next pass. False when there is none.
bool PictureSequence::begin_again() {
  fault_ = decoder_->fault();
  if (!options_.loop || !fault_.empty() || stop_.stop_requested()) return false;
  try {
    Decoder next = next_pass_.get();
    std::swap(decoder_, next);
    prepare_next_pass(std::move(next));
  } catch (const std::exception& error) {
    if (!stop_.stop_requested()) fault_ = error.what();
    return false;
  }
  clock_.begin_at(clock_.following_ns());
  return true;
}

/// Takes its time: it must not stall the first pictures of the pass that begins. A decoder that can
/// go back keeps its buffers and threads; others are opened anew.
void PictureSequence::prepare_next_pass(Decoder finished) {
  next_pass_ = std::async(std::launch::async, [this, old = std::move(finished)]() mutable {
    if (old && old->rewind()) return std::move(old);
    old.reset();
    // What a decoder's threads freed would stay with the process, a little more with every pass.
    ::malloc_trim(0);
    return open();
  });
}

}  // namespace lazarillo
