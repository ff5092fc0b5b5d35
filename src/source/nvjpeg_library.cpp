#include "source/nvjpeg_library.h"

#include <dlfcn.h>

namespace lazarillo {
namespace {

#define LZ_TEXT_OF(value) #value
#define LZ_TEXT(value) LZ_TEXT_OF(value)
/// Of the version whose header this was compiled with.
constexpr const char* kName = "libnvjpeg.so." LZ_TEXT(NVJPEG_VER_MAJOR);

NvJpeg load() {
  NvJpeg loaded;
  void* library = dlopen(kName, RTLD_NOW | RTLD_LOCAL);
  // Where it was when this was built.
  if (library == nullptr) library = dlopen(LZ_NVJPEG_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    loaded.problem = std::string("NVIDIA's ") + kName + " is not found: install it, or name its " +
                     "folder in LD_LIBRARY_PATH";
    return loaded;
  }
  const auto find = [&](const char* name, auto& function) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
    if (function == nullptr) loaded.problem = std::string(kName) + " has no " + name;
  };
#define LZ_FIND(name) find(#name, loaded.name);
  LZ_NVJPEG_FUNCTIONS(LZ_FIND)
#undef LZ_FIND
  return loaded;
}

}  // namespace

const NvJpeg& NvJpeg::get() {
  static const NvJpeg loaded = load();
  return loaded;
}

}  // namespace lazarillo
