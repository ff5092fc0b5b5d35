#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>

#include "commands.h"
#include "error.h"
#include "gpu/device.h"
#include "gpu/direct.h"
#include "infer/model_set.h"
#include "infer/openvino/openvino_info.h"
#include "infer/tensorrt/tensorrt.h"
#include "run/machine_profile.h"
#include "run/paths.h"
#include "run/processor.h"
#include "run/thread_role.h"
#include "source/dma_buf_support.h"
#include "source/jpeg_decoder.h"
#include "source/media_capabilities.h"
#include "speak/phrasebook.h"
#include "speak/sound_info.h"
#include "version.h"

namespace lazarillo {
namespace {

void heading(const std::string& text) { std::cout << '\n' << text << '\n'; }

void line(bool there, const std::string& what, const std::string& detail) {
  std::cout << (there ? "  yes  " : "  no   ") << std::left << std::setw(34) << what << detail
            << '\n';
}

void processor() {
  heading("Processor: " + processor_name());
  std::istringstream flags(cpuinfo("flags"));
  const std::vector<std::string> have{std::istream_iterator<std::string>(flags), {}};
  const auto has = [&](const char* flag) {
    return std::find(have.begin(), have.end(), flag) != have.end();
  };
  line(has("avx2"), "AVX2", "least for networks at a useful rate");
  line(has("avx512f"), "AVX-512", "networks run about twice as fast as with AVX2");
  line(has("avx512_vnni") || has("avx_vnni"), "VNNI", "makes INT8 networks faster");
  line(has("avx512_bf16"), "bfloat16", "see.precision = \"bf16\": networks nearly twice as fast");
  line(has("amx_int8"), "AMX", "makes INT8 and BF16 networks several times faster");
}

void priorities() {
  const std::string priority = urgent_priority_here();
  line(priority != "none", "priority for guiding and sound",
       priority != "none" ? priority
                          : "would keep them on time on a busy machine; allow rtprio or nice in "
                            "/etc/security/limits.conf");
}

void inference() {
  heading("Networks: OpenVINO " + openvino_version());
  for (const EngineDevice& device : openvino_devices()) line(true, device.name, device.full_name);
  try {
    const GpuInfo card = gpu_info();
    line(true, "NVIDIA card (CUDA)", card.title() + ", driver for CUDA " + card.driver);
  } catch (const Error& error) {
    line(false, "NVIDIA card (CUDA)", error.what());
  }
  line(!tensorrt_version().empty(), "TensorRT",
       tensorrt_version().empty() ? "would make an NVIDIA card fast; built without (docs/nvidia.md)"
                                  : tensorrt_version() + "; see.engine = \"tensorrt\" uses it");
  for (const ModelSetSummary& set : list_model_sets(model_directories())) {
    line(set.problem.empty(), "models: " + set.name,
         set.problem.empty() ? set.description : set.problem);
  }
  try {
    const std::filesystem::path profile = machine_profile_file();
    const bool measured = is_for_this_processor(profile);
    line(measured, "measured settings",
         measured ? "for the models '" + tuned_for(profile).models + "': " + profile.string()
                  : "`lazarillo tune` finds the fastest for this machine");
  } catch (const Error& error) {
    line(false, "measured settings", error.what());
  }
}

void pictures() {
  heading("Pictures and recording: GStreamer");
  for (const MediaElement& element : media_capabilities()) {
    line(element.present, element.element,
         element.purpose + (element.present ? "" : "; install " + element.package));
  }
  const std::string problem = JpegDecoder::problem();
  line(problem.empty(), "nvJPEG",
       problem.empty() ? "decodes Motion JPEG on the NVIDIA card (source.decoder = \"nvdec\")"
                       : "would decode Motion JPEG on an NVIDIA card: " + problem);
}

/// Ways for pictures, and whatever else, between the NVIDIA card and other devices.
void sharing() {
  heading("Memory shared with the NVIDIA card (docs/nvidia.md)");
  GpuDirect card;
  std::string missing;
  try {
    card = gpu_direct();
  } catch (const Error& error) {
    missing = error.what();
  }
  const auto from_card = [&](bool there, const std::string& what, const std::string& brings) {
    line(there, what, missing.empty() ? brings : missing);
  };
  from_card(card.rdma, "GPUDirect RDMA", "other devices reach into the card's memory");
  line(has_peermem(), "nvidia-peermem", "GPUDirect RDMA for network cards without DMA-BUF");
  from_card(card.exports_dma_buf, "DMA-BUF from CUDA", "the same without nvidia-peermem");
  from_card(card.registers_host_memory, "host memory registered with CUDA",
            "how the card reads a camera's buffers (source.dma_buf)");
  const std::string makers = fmt::format("{}", fmt::join(dma_buf_makers(), ", "));
  line(!makers.empty(), "DMA-BUFs without a camera",
       makers.empty() ? "would let the tests try them (udmabuf, dma_heap, vgem)" : makers);
  const std::vector<CameraSupport> cameras = cameras_here();
  if (cameras.empty()) line(false, "V4L2 cameras", "none is here");
  for (const CameraSupport& camera : cameras) {
    const std::string formats = fmt::format("{}", fmt::join(camera.formats, ", "));
    line(camera.exports && camera.card_reads && camera.gives_plain_pictures(),
         camera.device.string() + ": DMA-BUF",
         camera.name + (formats.empty() ? "" : " (" + formats + "): ") +
             (camera.exports ? "exports its buffers; the card: " : "") + camera.how +
             (camera.exports && !camera.gives_plain_pictures() ? "; gives neither NV12 nor GREY"
                                                               : ""));
  }
}

void sound() {
  const std::filesystem::path folder = home_directory() / "data" / "lang";
  std::vector<std::string> wanted;
  for (const std::string& language : Phrasebook::languages(folder)) {
    wanted.push_back(Phrasebook::load(folder, language).voice());
  }
  const SoundReport report = sound_report(wanted);
  heading("Sound");
  line(!report.playback_device.empty(), "sound card",
       report.playback_device.empty() ? "none: runs are rendered into files"
                                      : report.playback_device);
  line(report.hrtf, "HRTF (spatial sound)",
       report.hrtf ? "OpenAL Soft" : "install libopenal1 and libopenal-data");
  line(report.espeak, "espeak-ng (speech)", report.espeak ? "speaks" : "install espeak-ng");
  std::string voices;
  for (const std::string& voice : report.voices) voices += (voices.empty() ? "" : ", ") + voice;
  line(!report.voices.empty(), "voices", voices);
}

}  // namespace

void add_doctor_command(CLI::App& app, int& exit_code) {
  app.add_subcommand("doctor",
                     "Say what this machine offers and what each missing thing would bring")
      ->callback([&exit_code] {
        std::cout << "lazarillo " << kVersion << '\n';
        processor();
        priorities();
        inference();
        pictures();
        sharing();
        sound();
        exit_code = 0;
      });
}

}  // namespace lazarillo
