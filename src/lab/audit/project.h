// Project: what a tree says of the program that runs it.
#pragma once

#include <string>
#include <vector>

namespace inquest::audit {

struct Project {
  std::string directory;      // with the outermost node_modules in it, or the path itself
  std::string bun_because;    // the file that only Bun has; empty: nothing speaks for Bun
  std::string other_manager;  // the lock file of another package manager beside that one
  std::string electron;       // directory of the npm package of that name; empty: none
  std::string electron_version;
};
Project read_project(const std::string& path);

}  // namespace inquest::audit
