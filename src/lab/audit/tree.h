// Tree: what lies below the audited path: compiled files, and packages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "process/packages/package.h"

namespace inquest::audit {

struct Tree {
  std::vector<std::string> native_files;    // by path, each once, though links lead to it
  std::vector<packages::Package> packages;  // by directory: of Python the folder of its list
};

// Unreadable directories are passed over, links to directories are not followed,
// but for the node_modules of `root`.
Tree read_tree(const std::string& root);

bool is_node_module(std::string_view file);  // by its name

std::string absolute(const std::string& path);

}  // namespace inquest::audit
