// ModuleSet: which binaries the process had loaded, and the files that belong to them.
//
// A file is used only when its build-id is the one that crashed; a wrong one is refused by name,
// with both ids. Files are opened on first demand: a library that no frame passes through costs
// nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/build_id.h"
#include "binary/breakpad/symbol_file.h"
#include "binary/elf/file.h"
#include "process/image/process_image.h"

namespace inquest::process {

struct ModuleOptions {
  std::string executable;  // --exe: empty for the path found in the image
  std::string sysroot;     // --sysroot: put before absolute paths of the image
  // --debug-dir, searched before /usr/lib/debug; may be stores of Breakpad symbol files
  std::vector<std::string> debug_dirs;
  bool use_system_debug_dir = true;  // /usr/lib/debug, below the sysroot when there is one
  bool use_debuginfod = true;        // only when DEBUGINFOD_URLS is set
  // Instead of the environment's DEBUGINFOD_URLS and cache directory; empty: the environment's.
  std::string debuginfod_urls;
  std::string debuginfod_cache;
};

enum class FileStatus : uint8_t {
  kVerified,      // its build-id is the one in the process's memory
  kUnverified,    // found, but one of the two ids is unknown: used, and said so
  kMissing,       // no file found
  kMismatch,      // found, but another build: refused
  kInMemoryOnly,  // vdso: read from the process's own memory
};

std::string_view to_string(FileStatus status);  // "verified", "missing", …

// One ELF image of the process. Lives as long as its ModuleSet; may be asked from several threads.
class Module {
 public:
  virtual ~Module() = default;

  std::string path;    // as the process had it mapped, without " (deleted)"
  std::string name;    // last part of the path, for people
  AddressRange range;  // from the first to the end of the last mapping
  uint64_t bias = 0;   // process address − link-time address (wraps)
  // Of the process's memory, or as a minidump lists it (see ListedModule::identity).
  std::optional<BuildId> build_id;
  bool is_main = false;
  bool is_vdso = false;
  bool was_deleted = false;  // the mapping's path ended in " (deleted)"
  uint64_t elf_offset = 0;   // where in `path` its ELF header lies: not 0 inside an archive

  uint64_t to_link(Address address) const { return address.value - bias; }
  Address to_process(uint64_t link_address) const { return Address(link_address + bias); }

  // All below open files on first use.
  virtual FileStatus status() const = 0;
  virtual std::string found_path() const = 0;                 // empty when none was found
  virtual std::optional<BuildId> found_build_id() const = 0;  // of found_path(), also when refused
  virtual std::string version() const = 0;           // "1.2.13" of libz.so.1.2.13, or empty
  virtual std::string soname() const { return {}; }  // DT_SONAME, or empty
  // May the file's bytes stand for memory that is not in the dump? Yes when verified. When
  // unverified: only if the user named the file himself, or what the dump does hold of its
  // unwritten parts is the same in the file.
  virtual bool contents_agree() const { return status() == FileStatus::kVerified; }
  virtual const elf::File* binary() const = 0;  // nullptr when missing or refused
  // The separate debug file (or the binary itself when it has .debug_info); nullptr when there is
  // none.
  virtual const elf::File* debug() const = 0;
  virtual std::string debug_path() const = 0;
  // The xz-decompressed .gnu_debugdata mini debug file: symbols only.
  virtual const elf::File* mini_debug() const = 0;
  // What .gnu_debugaltlink (dwz) of debug() names; nullptr when none or not found.
  virtual const elf::File* alt_debug() const = 0;
  virtual std::string alt_debug_path() const { return {}; }
  // Breakpad's symbol file of this build, read through when it is first asked for; nullptr when
  // there is none in the user's directories. Its addresses count from range.start.
  virtual const breakpad::SymbolFile* breakpad_symbols() const { return nullptr; }
  uint64_t to_breakpad(uint64_t link_address) const {
    return link_address + bias - range.start.value;
  }
  // What was looked for and refused or not found, for people; grows as files are asked for.
  virtual const std::vector<Note>& notes() const = 0;
};

class ModuleSet {
 public:
  // `image` must outlive the set.
  static ModuleSet resolve(const ProcessImage& image, const ModuleOptions& options);
  ModuleSet(ModuleSet&&) noexcept;
  ModuleSet& operator=(ModuleSet&&) noexcept;
  ~ModuleSet();

  const Module* find(Address address) const;                // nullptr outside every module
  const Module* main() const;                               // the executable; nullptr when unknown
  const std::vector<std::unique_ptr<Module>>& all() const;  // by address
  // Bytes of the dump, then pages of files whose contents_agree() where the dump left file-backed
  // pages out. Never invents: .bss, anonymous and written-to private pages (all of a writable
  // segment, relocated or not) come from the dump or not at all.
  const MemoryReader& memory() const;

  // Two libraries of one stem ("libssl": libssl.so.1.1 and libssl.so.3) loaded from different
  // paths.
  struct Duplicate {
    std::string stem;
    const Module* first = nullptr;
    const Module* second = nullptr;
  };
  std::vector<Duplicate> duplicates() const;
  // Looks for every module's file; those for which another build is on disk now.
  std::vector<const Module*> mismatched() const;
  // On the set as a whole (not those of single modules), and what debuginfod servers answered so
  // far.
  std::vector<Note> notes() const;

 private:
  struct State;
  explicit ModuleSet(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace inquest::process
