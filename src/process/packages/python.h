// Python's packages: what pip and its like leave in site-packages.
//
// Sources: the recording of installed projects (packaging.python.org: *.dist-info, RECORD),
// setuptools' *.egg-info (installed-files.txt, top_level.txt), auditwheel's NAME.libs.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "process/packages/package.h"

namespace inquest::packages {

class PythonPackages {
 public:
  explicit PythonPackages(std::string root) : root_(std::move(root)) {}

  // nullptr: none. For files below a site-packages or dist-packages only.
  const Package* owner_of(const std::string& path);

 private:
  struct Distribution {
    Package package;
    std::string list;  // RECORD or installed-files.txt; empty: none
    std::string base;  // what its paths start from, seen from the site: "" or "x.egg-info/"
    std::optional<std::unordered_set<std::string>> files;  // from the site on, once read
    bool owns_all_below = false;                           // without a list: by top_level.txt
  };
  struct Site {
    std::vector<Distribution> distributions;
    // First part of a path in the site → those that have files there.
    std::unordered_map<std::string, std::vector<size_t>> by_top;
  };

  Site& site(const std::string& directory);
  void add_distribution(const std::string& directory, const std::string& name, Site& site) const;
  std::optional<Package> by_libs_folder(const Site& site, std::string_view top) const;
  bool owns(Distribution& distribution, const std::string& path) const;

  std::string root_;
  std::map<std::string, Site> sites_;                      // by directory
  std::map<std::string, std::optional<Package>> guessed_;  // by folder NAME.libs
};

// The path of one line of RECORD (PEP 376: path,hash,size; quoted when it has a comma).
std::string record_path(std::string_view line);

// Of "numpy-1.26.4.dist-info" or "six-1.16.0-py3.11.egg-info": name and version; nullopt: neither.
struct DistributionName {
  std::string name, version;
  bool is_egg = false;
};
std::optional<DistributionName> distribution_name(std::string_view directory);

}  // namespace inquest::packages
