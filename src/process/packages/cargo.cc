#include "process/packages/cargo.h"

#include <cctype>
#include <string>

namespace inquest::packages {
namespace {

constexpr size_t kShortHash = 12;

std::string_view part_at(std::string_view path, size_t start) {
  if (start >= path.size()) return {};
  return path.substr(start, path.find('/', start) - start);
}

bool is_hex(std::string_view text) {
  for (const char c : text) {
    if (std::isxdigit(static_cast<unsigned char>(c)) == 0) return false;
  }
  return !text.empty();
}

// "serde_json-1.0.96", "aes-gcm-0.10.3", "x-1.0.0-rc.1": the version begins at the first dash that
// a digit follows and that a dot comes after.
std::optional<Package> split_crate(std::string_view folder) {
  for (size_t dash = folder.find('-'); dash != std::string_view::npos;
       dash = folder.find('-', dash + 1)) {
    const std::string_view version = folder.substr(dash + 1);
    const size_t end = version.find_first_not_of("0123456789");
    if (end == 0 || end == std::string_view::npos || version[end] != '.' || dash == 0) continue;
    return Package{.manager = Manager::kCargo,
                   .name = std::string(folder.substr(0, dash)),
                   .version = std::string(version),
                   .directory = {}};
  }
  return std::nullopt;
}

std::optional<Package> of_registry(std::string_view path) {
  constexpr std::string_view kSources = "/registry/src/";
  size_t at = path.find(kSources);
  if (at == std::string_view::npos) return std::nullopt;
  at += kSources.size();
  const std::string_view index = part_at(path, at);
  return split_crate(part_at(path, at + index.size() + 1));
}

std::optional<Package> of_git(std::string_view path) {
  constexpr std::string_view kCheckouts = "/git/checkouts/";
  size_t at = path.find(kCheckouts);
  if (at == std::string_view::npos) return std::nullopt;
  at += kCheckouts.size();
  const std::string_view folder = part_at(path, at);
  const size_t dash = folder.rfind('-');
  const std::string_view revision = part_at(path, at + folder.size() + 1);
  if (dash == std::string_view::npos || !is_hex(folder.substr(dash + 1)) || !is_hex(revision))
    return std::nullopt;
  return Package{.manager = Manager::kCargo,
                 .name = std::string(folder.substr(0, dash)),
                 .version = "git " + std::string(revision),
                 .directory = {}};
}

std::optional<Package> of_rust(std::string_view path) {
  constexpr std::string_view kRustc = "/rustc/";
  if (!path.starts_with(kRustc)) return std::nullopt;
  const std::string_view hash = part_at(path, kRustc.size());
  const std::string_view rest = path.substr(kRustc.size() + hash.size());
  constexpr std::string_view kLibrary = "/library/";
  if (!rest.starts_with(kLibrary)) return std::nullopt;
  const std::string_view name = part_at(rest, kLibrary.size());
  if (name.empty()) return std::nullopt;
  // Builds of a distribution have the version there: "/rustc/1.63.0/library/".
  const bool is_commit = is_hex(hash) && hash.size() > kShortHash;
  return Package{
      .manager = Manager::kRust,
      .name = std::string(name),
      .version = is_commit ? "rustc " + std::string(hash.substr(0, kShortHash)) : std::string(hash),
      .directory = {}};
}

}  // namespace

std::optional<Package> crate_of(std::string_view path) {
  if (auto crate = of_registry(path)) return crate;
  if (auto crate = of_git(path)) return crate;
  return of_rust(path);
}

}  // namespace inquest::packages
