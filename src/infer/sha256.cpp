#include <glib.h>

#include <fstream>
#include <memory>
#include <vector>

#include "error.h"
#include "infer/model_set.h"

namespace lazarillo {

std::string sha256_of(const std::filesystem::path& file) {
  const auto unreadable = [&] {
    return Error(ExitCode::model, "the file '" + file.string() + "' cannot be read");
  };
  std::ifstream stream(file, std::ios::binary);
  if (!stream || std::filesystem::is_directory(file)) throw unreadable();
  const std::unique_ptr<GChecksum, decltype(&g_checksum_free)> sum(
      g_checksum_new(G_CHECKSUM_SHA256), &g_checksum_free);
  std::vector<char> block(1 << 20);
  while (stream) {
    stream.read(block.data(), static_cast<std::streamsize>(block.size()));
    g_checksum_update(sum.get(), reinterpret_cast<const guchar*>(block.data()),
                      static_cast<gssize>(stream.gcount()));
  }
  if (stream.bad()) throw unreadable();
  return g_checksum_get_string(sum.get());
}

}  // namespace lazarillo
