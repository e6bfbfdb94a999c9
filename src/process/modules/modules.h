// ModuleSet: the binaries that were mapped into the crashed process, and the files on this machine
// that are the same.
//
// What the core alone says (path, range, bias, build-id) is known at once. Files are looked for,
// opened and mapped when they are first asked for, so that sixty libraries cost nothing until a
// frame lands in one of them. A file whose build-id is not the one that crashed is refused, for
// symbols and for memory alike.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/build_id.h"
#include "binary/elf/file.h"
#include "process/image/memory.h"
#include "process/image/process_image.h"

namespace inquest::process {

struct ModuleOptions {
  std::string exe;      // --exe: taken for the module with its build-id, else for the main program
  std::string sysroot;  // --sysroot: put before every path of the core; the host's own files are
                        // then not used
  std::vector<std::string> debug_dirs;  // --debug-dir: searched before /usr/lib/debug
  bool use_system_debug_dir = true;     // /usr/lib/debug (below the sysroot when there is one)
  bool use_debuginfod = true;  // when DEBUGINFOD_URLS (or `debuginfod_urls`) names a server
  std::optional<std::string> debuginfod_urls;  // instead of the environment's; space-separated
  std::string debuginfod_cache;                // empty: $DEBUGINFOD_CACHE_PATH,
                                               // $XDG_CACHE_HOME/inquest/debuginfod, ~/.cache/…
};

enum class FileStatus : uint8_t {
  kVerified,    // the file's build-id is the one that crashed
  kUnverified,  // a file of that path is used, but the core or the file holds nothing to compare by
  kMissing,     // no file was found
  kMismatch,    // a file was found, and it is not the one that crashed: refused
  kInMemoryOnly,  // there is no file (vdso): its bytes are the core's
};
std::string_view to_string(FileStatus status);  // "verified", "missing", …

class ModuleSet;
namespace internal {
struct ModuleFiles;  // opened files, filled on demand
struct ModuleSetState;
}  // namespace internal

// One ELF image in the crashed process. Lives as long as its ModuleSet. Everything may be called
// from several threads.
class Module {
 public:
  Module();
  Module(Module&&) noexcept;
  Module& operator=(Module&&) noexcept;
  ~Module();

  // What the core says.
  std::string path;         // as mapped, without " (deleted)"; empty when unknown; "[vdso]"
  std::string name;         // its last component; "main" of an unknown path is the command
  AddressRange range;       // from the first mapped page to the end of the last segment
  uint64_t bias = 0;        // process address = link-time address + bias (modulo 2^64)
  uint64_t elf_offset = 0;  // where in `path` the ELF header lies (not 0 in an archive)
  std::optional<BuildId>
      build_id;  // of the crashed process; nullopt when its page is not in the core
  bool is_main = false;
  bool is_vdso = false;
  bool deleted = false;  // the file had been unlinked or replaced when the process died

  uint64_t to_link(Address address) const { return address.value - bias; }
  Address to_process(uint64_t link_address) const { return Address(link_address + bias); }

  // What is on this machine. The first call looks for the file.
  FileStatus status() const;
  // True when the bytes of a kUnverified file may stand for memory: the user named the file himself
  // (--exe), or what the core holds of its read-only parts and of its dynamic section agrees with
  // it. True for every kVerified file.
  bool contents_agree() const;
  const std::string& found_path()
      const;  // of the file used or, for kMismatch, refused; may be empty
  const std::optional<BuildId>& found_build_id() const;  // of found_path()
  std::string soname() const;                            // DT_SONAME; empty when unknown
  // "1.2.3" of a file really named libfoo.so.1.2.3 or libfoo-1.2.3.so; empty when the name does not
  // say.
  std::string version() const;
  // What to tell people about this module: mismatch, missing, unverified. nullopt when all is well.
  std::optional<Note> file_note() const;

  // The mapped executable or library; nullptr when missing or refused.
  const elf::File* binary() const;
  // The separate debug file (build-id directories, .gnu_debuglink, debuginfod); nullptr when there
  // is none. Not looked for when binary() has debug information itself.
  const elf::File* debug() const;
  std::string debug_path() const;  // empty when debug() is nullptr
  // The file with .debug_info: binary() or debug(); nullptr when neither has any.
  const elf::File* dwarf() const;
  std::string dwarf_path() const;
  // dwz's shared file (.gnu_debugaltlink of dwarf()), checked by its build-id; nullptr when there
  // is none.
  const elf::File* alt() const;
  std::string alt_path() const;
  // .gnu_debugdata of binary(), decompressed ("mini debug info": function symbols and CFI); nullptr
  // when there is none.
  const elf::File* mini_debug() const;

 private:
  friend class ModuleSet;
  friend struct internal::ModuleSetState;
  std::unique_ptr<internal::ModuleFiles> files_;
};

class ModuleSet {
 public:
  // Finds the modules of `image`, which must outlive the set. Opens no file that the core does not
  // make necessary (cores without ELF headers: qemu-user's).
  static ModuleSet resolve(const ProcessImage& image, const ModuleOptions& options);

  ModuleSet(ModuleSet&&) noexcept;
  ModuleSet& operator=(ModuleSet&&) noexcept;
  ~ModuleSet();

  // The module whose range holds `address`, or nullptr. O(log modules).
  const Module* find(Address address) const;
  // Sorted by address.
  const std::vector<std::unique_ptr<Module>>& all() const;
  const Module* main() const;  // the program itself, or nullptr when it could not be told

  // The core's bytes, then bytes of files that are what was mapped (read-only segments only: what
  // was writable or relocated is never taken from a file), else the reason. Valid as long as the
  // set.
  const MemoryReader& memory() const;

  // Two libraries of one stem ("libssl.so.1.1" and "libssl.so.3") loaded from different paths.
  struct Duplicate {
    std::string stem;
    const Module* first = nullptr;
    const Module* second = nullptr;
  };
  std::vector<Duplicate> duplicates() const;

  // Looks for the file of every module, and answers those that now differ on disk.
  std::vector<const Module*> mismatched() const;

  // Notes on the set, and on the modules whose files were asked for so far, in order of address.
  std::vector<Note> notes() const;

 private:
  ModuleSet();
  std::unique_ptr<internal::ModuleSetState> state_;
};

}  // namespace inquest::process
