#include "platform/os/directories.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace inquest::os {

namespace {

// The variable's value when it is an absolute path, else "".
std::string absolute_from_environment(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && value[0] == '/' ? value : "";
}

std::string xdg_directory(const char* variable, std::string_view below_home) {
  std::string base = absolute_from_environment(variable);
  if (base.empty()) {
    base = home_directory();
    if (base.empty()) return "";
    base.append(below_home);
  }
  return base + "/inquest";
}

}  // namespace

std::string home_directory() {
  std::string home = absolute_from_environment("HOME");
  if (!home.empty()) return home;
  std::array<char, 4096> buffer;
  struct passwd entry = {};
  struct passwd* found = nullptr;
  if (::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found) != 0) return "";
  return found != nullptr && found->pw_dir != nullptr ? found->pw_dir : "";
}

std::string cache_directory() { return xdg_directory("XDG_CACHE_HOME", "/.cache"); }

std::string config_directory() { return xdg_directory("XDG_CONFIG_HOME", "/.config"); }

std::string temp_directory() {
  std::string directory = absolute_from_environment("TMPDIR");
  return directory.empty() ? "/tmp" : directory;
}

Status make_directories(const std::string& path, unsigned mode) {
  if (path.empty()) return Error(ErrorCode::kInvalidArgument, "no directory was named");
  for (size_t end = 1; end <= path.size(); ++end) {
    if (end != path.size() && path[end] != '/') continue;
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), mode) == 0 || errno == EEXIST) continue;
    const int error = errno;
    struct stat info = {};
    // A read-only parent answers EROFS or EACCES for a directory that is already there.
    if (::stat(part.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) continue;
    return Error::io("cannot create the directory " + part, error);
  }
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) return Error::io("cannot examine " + path, errno);
  if (!S_ISDIR(info.st_mode)) {
    return Error(ErrorCode::kInvalidArgument, path + " is there but is not a directory");
  }
  return {};
}

Result<TempDirectory> TempDirectory::create(const std::string& prefix) {
  std::string name = temp_directory() + "/" + prefix + "XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) {
    return Error::io("cannot create a temporary directory in " + temp_directory(), errno);
  }
  return TempDirectory(std::move(name));
}

TempDirectory::TempDirectory(TempDirectory&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}

TempDirectory& TempDirectory::operator=(TempDirectory&& other) noexcept {
  if (this != &other) {
    remove();
    path_ = std::exchange(other.path_, {});
  }
  return *this;
}

TempDirectory::~TempDirectory() { remove(); }

void TempDirectory::remove() {
  if (path_.empty()) return;
  std::error_code
      ignored;  // nothing better can be done in a destructor than to leave the rest behind
  std::filesystem::remove_all(path_, ignored);
  path_.clear();
}

}  // namespace inquest::os
