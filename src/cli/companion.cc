#include "cli/companion.h"

#include <filesystem>

#include "platform/os/file.h"

namespace inquest::cli {

std::string own_path() {
  std::error_code failure;
  return std::filesystem::read_symlink("/proc/self/exe", failure).string();
}

std::string find_companion(const std::string& name) {
  const std::filesystem::path own = own_path();
  if (own.empty()) return {};
  for (const char* place : {"", "../lib", "../lib/inquest", "../lib/x86_64-linux-gnu/inquest",
                            "../lib/aarch64-linux-gnu/inquest", "../share/inquest"}) {
    const auto path = (own.parent_path() / place / name).lexically_normal();
    if (os::is_regular_file(path.string())) return path.string();
  }
  return {};
}

}  // namespace inquest::cli
