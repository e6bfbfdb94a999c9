#include "process/modules/paths.h"

#include <algorithm>

namespace inquest::process {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_version(std::string_view text) {
  return !text.empty() && is_digit(text.front()) && is_digit(text.back()) &&
         std::count(text.begin(), text.end(), '.') > 0 &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '.'; });
}

}  // namespace

std::string base_name(std::string_view path) {
  const size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

std::string directory_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(path.substr(0, slash));
}

std::string join(std::string_view directory, std::string_view name) {
  while (directory.ends_with('/')) directory.remove_suffix(1);
  while (name.starts_with('/')) name.remove_prefix(1);
  return std::string(directory) + "/" + std::string(name);
}

bool is_file_path(std::string_view path) {
  return !path.empty() && path[0] != '[' && !path.starts_with("/dev/") &&
         !path.starts_with("/SYSV") && !path.starts_with("/memfd:") &&
         !path.starts_with("anon_inode:");
}

bool is_safe(std::string_view path) {
  if (path.empty() || path.find('\0') != std::string_view::npos) return false;
  size_t start = 0;
  while (start <= path.size()) {
    const size_t end = std::min(path.find('/', start), path.size());
    if (path.substr(start, end - start) == "..") return false;
    start = end + 1;
  }
  return true;
}

std::string build_id_path(const BuildId& id, std::string_view suffix) {
  const std::string hex = id.hex();
  if (hex.size() < 4) return {};
  return "/.build-id/" + hex.substr(0, 2) + "/" + hex.substr(2) + std::string(suffix);
}

std::string version_in_name(std::string_view name) {
  const size_t so = name.find(".so");
  if (so == std::string_view::npos) return {};
  const std::string_view after = name.substr(so + 3);
  if (after.starts_with('.') && is_version(after.substr(1))) return std::string(after.substr(1));
  const std::string_view before = name.substr(0, so);
  const size_t dash = before.rfind('-');
  if (dash != std::string_view::npos && is_version(before.substr(dash + 1))) {
    return std::string(before.substr(dash + 1));
  }
  return {};
}

std::string library_stem(std::string_view name) {
  const size_t so = name.find(".so");
  if (!name.starts_with("lib") || so == std::string_view::npos) return {};
  const std::string_view after = name.substr(so + 3);
  if (!after.empty() && after[0] != '.') return {};
  std::string_view stem = name.substr(0, so);
  const size_t dash = stem.rfind('-');
  if (dash != std::string_view::npos && is_version(stem.substr(dash + 1))) {
    stem = stem.substr(0, dash);
  }
  return std::string(stem);
}

}  // namespace inquest::process
