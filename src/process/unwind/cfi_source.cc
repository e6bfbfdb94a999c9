#include "process/unwind/cfi_source.h"

#include <elf.h>

#include <unordered_map>

#include "process/unwind/breakpad_rows.h"

namespace inquest::process {
namespace {

constexpr uint64_t kMaxHeaders = 0x10000;
constexpr uint64_t kMaxFrameSection = uint64_t{256} << 20;

// The tables of one module.
struct ModuleTables {
  std::unique_ptr<dwarf::CfiTable> main;
  std::unique_ptr<dwarf::CfiTable> debug;  // .debug_frame of the separate debug file
  bool debug_tried = false;
  std::unique_ptr<BreakpadRows> breakpad;  // of a symbol file, when neither is there
  bool breakpad_tried = false;
};

// Without the file: .eh_frame_hdr and .eh_frame as the dump has them, when it has them.
std::unique_ptr<dwarf::CfiTable> from_memory(const Module& module, const MemoryReader& memory) {
  const ByteView headers = memory.view(module.range.start, kMaxHeaders);
  const auto image = elf::File::parse_image(headers, module.range.start.value);
  if (!image) return nullptr;
  for (const elf::Segment& segment : image->segments()) {
    if (segment.type != PT_GNU_EH_FRAME) continue;
    dwarf::CfiTable::Sections sections;
    sections.eh_frame_hdr = memory.view(module.to_process(segment.vaddr), segment.memory_size);
    sections.eh_frame_hdr_address = segment.vaddr;
    // eh_frame_ptr: with the one encoding that linkers write, DW_EH_PE_pcrel | DW_EH_PE_sdata4.
    const auto encoding = load<uint8_t>(sections.eh_frame_hdr, 1);
    const auto distance = load<int32_t>(sections.eh_frame_hdr, 4);
    if (!encoding || *encoding != 0x1b || !distance) return nullptr;
    sections.eh_frame_address = segment.vaddr + 4 + static_cast<uint64_t>(int64_t{*distance});
    sections.eh_frame = memory.view(module.to_process(sections.eh_frame_address), kMaxFrameSection);
    if (sections.eh_frame.empty()) return nullptr;
    return std::make_unique<dwarf::CfiTable>(sections);
  }
  return nullptr;
}

class ModuleCfi final : public CfiSource {
 public:
  ModuleCfi(const ModuleSet& modules, const MemoryReader& dump, isa::Arch arch)
      : modules_(modules), dump_(dump), arch_(arch) {}

  std::optional<dwarf::CfiRow> row_at(Address pc, uint64_t* bias) override {
    const Module* module = modules_.find(pc);
    if (module == nullptr) return std::nullopt;
    *bias = module->bias;
    return ask(*module, [&](auto& table) { return table.row_at(module->to_link(pc)); });
  }

  std::optional<AddressRange> function_at(Address pc) override {
    const Module* module = modules_.find(pc);
    if (module == nullptr) return std::nullopt;
    const auto function =
        ask(*module, [&](auto& table) { return table.function_at(module->to_link(pc)); });
    if (!function) return std::nullopt;
    return AddressRange{module->to_process(function->start), module->to_process(function->end)};
  }

  bool is_entry_code(Address pc) override {
    const Module* module = modules_.find(pc);
    if (module == nullptr || module->is_vdso) return false;
    const elf::File* file = module->binary();
    if (file == nullptr) return is_start_by_name(*module, pc);
    if (file->entry() == 0) return false;
    const uint64_t into = module->to_link(pc) - file->entry();
    return into < kEntryCodeSize;
  }

 private:
  // Symbol files cannot say that a function has no caller, but they have names.
  static bool is_start_by_name(const Module& module, Address pc) {
    const breakpad::SymbolFile* symbols = module.breakpad_symbols();
    if (symbols == nullptr) return false;
    const auto function = symbols->function_at(module.to_breakpad(module.to_link(pc)));
    return function && function->name == "_start" &&
           module.to_breakpad(module.to_link(pc)) - function->start < kEntryCodeSize;
  }

  // Asks the binary's table, then, where that knows nothing, the debug file's, then Breakpad's.
  template <typename Question>
  auto ask(const Module& module, Question question)
      -> decltype(question(std::declval<dwarf::CfiTable&>())) {
    const auto [place, is_new] = tables_.try_emplace(&module);
    ModuleTables& tables = place->second;
    if (is_new) {
      const elf::File* file = module.binary();
      tables.main =
          file != nullptr ? dwarf::CfiTable::from_file(*file) : from_memory(module, dump_);
    }
    if (tables.main != nullptr) {
      if (auto answer = question(*tables.main)) return answer;
    }
    if (!tables.debug_tried) {
      tables.debug_tried = true;
      const elf::File* file = module.debug();
      if (file != nullptr && file != module.binary())
        tables.debug = dwarf::CfiTable::debug_frame_of(*file);
    }
    if (tables.debug != nullptr) {
      if (auto answer = question(*tables.debug)) return answer;
    }
    // What the binary's own tables do not cover, those made of them do not either.
    if (tables.main != nullptr) return std::nullopt;
    if (!tables.breakpad_tried) {
      tables.breakpad_tried = true;
      if (const breakpad::SymbolFile* symbols = module.breakpad_symbols())
        tables.breakpad = std::make_unique<BreakpadRows>(module, *symbols, arch_);
    }
    if (tables.breakpad == nullptr) return std::nullopt;
    return question(*tables.breakpad);
  }

  const ModuleSet& modules_;
  const MemoryReader& dump_;
  isa::Arch arch_;
  std::unordered_map<const Module*, ModuleTables> tables_;
};

}  // namespace

std::unique_ptr<CfiSource> cfi_of_modules(const ModuleSet& modules, const MemoryReader& dump,
                                          isa::Arch arch) {
  return std::make_unique<ModuleCfi>(modules, dump, arch);
}

}  // namespace inquest::process
