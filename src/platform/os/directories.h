// Directories: where per-user things live, and directories that clean up after themselves.
#pragma once

#include <string>

#include "base/result.h"

namespace inquest::os {

// $HOME, else the password database, else "" when there is neither (a bare container).
std::string home_directory();

// $XDG_CACHE_HOME/inquest or ~/.cache/inquest; "" when there is no home. Relative values of the
// variable are ignored, as the XDG base directory specification asks. The directory is not created.
std::string cache_directory();
// $XDG_CONFIG_HOME/inquest or ~/.config/inquest, likewise.
std::string config_directory();
// $TMPDIR when absolute, else /tmp.
std::string temp_directory();

// mkdir -p. Directories made here get `mode`.
Status make_directories(const std::string& path, unsigned mode = 0700);

// A fresh directory under temp_directory(), removed with everything in it at the end of its life.
class TempDirectory {
 public:
  static Result<TempDirectory> create(const std::string& prefix = "inquest-");

  TempDirectory(TempDirectory&& other) noexcept;
  TempDirectory& operator=(TempDirectory&& other) noexcept;
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  ~TempDirectory();

  const std::string& path() const { return path_; }
  // path() + "/" + name
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  explicit TempDirectory(std::string path) : path_(std::move(path)) {}
  void remove();

  std::string path_;
};

}  // namespace inquest::os
