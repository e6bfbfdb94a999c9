// Packages: the owners of files.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "process/packages/package.h"

namespace inquest::packages {

class Packages {
 public:
  // `root`: put before all paths (a sysroot); empty: this system. Paths that are asked for are
  // absolute, and those of the system that `root` is of.
  explicit Packages(std::string root = {});
  // Of a system whose files are not at hand: what paths alone tell.
  static Packages by_paths();
  Packages(Packages&&) noexcept;
  Packages& operator=(Packages&&) noexcept;
  ~Packages();

  const std::string& root() const;  // without a slash at its end

  // What pip or npm installed the file with; nullptr: none that is known. Remembers what it has
  // read.
  const Package* language_owner_of(const std::string& path);

  // The owner of each file, whoever it is: a Rust crate by its path, npm's or pip's package, else
  // Debian's. nullopt: none that is known. Debian's lists are read once for all of `paths`, some 10
  // ms for a thousand packages, and a bounded number of times in all.
  std::vector<std::optional<Package>> owners_of(const std::vector<std::string>& paths);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace inquest::packages
