#include "process/packages/packages.h"

#include <utility>

#include "process/packages/cargo.h"
#include "process/packages/debian.h"
#include "process/packages/npm.h"
#include "process/packages/python.h"

namespace inquest::packages {

std::string_view to_string(Manager manager) {
  switch (manager) {
    case Manager::kNone:
      return "none";
    case Manager::kNpm:
      return "npm";
    case Manager::kPython:
      return "python";
    case Manager::kDebian:
      return "debian";
    case Manager::kCargo:
      return "cargo";
    case Manager::kRust:
      return "rust";
  }
  return "none";
}

struct Packages::State {
  explicit State(const std::string& directory)
      : root(directory), npm(root), python(root), debian(root) {}

  std::string root;
  NpmPackages npm;
  PythonPackages python;
  DebianPackages debian;
};

namespace {

// Nothing can be below a device.
constexpr const char* kNowhere = "/dev/null";

// Without a trailing slash, so that root + path is a path.
std::string as_prefix(std::string root) {
  while (root.ends_with('/')) root.pop_back();
  return root;
}

}  // namespace

Packages::Packages(std::string root)
    : state_(std::make_unique<State>(as_prefix(std::move(root)))) {}

Packages Packages::by_paths() { return Packages(kNowhere); }

Packages::Packages(Packages&&) noexcept = default;
Packages& Packages::operator=(Packages&&) noexcept = default;
Packages::~Packages() = default;

const std::string& Packages::root() const { return state_->root; }

const Package* Packages::language_owner_of(const std::string& path) {
  const Package* owner = state_->python.owner_of(path);
  return owner != nullptr ? owner : state_->npm.owner_of(path);
}

std::vector<std::optional<Package>> Packages::owners_of(const std::vector<std::string>& paths) {
  std::vector<std::optional<Package>> owners(paths.size());
  std::vector<std::string> left;
  for (size_t i = 0; i < paths.size(); ++i) {
    owners[i] = crate_of(paths[i]);
    if (owners[i] || !paths[i].starts_with('/')) continue;
    const Package* owner = language_owner_of(paths[i]);
    if (owner != nullptr && !owner->is_program) {
      owners[i] = *owner;
    } else {
      left.push_back(paths[i]);
    }
  }
  const auto debian = state_->debian.owners_of(left);
  for (size_t i = 0; i < paths.size(); ++i) {
    if (owners[i]) continue;
    if (const auto found = debian.find(paths[i]); found != debian.end()) {
      owners[i] = found->second;
    } else if (const Package* program = language_owner_of(paths[i]); program != nullptr) {
      owners[i] = *program;
    }
  }
  return owners;
}

}  // namespace inquest::packages
