#include "speak/sound_info.h"

#include <AL/alc.h>

#include "error.h"
#include "speak/quiet_stderr.h"
#include "speak/sound_stage.h"
#include "speak/voice.h"

namespace lazarillo {
namespace {

std::string playback_device() {
  const QuietStderr quiet;
  ALCdevice* device = alcOpenDevice(nullptr);
  if (device == nullptr) return "";
  std::string name = alcGetString(device, ALC_DEVICE_SPECIFIER);
  alcCloseDevice(device);
  // OpenAL's stand-ins for a missing card are none.
  if (name == "No Output" || name == "Wave File Writer") return "";
  return name.empty() ? "sound card" : name;
}

}  // namespace

bool has_playback_device() { return !playback_device().empty(); }

SoundReport sound_report(const std::vector<std::string>& voices) {
  SoundReport report;
  report.playback_device = playback_device();
  try {
    const SoundStage stage(SoundStage::Output::rendered);
    report.hrtf = true;
  } catch (const Error&) {
    report.hrtf = false;
  }
  for (const std::string& voice : voices) {
    if (!run_espeak(voice, 190, "a").samples.empty()) report.voices.push_back(voice);
  }
  report.espeak = !report.voices.empty() || !run_espeak("en", 190, "a").samples.empty();
  return report;
}

}  // namespace lazarillo
