#include "process/flow/resume_point.h"

#include <array>
#include <charconv>
#include <map>
#include <string_view>

#include "binary/isa/decode.h"

namespace inquest::process {

using isa::Flow;
using isa::Instruction;
using isa::MemoryOperand;
using isa::RegisterId;

namespace {

// The function's own stack lies where no process has memory.
constexpr Address kStackPointer{0xf000'0000'0010'0000};
constexpr uint64_t kStackReach = 0x10'0000;
// The number is small, and no pointer; it stands behind the two function pointers.
constexpr uint64_t kPointers = 16, kMaxFrame = 1 << 20;
constexpr uint32_t kMaxNumberSize = 4;

// A word, and where in the frame the number stands that it depends on.
struct Word {
  std::optional<uint64_t> value;
  std::optional<uint64_t> number;
};

bool is_own_stack(Address address) {
  return address.value - (kStackPointer.value - kStackReach) < 2 * kStackReach;
}

bool keeps_flags(const Instruction& instruction) {
  for (const std::string_view name :
       {"mov",  "lea", "nop", "push", "pop",  "ldr",  "str", "ldp",   "stp", "ldur",
        "stur", "adr", "sxt", "uxt",  "cmov", "csel", "set", "endbr", "bti", "paci"}) {
    if (instruction.mnemonic.starts_with(name)) return true;
  }
  return false;
}

class Run {
 public:
  Run(isa::Arch arch, const MemoryReader& memory, Address resume, Address frame)
      : arch_(arch),
        memory_(memory),
        resume_(resume),
        frame_(frame),
        pc_(resume),
        registers_(arch) {
    registers_.set(*isa::argument_register(arch, 0), frame.value);
    registers_.set_sp(kStackPointer);
  }

  std::vector<Address> follow() {
    for (size_t i = 0; i < kMaxResumeSteps; ++i) {
      std::array<uint8_t, isa::kMaxInstructionLength> bytes{};
      const auto got = memory_.read(pc_, bytes);
      const auto instruction = isa::decode(arch_, ByteView(bytes).first(got.size), pc_);
      if (!instruction.ok()) break;
      if (landed_ && resumed_.size() < kMaxResumed) resumed_.push_back(pc_);
      if (!step(*instruction)) break;
      if (pc_.value - resume_.value >= kMaxResumeReach) break;
    }
    if (lost_) resumed_.clear();
    return resumed_;
  }

 private:
  struct Compared {
    Word left, right;
    uint8_t bits = 64;
  };
  struct Slot {
    Word word;
    uint32_t size = 0;
  };

  // False: here it ends.
  bool step(const Instruction& instruction) {
    switch (instruction.flow) {
      case Flow::kNext:
        for (const Instruction& part : isa::steps_of(instruction)) {
          if (!execute(part)) return false;
        }
        pc_ = instruction.next_pc();
        return true;
      case Flow::kJump:
        return jump(instruction);
      case Flow::kBranch:
        return branch(instruction);
      case Flow::kTrap:
        // No such await: the number is none of a suspended coroutine.
        lost_ = lost_ || resumed_.size() <= 1;
        return false;
      default:
        return false;
    }
  }

  bool jump(const Instruction& instruction) {
    if (instruction.target.direct) {
      if (resumed_.size() == 1) resumed_.clear();  // the way there goes on
      pc_ = *instruction.target.direct;
      return true;
    }
    Word target;
    if (instruction.target.through_register) {
      target = in_register(*instruction.target.through_register);
    } else if (instruction.target.through_memory && !instruction.memory.empty()) {
      target = load(instruction.memory[0], instruction.next_pc());
    }
    // By what it jumps is not known: perhaps by the number.
    if (!target.value || !target.number) return lose();
    return go(Address(*target.value), *target.number);
  }

  bool branch(const Instruction& instruction) {
    // cbz and tbz compare themselves, and leave the flags alone.
    const auto compared = instruction.compares ? std::optional(compare(instruction)) : compared_;
    if (!compared || !instruction.branches_when || !instruction.target.direct) return false;
    const auto& [left, right, bits] = *compared;
    if (!left.value || !right.value) return left.number || right.number ? lose() : false;
    const bool taken = isa::holds(*instruction.branches_when, *left.value, *right.value, bits);
    const Address next = taken ? *instruction.target.direct : instruction.next_pc();
    if (const auto number = left.number ? left.number : right.number) return go(next, *number);
    pc_ = next;
    return true;
  }

  bool go(Address next, uint64_t number) {
    if (number_ && *number_ != number) return false;
    number_ = number;
    landed_ = true;
    resumed_.clear();
    pc_ = next;
    return true;
  }

  bool lose() {
    lost_ = true;
    return false;
  }

  // One plain instruction. False: it changes what is not the function's own.
  bool execute(const Instruction& instruction) {
    if (instruction.compares) {
      compared_ = compare(instruction);
    } else if (!keeps_flags(instruction)) {
      compared_.reset();
    }
    const bool pushes = instruction.mnemonic == "push", pops = instruction.mnemonic == "pop";
    const auto byte = low_byte_result(instruction);
    const Word result = result_of(instruction);
    if (!store(instruction)) return false;
    const RegisterId sp = isa::sp_register(arch_);
    const auto old_sp = registers_.get(sp);
    for (const RegisterId id : instruction.writes) set(id, {});
    if (!instruction.writes.empty()) set(instruction.writes[0], result);
    if (byte && instruction.writes[0] < isa::kRegisterCount)
      low_bytes_[instruction.writes[0]] = *byte;
    if ((pushes || pops) && old_sp) set(sp, {pushes ? *old_sp - 8 : *old_sp + 8, std::nullopt});
    return true;
  }

  // What an instruction of x86-64 leaves in the low byte of the register that it changes no more
  // of: without optimisation clang computes with numbers of that size.
  std::optional<Word> low_byte_result(const Instruction& instruction) {
    const std::string_view text = instruction.text;
    const size_t comma = text.find(", ");
    if (arch_ != isa::Arch::kX86_64 || instruction.writes.empty() ||
        comma == std::string_view::npos)
      return std::nullopt;
    // al, dil, r8b
    const std::string_view to = text.substr(0, comma);
    if (!to.ends_with('l') && !to.ends_with('b')) return std::nullopt;
    if (instruction.mnemonic == "mov" && instruction.memory.size() == 1)
      return load(instruction.memory[0], instruction.next_pc());
    const auto constant = byte_constant(text.substr(comma + 2));
    if (!constant) return std::nullopt;
    if (instruction.mnemonic == "mov") return Word{constant, {}};
    Word out = low_byte(instruction.writes[0]);
    if (instruction.mnemonic == "sub") {
      compared_ = Compared{out, Word{constant, {}}, 8};
      if (out.value) out.value = (*out.value - *constant) & 0xff;
    } else if (instruction.mnemonic == "add") {
      if (out.value) out.value = (*out.value + *constant) & 0xff;
    } else if (instruction.mnemonic == "and") {
      if (out.value) out.value = *out.value & *constant;
      compared_ = Compared{out, Word{0, {}}, 8};
    } else {
      return std::nullopt;
    }
    return out;
  }

  static std::optional<uint64_t> byte_constant(std::string_view text) {
    if (!text.starts_with("0x")) return std::nullopt;
    uint8_t value = 0;
    const auto read = std::from_chars(text.data() + 2, text.data() + text.size(), value, 16);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
    return value;
  }

  Word low_byte(RegisterId id) const {
    Word out = in_register(id);
    if (out.value) {
      out.value = *out.value & 0xff;
    } else if (id < isa::kRegisterCount) {
      out = low_bytes_[id];
    }
    return out;
  }

  Word result_of(const Instruction& instruction) {
    Word out;
    if (instruction.constant) {
      out.value = instruction.constant;
    } else if (instruction.copy_of) {
      out = instruction.copy_bits == 8 ? low_byte(*instruction.copy_of)
                                       : in_register(*instruction.copy_of);
      if (out.value) out.value = instruction.extended(*out.value);
    } else if (instruction.loads_destination && !instruction.memory.empty()) {
      out = load(instruction.memory[0], instruction.next_pc());
      if (out.value) out.value = instruction.extended(*out.value);
    } else if (instruction.address_of) {
      out.number = number_of(*instruction.address_of);
      const auto sum = instruction.address_of->effective_address(registers_, instruction.next_pc());
      if (sum) out.value = sum->value;
    }
    return out;
  }

  Compared compare(const Instruction& instruction) {
    const isa::Comparison& what = *instruction.compares;
    Compared out;
    out.bits = what.bits;
    if (what.left) {
      out.left = what.bits == 8 ? low_byte(*what.left) : in_register(*what.left);
    } else if (!instruction.memory.empty()) {
      out.left = load(instruction.memory[0], instruction.next_pc());
    }
    if (out.left.value) out.left.value = *out.left.value & what.mask;
    out.right = what.right_register ? in_register(*what.right_register) : Word{what.right, {}};
    return out;
  }

  Word load(const MemoryOperand& operand, Address next_pc) {
    Word out;
    out.number = number_of(operand);
    const auto address = operand.effective_address(registers_, next_pc);
    if (!address || operand.size == 0 || operand.size > 8) return out;
    if (is_own_stack(*address)) {
      const auto slot = stack_.find(*address);
      if (slot == stack_.end() || slot->second.size < operand.size) return out;
      out = slot->second.word;
      if (out.value) out.value = low_bytes(*out.value, operand.size);
      return out;
    }
    std::array<uint8_t, 8> bytes{};
    if (memory_.read(*address, std::span(bytes).first(operand.size)).size != operand.size)
      return out;
    out.value = inquest::load<uint64_t>(ByteView(bytes));
    const uint64_t offset = *address - frame_;
    if (offset >= kPointers && offset < kMaxFrame && operand.size <= kMaxNumberSize)
      out.number = offset;
    return out;
  }

  bool store(const Instruction& instruction) {
    for (const MemoryOperand& operand : instruction.memory) {
      if (operand.access == isa::Access::kRead) continue;
      const auto address = operand.effective_address(registers_, instruction.next_pc());
      if (!address || !is_own_stack(*address)) return false;
      forget(*address, operand.size == 0 ? 64 : operand.size);
      Word word;
      if (instruction.stores_constant) {
        word.value = instruction.stores_constant;
      } else if (instruction.stores_register) {
        word = operand.size == 1 ? low_byte(*instruction.stores_register)
                                 : in_register(*instruction.stores_register);
      }
      if (operand.size <= 8) stack_[*address] = {word, operand.size};
    }
    return true;
  }

  void forget(Address start, uint64_t size) {
    auto slot = stack_.lower_bound(start - 8);
    while (slot != stack_.end() && slot->first.value < start.value + size) {
      slot = slot->first.value + slot->second.size > start.value ? stack_.erase(slot)
                                                                 : std::next(slot);
    }
  }

  static uint64_t low_bytes(uint64_t value, uint32_t size) {
    return size >= 8 ? value : value & ((uint64_t{1} << (8 * size)) - 1);
  }

  std::optional<uint64_t> number_of(const MemoryOperand& operand) const {
    const Word index = operand.index ? in_register(*operand.index) : Word{};
    if (index.number) return index.number;
    return operand.base ? in_register(*operand.base).number : std::nullopt;
  }
  Word in_register(RegisterId id) const {
    return id < isa::kRegisterCount ? Word{registers_.get(id), numbers_[id]} : Word{};
  }
  void set(RegisterId id, const Word& word) {
    if (id >= isa::kRegisterCount) return;
    numbers_[id] = word.number;
    low_bytes_[id] = {};
    if (word.value) {
      registers_.set(id, *word.value);
    } else {
      registers_.forget(id);
    }
  }

  isa::Arch arch_;
  const MemoryReader& memory_;
  Address resume_, frame_, pc_;
  isa::RegisterFile registers_;
  std::array<std::optional<uint64_t>, isa::kRegisterCount> numbers_;
  std::array<Word, isa::kRegisterCount> low_bytes_;  // of registers not known
  std::map<Address, Slot> stack_;
  std::optional<Compared> compared_;
  std::optional<uint64_t> number_;  // where in the frame it stands
  std::vector<Address> resumed_;    // from the last jump by the number on
  bool landed_ = false;             // there was one
  bool lost_ = false;
};

}  // namespace

std::vector<Address> find_resume_point(isa::Arch arch, const MemoryReader& memory, Address resume,
                                       Address frame) {
  return Run(arch, memory, resume, frame).follow();
}

}  // namespace inquest::process
