// Debian's packages, by dpkg's own lists (dpkg(1): /var/lib/dpkg/info/NAME.list and status), and
// those of images that keep only status.d ("distroless").
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "process/packages/package.h"

namespace inquest::packages {

class DebianPackages {
 public:
  explicit DebianPackages(std::string root) : root_(std::move(root)) {}

  // Those of `paths` that belong to a package. All lists are read, for all that is not known yet of
  // `paths` at once, and at most kMaxPasses times: after that only what is known is answered.
  std::unordered_map<std::string, Package> owners_of(const std::vector<std::string>& paths);

  static constexpr int kMaxPasses = 32;

 private:
  std::string root_;
  std::unordered_map<std::string, std::optional<Package>> known_;
  int passes_ = 0;
};

// The version in dpkg's status file of `package` ("libc6", or "libc6:amd64"); empty: none.
std::string dpkg_version(std::string_view status, std::string_view package);

}  // namespace inquest::packages
