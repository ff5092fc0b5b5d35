#include "show/wav_writer.h"

#include <fmt/format.h>
#include <sndfile.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

#include "error.h"

namespace lazarillo {
namespace {

constexpr int kRate = 48000;
constexpr std::int64_t kChannels = 2;
// A WAV file states its size in 32 bits; some room is left for the header.
constexpr std::int64_t kMostFrames = (0xFFFFFFFFLL - 4096) / (kChannels * 2);

}  // namespace

struct WavWriter::Impl {
  std::filesystem::path file;
  SNDFILE* sound = nullptr;
  std::int64_t frames = 0;
  std::string fault;
};

WavWriter::WavWriter(const std::filesystem::path& file, bool go_on)
    : impl_(std::make_unique<Impl>()) {
  impl_->file = file;
  SF_INFO info{};
  std::error_code ignored;
  const bool there = go_on && std::filesystem::file_size(file, ignored) > 0 && !ignored;
  if (!there) {
    info.samplerate = kRate;
    info.channels = kChannels;
    info.format = SF_FORMAT_WAV | SF_FORMAT_PCM_16;
  }
  errno = 0;
  impl_->sound = sf_open(file.c_str(), there ? SFM_RDWR : SFM_WRITE, &info);
  if (impl_->sound == nullptr) {
    const std::string why =
        errno != 0 ? std::generic_category().message(errno) : std::string(sf_strerror(nullptr));
    throw Error(ExitCode::output, fmt::format("cannot create {}: {}", file.string(), why));
  }
  if (there) {
    if (info.samplerate != kRate || info.channels != kChannels) {
      close();
      throw Error(ExitCode::output,
                  fmt::format("cannot go on with {}: it is no sound of a run", file.string()));
    }
    impl_->frames = sf_seek(impl_->sound, 0, SEEK_END);
  }
  sf_command(impl_->sound, SFC_SET_CLIPPING, nullptr, SF_TRUE);
  sf_command(impl_->sound, SFC_SET_UPDATE_HEADER_AUTO, nullptr, SF_TRUE);
}

WavWriter::~WavWriter() { close(); }

void WavWriter::write(std::span<const float> samples) {
  if (impl_->sound == nullptr || !impl_->fault.empty()) return;
  const auto wanted = static_cast<sf_count_t>(samples.size() / kChannels);
  if (impl_->frames + wanted > kMostFrames) {
    impl_->fault = fmt::format("{} is full: a WAV file holds {:.1f} hours", impl_->file.string(),
                               static_cast<double>(kMostFrames) / kRate / 3600);
    return;
  }
  errno = 0;
  const sf_count_t done = sf_writef_float(impl_->sound, samples.data(), wanted);
  impl_->frames += done;
  if (done != wanted) {
    impl_->fault = fmt::format("cannot write on {}: {}", impl_->file.string(),
                               errno != 0 ? std::generic_category().message(errno)
                                          : std::string(sf_strerror(impl_->sound)));
  }
}

void WavWriter::write_silence_until(std::int64_t frame) {
  const std::vector<float> second(static_cast<std::size_t>(kRate * kChannels));
  while (impl_->fault.empty() && impl_->sound != nullptr && impl_->frames < frame) {
    const auto count = std::min<std::int64_t>(kRate, frame - impl_->frames);
    write(std::span(second).first(static_cast<std::size_t>(count * kChannels)));
  }
}

std::int64_t WavWriter::frames() const { return impl_->frames; }

const std::string& WavWriter::fault() const { return impl_->fault; }

void WavWriter::close() {
  if (impl_->sound == nullptr) return;
  const int error = sf_close(impl_->sound);
  impl_->sound = nullptr;
  if (error != 0 && impl_->fault.empty()) {
    impl_->fault =
        fmt::format("cannot write on {}: {}", impl_->file.string(), sf_error_number(error));
  }
}

}  // namespace lazarillo
