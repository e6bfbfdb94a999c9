#include "process/symbols/code_names.h"

#include "binary/demangle/demangle.h"
#include "binary/isa/decode.h"

namespace inquest::process {
namespace {

constexpr uint8_t kSttFunction = 2, kSttIndirectFunction = 10;
constexpr int kMaxStubInstructions = 4;
constexpr size_t kMaxStubBytes = 64;

bool is_function(const elf::Symbol& symbol) {
  return (symbol.type == kSttFunction || symbol.type == kSttIndirectFunction) &&
         symbol.section != 0;
}

// The function symbol that covers `link`, in one pass over the table.
std::optional<elf::Symbol> function_symbol(const elf::File& file, uint64_t link) {
  std::optional<elf::Symbol> best;
  file.for_each_symbol([&](const elf::Symbol& symbol) {
    if (is_function(symbol) && symbol.value <= link &&
        (symbol.value == link || link - symbol.value < symbol.size))
      best = symbol;
    return true;
  });
  return best;
}

}  // namespace

const CodeName& CodeNames::at(Address address) {
  auto [it, fresh] = known_.try_emplace(address);
  if (fresh) it->second = look_up(address);
  return it->second;
}

std::optional<dwarf::DebugInfo::GlobalInfo> CodeNames::variable_at(Address address) {
  const Module* module = modules_.find(address);
  Types* types = module != nullptr ? files_.types(*module) : nullptr;
  auto found = types != nullptr ? types->info().global_at(module->to_link(address)) : std::nullopt;
  if (found && module->to_process(found->address) != address) return std::nullopt;
  return found;
}

CodeName CodeNames::look_up(Address address) {
  CodeName out;
  out.module = modules_.find(address);
  if (out.module == nullptr) return out;
  const uint64_t link = out.module->to_link(address);
  if (Types* types = files_.types(*out.module)) {
    const auto scopes = types->info().scopes_at(link);
    if (!scopes.empty()) {
      out.name = scopes.back().name;
      out.start = out.module->to_process(scopes.back().low_pc);
      out.die = scopes.back().die;
      return out;
    }
  }
  for (const elf::File* file : {out.module->binary(), out.module->debug()}) {
    if (file == nullptr) continue;
    if (const auto symbol = function_symbol(*file, link)) {
      out.name = demangle::demangle_name_only(symbol->name, demangle::Suffix::kStrip);
      out.start = out.module->to_process(symbol->value);
      return out;
    }
  }
  return out;
}

// A stub is a jump through a slot: `jmp [rip+n]` after at most an endbr64, or adrp, ldr, add, br.
Address CodeNames::through_stub(Address address) {
  auto [it, fresh] = stubs_.try_emplace(address, address);
  if (!fresh) return it->second;
  const ByteView code = modules_.memory().view(address, kMaxStubBytes);
  isa::RegisterFile registers(image_.arch);
  uint64_t offset = 0;
  std::optional<uint64_t> slot_value;
  for (int i = 0; i < kMaxStubInstructions && offset < code.size(); ++i) {
    const auto instruction = isa::decode(image_.arch, code.subspan(offset), address + offset);
    if (!instruction.ok()) break;
    offset += instruction->length;
    if (instruction->flow == isa::Flow::kJump) {
      if (instruction->target.through_memory && !instruction->memory.empty()) {
        const auto slot =
            instruction->memory[0].effective_address(registers, instruction->next_pc());
        if (slot) slot_value = modules_.memory().load<uint64_t>(*slot);
      } else if (instruction->target.through_register) {
        slot_value = registers.get(*instruction->target.through_register);
      }
      break;
    }
    if (instruction->flow != isa::Flow::kNext || instruction->writes.size() > 1) break;
    if (instruction->writes.empty()) continue;  // endbr64, bti
    const isa::RegisterId to = instruction->writes[0];
    std::optional<uint64_t> value = instruction->constant;
    if (!value && instruction->loads_destination && !instruction->memory.empty()) {
      const auto slot = instruction->memory[0].effective_address(registers, instruction->next_pc());
      if (slot) value = modules_.memory().load<uint64_t>(*slot);
    } else if (!value && instruction->address_of) {
      const auto sum =
          instruction->address_of->effective_address(registers, instruction->next_pc());
      if (sum) value = sum->value;
    }
    if (value) {
      registers.set(to, *value);
    } else {
      registers.forget(to);
    }
  }
  if (slot_value && modules_.find(Address(*slot_value)) != nullptr)
    it->second = Address(*slot_value);
  return it->second;
}

}  // namespace inquest::process
