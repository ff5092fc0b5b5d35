#include "source/dma_buf_support.h"

#include <fcntl.h>
#include <linux/videodev2.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>

#include "error.h"
#include "gpu/direct.h"

namespace lazarillo {
namespace {

namespace fs = std::filesystem;

/// Names in a folder, sorted; none where it is not there.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    names.push_back(at->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// A device node that is open.
class Node {
 public:
  explicit Node(const fs::path& device)
      : fd_(open(device.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK)) {}
  ~Node() {
    if (fd_ >= 0) close(fd_);
  }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }

  template <typename T>
  [[nodiscard]] bool ask(unsigned long request, T& value) const {
    int result = -1;
    do result = ioctl(fd_, request, &value);
    while (result < 0 && errno == EINTR);
    return result >= 0;
  }

 private:
  int fd_;
};

std::string four_letters(std::uint32_t format) {
  std::string text;
  for (int i = 0; i < 4; ++i) text += static_cast<char>(format >> (8 * i) & 0x7f);
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

/// Whether one of the device's buffers can be exported, and what the card says of it.
void try_export(const Node& node, std::uint32_t type, CameraSupport& camera) {
  v4l2_requestbuffers buffers{};
  buffers.count = 1;
  buffers.type = type;
  buffers.memory = V4L2_MEMORY_MMAP;
  if (!node.ask(VIDIOC_REQBUFS, buffers)) {
    camera.how = errno == EBUSY ? "another program is using it"
                                : std::string("it gives no buffers: ") + std::strerror(errno);
    return;
  }
  v4l2_exportbuffer exported{};
  exported.type = type;
  exported.flags = O_CLOEXEC | O_RDWR;
  if (node.ask(VIDIOC_EXPBUF, exported)) {
    camera.exports = true;
    const off_t bytes = lseek(exported.fd, 0, SEEK_END);
    try {
      camera.how = way_to_import(exported.fd, bytes < 0 ? 0 : static_cast<std::size_t>(bytes));
      camera.card_reads = true;
    } catch (const Error& error) {
      camera.how = error.what();
    }
    close(exported.fd);
  } else {
    camera.how = std::string("its driver exports no buffers: ") + std::strerror(errno);
  }
  buffers.count = 0;
  (void)node.ask(VIDIOC_REQBUFS, buffers);
}

/// What the device captures into; nullopt: it captures no pictures.
std::optional<std::uint32_t> capture_type(const v4l2_capability& capability) {
  const std::uint32_t can = (capability.capabilities & V4L2_CAP_DEVICE_CAPS) != 0
                                ? capability.device_caps
                                : capability.capabilities;
  if ((can & V4L2_CAP_VIDEO_CAPTURE) != 0) return V4L2_BUF_TYPE_VIDEO_CAPTURE;
  if ((can & V4L2_CAP_VIDEO_CAPTURE_MPLANE) != 0) return V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
  return std::nullopt;
}

/// `captures` becomes false for a V4L2 device that is there for something else.
CameraSupport ask(const fs::path& device, bool& captures) {
  captures = true;
  CameraSupport camera;
  camera.device = device;
  const Node node(device);
  if (!node.is_open()) {
    camera.how = std::string("cannot be opened: ") + std::strerror(errno);
    return camera;
  }
  v4l2_capability capability{};
  if (!node.ask(VIDIOC_QUERYCAP, capability)) {
    camera.how = "is not a V4L2 device";
    return camera;
  }
  camera.name = reinterpret_cast<const char*>(capability.card);
  const auto type = capture_type(capability);
  if (!type) {
    captures = false;
    camera.how = "captures no pictures";
    return camera;
  }
  v4l2_fmtdesc format{};
  format.type = *type;
  for (; node.ask(VIDIOC_ENUM_FMT, format); ++format.index) {
    camera.formats.push_back(four_letters(format.pixelformat));
  }
  try_export(node, *type, camera);
  return camera;
}

}  // namespace

bool has_peermem(const SystemRoots& roots) {
  std::error_code error;
  return fs::is_directory(roots.sys / "module" / "nvidia_peermem", error);
}

std::vector<std::string> dma_buf_makers(const SystemRoots& roots) {
  std::vector<std::string> makers;
  std::error_code error;
  for (const std::string& heap : names_in(roots.dev / "dma_heap")) {
    makers.push_back((roots.dev / "dma_heap" / heap).string());
  }
  // /sys/class/drm/card0/device leads to the device whose driver it is: ".../vgem" for vgem's.
  for (const std::string& name : names_in(roots.dev / "dri")) {
    const fs::path device = fs::read_symlink(roots.sys / "class" / "drm" / name / "device", error);
    if (!error && device.filename() == "vgem") {
      makers.push_back((roots.dev / "dri" / name).string() + " (vgem)");
    }
  }
  if (fs::exists(roots.dev / "udmabuf", error)) makers.push_back((roots.dev / "udmabuf").string());
  return makers;
}

bool CameraSupport::gives_plain_pictures() const {
  return std::any_of(formats.begin(), formats.end(), [](const std::string& format) {
    return format == "NV12" || format == "GREY";
  });
}

CameraSupport ask_camera(const fs::path& device) {
  bool captures = false;
  return ask(device, captures);
}

std::vector<CameraSupport> cameras_here(const SystemRoots& roots) {
  std::vector<CameraSupport> cameras;
  for (const std::string& name : names_in(roots.sys / "class" / "video4linux")) {
    if (!name.starts_with("video")) continue;  // v4l-subdev0, vbi0, radio0
    bool captures = false;
    CameraSupport camera = ask(roots.dev / name, captures);
    if (!captures) continue;
    if (camera.name.empty()) {
      std::ifstream file(roots.sys / "class" / "video4linux" / name / "name");
      std::getline(file, camera.name);
    }
    cameras.push_back(std::move(camera));
  }
  return cameras;
}

}  // namespace lazarillo
