// Whose the code on the crashing stack is: packages of its modules and of its source files.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "diagnosis/facts/facts.h"
#include "process/packages/packages.h"

namespace inquest::diagnosis {

struct OwnerSources {
  packages::Packages packages;  // of the system whose files are at hand
  // This one, when those files are of another: it is asked for those files of it that are the very
  // same as what ran, by their build-id.
  std::optional<packages::Packages> here;
};

// Of facts that are otherwise whole. Reads what package managers left on disk. A version is told
// only where nothing speaks against it: of a file that is another build now, or gone, the version
// that is installed is told as such.
void add_owners(OwnerSources& sources, Facts& facts);

// A file as a run time names it as a path: "file:///srv/a%20b.js" → "/srv/a b.js"; empty when it is
// none ("node:net", "<string>").
std::string path_of_script(std::string_view file);

}  // namespace inquest::diagnosis
