// Breakpad symbol files of a module: in the directories that the user named, by id only.
#pragma once

#include <memory>
#include <vector>

#include "binary/breakpad/symbol_file.h"
#include "process/modules/search.h"

namespace inquest::process {

struct FoundSymbols {
  std::unique_ptr<breakpad::SymbolFile> file;
  std::vector<Note> notes;
};

// Each directory may be a store as Breakpad lays it out, DIR/NAME/ID/NAME.sym, or hold NAME.sym
// itself. A file of another build is refused by name, with both ids. `binary` may be nullptr.
FoundSymbols find_symbols(const SearchContext& context, const Module& module,
                          const OpenedFile* binary);

}  // namespace inquest::process
