// Package: what a file was installed with, and by which package manager.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace inquest::packages {

enum class Manager : uint8_t {
  kNone,
  kNpm,
  kPython,  // pip and its like
  kDebian,
  kCargo,
  kRust,  // Rust's own library: core, alloc, std
};
std::string_view to_string(Manager manager);  // "npm", "python", "debian", "cargo", "rust"

struct Package {
  Manager manager = Manager::kNone;
  std::string name;
  std::string version;    // empty: not known
  std::string directory;  // npm: where its package.json is
  // npm: it lies in no node_modules, so it is the program itself.
  bool is_program = false;
  // npm's fields of that name: what it is for; empty: for all.
  std::vector<std::string> os = {}, cpu = {}, libc = {};
  std::vector<std::string> optional = {};  // npm: names of its optionalDependencies
};

}  // namespace inquest::packages
