// Package: who a file belongs to, by what package managers leave beside it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace inquest::audit {

struct Package {
  enum class Manager : uint8_t { kNone, kNpm, kPython } manager = Manager::kNone;
  std::string name, version;
  std::string directory;  // npm: where its package.json is
  // npm's fields of that name: what it is for; empty: for all.
  std::vector<std::string> os, cpu, libc;
};

// Remembers what it has read.
class Packages {
 public:
  // The package that the file belongs to; nullptr: none that is known.
  const Package* owner_of(const std::string& path);

 private:
  const Package* npm_owner(const std::string& path);
  const Package* python_owner(const std::string& path);
  void read_site(const std::string& site);

  std::map<std::string, std::optional<Package>> npm_;  // by directory
  std::map<std::string, Package> python_;              // by file
  std::map<std::string, bool> sites_;                  // that were read
};

// A path of one line of RECORD (PEP 376: path,hash,size; quoted when it has a comma).
std::string record_path(std::string_view line);

}  // namespace inquest::audit
