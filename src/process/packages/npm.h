// npm's packages: the folder below the last node_modules on a path, and what its package.json says.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "process/packages/package.h"

namespace inquest::packages {

class NpmPackages {
 public:
  explicit NpmPackages(std::string root) : root_(std::move(root)) {}

  // nullptr: none. Without a readable package.json the path tells the name, and pnpm's the version.
  const Package* owner_of(const std::string& path);

 private:
  const std::optional<Package>& read(const std::string& directory);

  std::string root_;
  std::map<std::string, std::optional<Package>> known_;  // by directory
};

// "/a/node_modules/@img/sharp/lib/x.node" → "/a/node_modules/@img/sharp"; empty: in no
// node_modules.
std::string npm_directory_of(std::string_view path);

}  // namespace inquest::packages
