// Modules of a hostile core: headers, notes and link_map in its memory. Files of this machine are
// not looked for, except where the core makes it necessary, and then below a directory that does
// not exist.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "process/input/load.h"
#include "process/modules/modules.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace inquest;
  const auto image = process::load_core({data, size}, "fuzz");
  if (!image.ok()) return 0;
  process::ModuleOptions options;
  options.sysroot = "/nonexistent";
  options.use_debuginfod = false;
  const auto set = process::ModuleSet::resolve(*image, options);
  Address last;
  for (const auto& module : set.all()) {
    INQ_CHECK(last <= module->range.start);
    last = module->range.start;
    INQ_CHECK(!module->is_vdso || module->status() == process::FileStatus::kInMemoryOnly);
    if (module->is_vdso && module->binary() != nullptr) {
      module->binary()->for_each_symbol([](const elf::Symbol&) { return true; });
    }
    const process::Module* found = set.find(module->range.start);
    INQ_CHECK(found == nullptr || found->range.contains(module->range.start));
  }
  static_cast<void>(set.duplicates());
  for (const process::Mapping& mapping : image->mappings) {
    const ByteView bytes = set.memory().view(mapping.range.start, 64);
    INQ_CHECK(bytes.empty() ||
              set.memory().why_missing(mapping.range.start) == process::Missing::kNone);
  }
  return 0;
}
