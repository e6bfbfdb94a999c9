#include "process/symbols/tail_jumps.h"

#include <algorithm>

namespace inquest::process {
namespace {

// Bounds on the code that is read to find tail calls: a function, its parts, a process.
constexpr uint64_t kMaxCode = 64 * 1024;
constexpr uint64_t kMaxCodeInAll = 512 * 1024;
constexpr size_t kMaxParts = 8;
constexpr size_t kMaxExits = 64;

// What compilers call the rarely used part of a function, as the linker sees it.
bool names_a_part(std::string_view linkage_name) {
  return linkage_name.find(".cold") != std::string_view::npos;
}

}  // namespace

bool TailFunction::contains(Address pc) const {
  return std::ranges::any_of(parts, [&](const AddressRange& part) { return part.contains(pc); });
}

TailJumps::TailJumps(const ProcessImage& image, const ModuleSet& modules, Unwinder& unwinder,
                     Symbolizer& symbols)
    : image_(image),
      modules_(modules),
      unwinder_(unwinder),
      symbols_(symbols),
      files_(&symbols.debug_infos()),
      names_(image, modules, files_),
      code_left_(kMaxCodeInAll) {}

std::optional<Address> TailJumps::entry_of(Address pc) {
  const AnnotatedFrame& frame = symbols_.annotate(pc);
  const SourceFrame& function = frame.functions.back();
  if (frame.module != nullptr && function.source != NameSource::kNone &&
      function.function_start != 0 && !names_a_part(function.linkage_name))
    return frame.module->to_process(function.function_start);
  const auto range = unwinder_.function_at(pc);
  if (!range || !unwinder_.is_as_at_entry(range->start).value_or(false)) return std::nullopt;
  return range->start;
}

bool TailJumps::starts_function(Address entry, Address pc) const {
  const auto range = unwinder_.function_at(pc);
  return range && range->start == entry;
}

const TailFunction& TailJumps::at(Address entry) {
  const auto known = known_.find(entry);
  if (known != known_.end()) return known->second;
  return known_.emplace(entry, read(entry)).first->second;
}

TailFunction TailJumps::read(Address entry) {
  TailFunction function;
  function.entry = entry;
  const auto range = unwinder_.function_at(entry);
  if (!range || range->start != entry) {
    function.whole = false;
    return function;
  }
  function.parts.push_back(*range);
  for (size_t part = 0; part < function.parts.size(); ++part) read_part(function, part);
  return function;
}

void TailJumps::read_part(TailFunction& function, size_t part) {
  const AddressRange range = function.parts[part];
  const uint64_t size = range.size();
  const ByteView code = modules_.memory().view(range.start, size);
  if (size > kMaxCode || size > code_left_ || code.size() < size) {
    function.whole = false;
    return;
  }
  code_left_ -= size;
  for (uint64_t offset = 0; offset < size;) {
    const auto instruction = isa::decode(image_.arch, code.subspan(offset), range.start + offset);
    if (!instruction.ok() || instruction->length == 0) {
      // On AArch64 a word that we cannot read is a word all the same, and no jump.
      if (image_.arch != isa::Arch::kAArch64) {
        function.whole = false;
        return;
      }
      offset += 4;
      continue;
    }
    offset += instruction->length;
    const bool jumps =
        instruction->flow == isa::Flow::kJump || instruction->flow == isa::Flow::kBranch;
    if (jumps) follow(function, *instruction);
  }
}

void TailJumps::follow(TailFunction& function, const isa::Instruction& jump) {
  if (function.exits.size() >= kMaxExits) {
    function.whole = false;
    return;
  }
  if (!jump.target.direct) return follow_pointer(function, jump);
  const Address first = *jump.target.direct;
  if (function.contains(first)) return;
  const Address target = names_.through_stub(first);
  const auto around = unwinder_.function_at(target);
  if (!around) return;
  if (target == first && is_part_of(function, target, *around)) {
    if (function.parts.size() < kMaxParts) {
      function.parts.push_back(*around);
    } else {
      function.whole = false;
    }
    return;
  }
  // Code written by hand jumps into the middle of other functions: that enters nothing.
  if (around->start == target) function.exits.push_back({jump.pc, jump.next_pc(), target});
}

// A pointer to a function, or the rows of a switch statement? The latter's code has room on the
// stack as often as not.
void TailJumps::follow_pointer(TailFunction& function, const isa::Instruction& jump) {
  if (!unwinder_.is_as_at_entry(jump.pc).value_or(true)) return;
  std::optional<Address> target;
  // `jmp [rip+n]`, as calls of library functions are compiled with -fno-plt.
  if (jump.target.through_memory && !jump.memory.empty() && jump.memory[0].base &&
      *jump.memory[0].base == isa::pc_register(image_.arch) && !jump.memory[0].index) {
    const auto slot =
        jump.memory[0].effective_address(isa::RegisterFile(image_.arch), jump.next_pc());
    if (slot) target = modules_.memory().load_pointer(*slot);
  }
  function.exits.push_back({jump.pc, jump.next_pc(), target});
}

// Is the code at `target`, which a jump leads to from outside `around`, a further part of the same
// function? Without a name that says so, only a function of its own name surely is none.
bool TailJumps::is_part_of(const TailFunction& function, Address target,
                           const AddressRange& around) {
  if (around.start != target) return false;
  const AnnotatedFrame& frame = symbols_.annotate(target);
  const SourceFrame& named = frame.functions.back();
  if (frame.module == nullptr || named.source == NameSource::kNone || named.function_start == 0)
    return true;
  if (names_a_part(named.linkage_name)) return true;
  const Address start = frame.module->to_process(named.function_start);
  return start == function.entry;
}

}  // namespace inquest::process
