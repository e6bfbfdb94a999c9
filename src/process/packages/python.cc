#include "process/packages/python.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "base/words.h"
#include "platform/os/file.h"

namespace inquest::packages {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxRecord = 64 << 20;
constexpr size_t kMaxTopLevel = 1 << 20;
constexpr size_t kMaxEntries = 100'000;  // of one site-packages

// The part of `path` up to the last site-packages or dist-packages; 0: none.
size_t end_of_site(std::string_view path) {
  size_t end = 0;
  for (const std::string_view name : {"/site-packages/", "/dist-packages/"}) {
    const size_t at = path.rfind(name);
    if (at != std::string_view::npos) end = std::max(end, at + name.size() - 1);
  }
  return end;
}

std::string_view first_part(std::string_view path) { return path.substr(0, path.find('/')); }

std::string normal(const std::string& path) { return fs::path(path).lexically_normal().string(); }

// "Foo.Bar_baz" and "foo-bar-baz" are one name (PEP 503).
std::string plain_name(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    const bool mark = c == '-' || c == '_' || c == '.';
    if (mark && plain.ends_with('-')) continue;
    plain += mark ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return plain;
}

std::string list_of(const std::string& directory, bool is_egg) {
  const std::string list = directory + (is_egg ? "/installed-files.txt" : "/RECORD");
  return os::is_regular_file(list) ? list : std::string();
}

}  // namespace

std::string record_path(std::string_view line) {
  if (!line.starts_with('"')) return std::string(line.substr(0, line.find(',')));
  std::string path;
  for (size_t at = 1; at < line.size(); ++at) {
    if (line[at] == '"') {
      if (at + 1 >= line.size() || line[at + 1] != '"') break;
      ++at;
    }
    path += line[at];
  }
  return path;
}

std::optional<DistributionName> distribution_name(std::string_view directory) {
  DistributionName result;
  std::string_view stem = directory;
  if (stem.ends_with(".dist-info")) {
    stem.remove_suffix(10);
  } else if (stem.ends_with(".egg-info")) {
    stem.remove_suffix(9);
    result.is_egg = true;
  } else {
    return std::nullopt;
  }
  const size_t dash = stem.find('-');
  if (dash == std::string_view::npos || dash == 0) return std::nullopt;
  result.name = stem.substr(0, dash);
  std::string_view version = stem.substr(dash + 1);
  // "1.16.0-py3.11", "1.0-py3.11-linux-x86_64"
  if (result.is_egg) version = version.substr(0, version.find("-py"));
  result.version = version;
  return result;
}

void PythonPackages::add_distribution(const std::string& directory, const std::string& name,
                                      Site& site) const {
  const auto named = distribution_name(name);
  if (!named) return;
  const size_t index = site.distributions.size();
  Distribution distribution;
  distribution.package = {
      .manager = Manager::kPython, .name = named->name, .version = named->version, .directory = {}};
  distribution.list = list_of(directory + "/" + name, named->is_egg);
  // A list of an egg starts from its own folder: "../foo/x.so".
  if (named->is_egg) distribution.base = name + "/";
  std::unordered_set<std::string> tops;
  if (const auto text = os::read_text_file(distribution.list, kMaxRecord);
      !distribution.list.empty() && text.ok()) {
    for (std::string_view rest = *text; !rest.empty();) {
      const std::string path = record_path(take_line(rest));
      // Nearly all lines are plain; only odd ones are worth the work.
      const bool plain = distribution.base.empty() && path.find("..") == std::string::npos;
      tops.emplace(plain ? first_part(path) : first_part(normal(distribution.base + path)));
    }
  } else if (const auto top =
                 os::read_text_file(directory + "/" + name + "/top_level.txt", kMaxTopLevel);
             top.ok()) {
    distribution.owns_all_below = true;
    for (std::string_view rest = *top; !rest.empty();) tops.emplace(take_line(rest));
  }
  for (const std::string& top : tops) site.by_top[top].push_back(index);
  site.distributions.push_back(std::move(distribution));
}

PythonPackages::Site& PythonPackages::site(const std::string& directory) {
  const auto [entry, is_new] = sites_.try_emplace(directory);
  if (!is_new) return entry->second;
  std::vector<std::string> names;
  std::error_code failure;
  for (fs::directory_iterator file(root_ + directory, failure), end;
       !failure && file != end && names.size() < kMaxEntries; file.increment(failure))
    names.push_back(file->path().filename().string());
  std::ranges::sort(names);
  for (const std::string& name : names) add_distribution(root_ + directory, name, entry->second);
  return entry->second;
}

bool PythonPackages::owns(Distribution& distribution, const std::string& path) const {
  if (distribution.owns_all_below) return true;
  if (!distribution.files) {
    distribution.files.emplace();
    const auto text = os::read_text_file(distribution.list, kMaxRecord);
    if (!text.ok()) return false;
    for (std::string_view rest = *text; !rest.empty();)
      distribution.files->insert(normal(distribution.base + record_path(take_line(rest))));
  }
  return distribution.files->contains(path);
}

// auditwheel puts the libraries of a wheel beside its packages, in NAME.libs.
std::optional<Package> PythonPackages::by_libs_folder(const Site& site,
                                                      std::string_view top) const {
  constexpr std::string_view kSuffix = ".libs";
  if (!top.ends_with(kSuffix)) return std::nullopt;
  const std::string name = plain_name(top.substr(0, top.size() - kSuffix.size()));
  for (const Distribution& distribution : site.distributions) {
    if (plain_name(distribution.package.name) == name) return distribution.package;
  }
  return std::nullopt;
}

const Package* PythonPackages::owner_of(const std::string& path) {
  const std::string file = normal(path);
  const size_t end = end_of_site(file);
  if (end == 0) return nullptr;
  const std::string below = file.substr(end + 1);
  Site& here = site(file.substr(0, end));
  const std::string top(first_part(below));
  if (const auto found = here.by_top.find(top); found != here.by_top.end()) {
    for (const size_t index : found->second) {
      if (owns(here.distributions[index], below)) return &here.distributions[index].package;
    }
    // Made after the installation, as .pyc files are: of the only one that is there.
    if (found->second.size() == 1 && below.find('/') != std::string::npos)
      return &here.distributions[found->second.front()].package;
  }
  const auto [entry, is_new] = guessed_.try_emplace(file.substr(0, end + 1) + top);
  if (is_new) entry->second = by_libs_folder(here, top);
  return entry->second ? &*entry->second : nullptr;
}

}  // namespace inquest::packages
