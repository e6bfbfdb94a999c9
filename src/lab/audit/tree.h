// Tree: what lies below the audited path: compiled files, and packages.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "process/packages/package.h"

namespace inquest::audit {

struct Tree {
  std::vector<std::string> native_files;  // by path, each once, though links lead to it
  std::vector<packages::Package> packages;
};

// `is_wanted`: which packages are of interest, by manager and name; of the others nothing is read.
// Unreadable directories are passed over, links to directories are not followed.
using IsWanted = std::function<bool(packages::Manager, std::string_view)>;
Tree read_tree(const std::string& root, const IsWanted& is_wanted);

bool is_node_module(std::string_view file);  // by its name

std::string absolute(const std::string& path);

}  // namespace inquest::audit
