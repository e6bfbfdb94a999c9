#include "capture/doctor/module_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "binary/elf/file.h"
#include "platform/os/file.h"
#include "platform/os/mapped_file.h"

namespace inquest::doctor {
namespace {

// DIR/.build-id/ab/cdef….debug
bool has_file_by_id(const std::string& directory, const std::string& id) {
  return id.size() > 2 && os::is_regular_file(directory + "/.build-id/" + id.substr(0, 2) + "/" +
                                              id.substr(2) + ".debug");
}

bool has_file_by_link(const std::string& path, const std::string& prefix,
                      const std::vector<std::string>& directories, std::string_view name) {
  const std::string own = path.substr(0, path.rfind('/') + 1);
  const std::string file(name.substr(name.rfind('/') + 1));
  std::vector<std::string> candidates = {prefix + own + file, prefix + own + ".debug/" + file};
  for (const std::string& directory : directories)
    candidates.push_back(fmt::format("{}{}{}", directory, own, file));
  return std::ranges::any_of(candidates, os::is_regular_file);
}

}  // namespace

void inspect_modules(std::vector<ModuleFact>& modules, const std::string& prefix,
                     const std::vector<std::string>& debug_directories) {
  for (ModuleFact& module : modules) {
    if (module.was_deleted) continue;
    const auto mapped = os::MappedFile::open(prefix + module.path);
    if (!mapped.ok()) continue;
    const auto file = elf::File::parse(mapped->bytes());
    if (!file.ok()) continue;
    const auto id = file->build_id();
    module.has_build_id = id.has_value();
    module.has_debug_info = file->has_debug_info();
    for (const std::string& directory : debug_directories)
      module.has_debug_info = module.has_debug_info || (id && has_file_by_id(directory, id->hex()));
    const auto link = file->debug_link();
    if (!module.has_debug_info && link)
      module.has_debug_info =
          has_file_by_link(module.path, prefix, debug_directories, link->file_name);
  }
}

}  // namespace inquest::doctor
