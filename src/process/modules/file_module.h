// FileModule: a Module whose files are looked for when they are first asked for.
#pragma once

#include <mutex>

#include "process/modules/discover.h"
#include "process/modules/search.h"
#include "process/modules/symbol_store.h"

namespace inquest::process {

class FileModule final : public Module {
 public:
  // `context` must outlive this. `is_chosen`: --exe was meant for this module.
  FileModule(SearchContext& context, Discovered found, bool is_chosen);

  FileStatus status() const override;
  std::string found_path() const override;
  std::optional<BuildId> found_build_id() const override;
  std::string version() const override;
  std::string soname() const override;
  bool contents_agree() const override;
  const elf::File* binary() const override;
  const elf::File* debug() const override;
  std::string debug_path() const override;
  const elf::File* mini_debug() const override;
  const elf::File* alt_debug() const override;
  std::string alt_debug_path() const override;
  const breakpad::SymbolFile* breakpad_symbols() const override;
  const std::vector<Note>& notes() const override;

 private:
  const FoundBinary& found() const;
  const OpenedFile* debug_file() const;
  const OpenedFile* alt_file() const;
  void find_in_memory() const;
  void add_notes(std::vector<Note> notes) const;

  SearchContext& context_;
  bool is_chosen_;
  mutable std::once_flag binary_once_, debug_once_, alt_once_, mini_once_, symbols_once_;
  mutable FoundBinary binary_;
  mutable std::optional<elf::File> in_memory_;  // vdso
  mutable std::unique_ptr<OpenedFile> separate_debug_, alt_, mini_;
  mutable std::unique_ptr<breakpad::SymbolFile> symbols_;
  mutable std::mutex notes_mutex_;
  mutable std::vector<Note> notes_;
};

}  // namespace inquest::process
