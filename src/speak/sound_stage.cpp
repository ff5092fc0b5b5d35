#include "speak/sound_stage.h"

#include <AL/al.h>
#include <AL/alc.h>
#include <AL/alext.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string>
#include <vector>

#include "error.h"
#include "speak/quiet_stderr.h"
#include "speak/speaker.h"

namespace lazarillo {
namespace {

// Several sounds at once, each louder in the nearer ear by the HRTF, must not clip.
constexpr float kHeadroom = 0.5F;

template <class Function>
Function loopback_function(const char* name) {
  const auto function = reinterpret_cast<Function>(alcGetProcAddress(nullptr, name));
  if (function == nullptr) {
    throw Error(ExitCode::sound, std::string("OpenAL lacks ") + name +
                                     ": install OpenAL Soft 1.19 or newer, or use --no-sound");
  }
  return function;
}

void place(ALuint source, double bearing_deg) {
  const double bearing = bearing_deg * std::numbers::pi / 180;
  // OpenAL: x right, y up, -z ahead.
  const std::array<float, 3> at{static_cast<float>(std::sin(bearing)), 0.0F,
                                static_cast<float>(-std::cos(bearing))};
  alSourcefv(source, AL_POSITION, at.data());
}

}  // namespace

struct SoundStage::Impl {
  struct Sound {
    int handle;
    ALuint source;
    ALuint buffer;
    bool stopping;
  };

  ALCdevice* device = nullptr;
  ALCcontext* context = nullptr;
  LPALCRENDERSAMPLESSOFT render_samples = nullptr;
  PFNALCSETTHREADCONTEXTPROC set_thread_context = nullptr;
  std::vector<Sound> sounds;
  std::vector<std::int16_t> pcm;  ///< reused
  int next_handle = 1;

  ~Impl() {
    if (context != nullptr) {
      set_thread_context(context);
      for (const Sound& sound : sounds) release(sound);
      set_thread_context(nullptr);
      alcDestroyContext(context);
    }
    if (device != nullptr) alcCloseDevice(device);
  }

  /// The calling thread's calls go to this stage as long as this lives, whatever other stages there
  /// are. A thread must not end with it: OpenAL complains on standard error.
  struct Entered {
    PFNALCSETTHREADCONTEXTPROC set_thread_context;
    ~Entered() { set_thread_context(nullptr); }
  };
  [[nodiscard]] Entered enter() const {
    set_thread_context(context);
    return {set_thread_context};
  }

  static void release(const Sound& sound) {
    alSourceStop(sound.source);
    alDeleteSources(1, &sound.source);
    alDeleteBuffers(1, &sound.buffer);
  }

  static bool ended(const Sound& sound) {
    ALint state = 0;
    alGetSourcei(sound.source, AL_SOURCE_STATE, &state);
    return state != AL_PLAYING;
  }

  void tidy() {
    // A sound that was silenced has faded with the last block: now it can stop without a click.
    std::erase_if(sounds, [](const Sound& sound) {
      const bool gone = sound.stopping || ended(sound);
      if (gone) release(sound);
      return gone;
    });
  }

  void open(Output output) {
    if (output == Output::rendered) {
      const auto open_loopback =
          loopback_function<LPALCLOOPBACKOPENDEVICESOFT>("alcLoopbackOpenDeviceSOFT");
      render_samples = loopback_function<LPALCRENDERSAMPLESSOFT>("alcRenderSamplesSOFT");
      device = open_loopback(nullptr);
    } else {
      const QuietStderr quiet;
      device = alcOpenDevice(nullptr);
    }
    set_thread_context = loopback_function<PFNALCSETTHREADCONTEXTPROC>("alcSetThreadContext");
    if (device == nullptr) {
      throw Error(
          ExitCode::sound,
          "no sound card can be opened: use --out DIR to render into a file, or --no-sound");
    }
    std::vector<ALCint> attributes{ALC_FREQUENCY, kSampleRate, ALC_HRTF_SOFT, ALC_TRUE};
    if (output == Output::rendered) {
      attributes.insert(
          attributes.end(),
          {ALC_FORMAT_CHANNELS_SOFT, ALC_STEREO_SOFT, ALC_FORMAT_TYPE_SOFT, ALC_FLOAT_SOFT,
           // OpenAL's changes loudness over time; speaker.cpp limits
           ALC_OUTPUT_LIMITER_SOFT, ALC_FALSE});
    }
    attributes.push_back(0);
    context = alcCreateContext(device, attributes.data());
    if (context == nullptr) {
      throw Error(ExitCode::sound, "OpenAL cannot give 48 kHz stereo sound: use --no-sound");
    }
    ALCint hrtf = ALC_FALSE;
    alcGetIntegerv(device, ALC_HRTF_SOFT, 1, &hrtf);
    if (hrtf != ALC_TRUE) {
      throw Error(ExitCode::sound,
                  "OpenAL has no HRTF for 48 kHz, so sound would have no direction: install "
                  "libopenal-data, and set nothing against HRTF in alsoft.conf");
    }
    const auto entered = enter();
    alDistanceModel(AL_NONE);  // loudness by distance is ours
  }
};

SoundStage::SoundStage(Output output) : impl_(std::make_unique<Impl>()) { impl_->open(output); }
SoundStage::~SoundStage() = default;

int SoundStage::play(std::span<const float> mono, int rate, double bearing_deg, double gain,
                     bool again_and_again) {
  Impl& s = *impl_;
  const auto entered = s.enter();
  s.pcm.resize(mono.size());
  std::transform(mono.begin(), mono.end(), s.pcm.begin(), [](float sample) {
    return static_cast<std::int16_t>(std::lround(std::clamp(sample, -1.0F, 1.0F) * 32767.0F));
  });
  Impl::Sound sound{s.next_handle++, 0, 0, false};
  alGenBuffers(1, &sound.buffer);
  alBufferData(sound.buffer, AL_FORMAT_MONO16, s.pcm.data(),
               static_cast<ALsizei>(s.pcm.size() * sizeof(std::int16_t)), rate);
  alGenSources(1, &sound.source);
  place(sound.source, bearing_deg);
  alSourcei(sound.source, AL_LOOPING, again_and_again ? AL_TRUE : AL_FALSE);
  alSourcef(sound.source, AL_GAIN, kHeadroom * static_cast<float>(gain));
  alSourcei(sound.source, AL_BUFFER, static_cast<ALint>(sound.buffer));
  alSourcePlay(sound.source);
  s.sounds.push_back(sound);
  return sound.handle;
}

void SoundStage::move(int handle, double bearing_deg) {
  const auto entered = impl_->enter();
  for (const Impl::Sound& sound : impl_->sounds) {
    if (sound.handle == handle && !sound.stopping) place(sound.source, bearing_deg);
  }
}

void SoundStage::set_gain(int handle, double gain) {
  const auto entered = impl_->enter();
  for (const Impl::Sound& sound : impl_->sounds) {
    if (sound.handle != handle || sound.stopping) continue;
    alSourcef(sound.source, AL_GAIN, kHeadroom * static_cast<float>(gain));
  }
}

void SoundStage::stop(int handle) {
  const auto entered = impl_->enter();
  for (Impl::Sound& sound : impl_->sounds) {
    if (sound.handle != handle) continue;
    alSourcef(sound.source, AL_GAIN, 0.0F);
    sound.stopping = true;
  }
}

bool SoundStage::playing(int handle) const {
  const auto entered = impl_->enter();
  return std::any_of(impl_->sounds.begin(), impl_->sounds.end(), [&](const Impl::Sound& sound) {
    return sound.handle == handle && !sound.stopping && !Impl::ended(sound);
  });
}

bool SoundStage::silent() const {
  const auto entered = impl_->enter();
  return std::all_of(impl_->sounds.begin(), impl_->sounds.end(), Impl::ended);
}

void SoundStage::render(std::span<float> stereo) {
  const auto entered = impl_->enter();
  impl_->render_samples(impl_->device, stereo.data(), static_cast<ALCsizei>(stereo.size() / 2));
  impl_->tidy();
}

void SoundStage::tidy() {
  const auto entered = impl_->enter();
  impl_->tidy();
}

}  // namespace lazarillo
