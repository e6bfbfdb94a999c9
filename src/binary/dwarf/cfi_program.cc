#include "binary/dwarf/cfi_program.h"

#include <dwarf.h>

#include <algorithm>
#include <array>

namespace inquest::dwarf {
namespace {

using Kind = RegisterRule::Kind;

constexpr uint8_t kCfaAArch64NegateRaStateWithPc = 0x2c;
constexpr uint8_t kCfaAArch64NegateRaState = 0x2d;  // DW_CFA_GNU_window_save elsewhere
constexpr uint8_t kPrimaryMask = 0xc0;  // three opcodes carry an operand in their low six bits

struct State {
  CfaRule cfa;
  std::array<RegisterRule, kMaxCfiRegister> rules{};
  bool return_address_signed = false;
};

class Program {
 public:
  Program(const Cie& cie, const Fde& fde, uint64_t pc, uint64_t* budget)
      : cie_(cie), fde_(fde), pc_(pc), location_(fde.start), row_end_(fde.end), budget_(budget) {}

  std::optional<CfiRow> run() {
    if (!execute(cie_.instructions, 0)) return std::nullopt;
    initial_ = state_;
    in_fde_ = true;
    if (!execute(fde_.instructions, fde_.instructions_address)) return std::nullopt;
    return row();
  }

 private:
  bool execute(ByteView instructions, uint64_t address);
  bool step(uint8_t opcode, Cursor& cursor);
  bool extended(uint8_t opcode, Cursor& cursor);
  bool cfa(uint8_t opcode, Cursor& cursor);
  bool rule(uint8_t opcode, Cursor& cursor);
  bool set(uint64_t reg, RegisterRule rule);
  bool restore(uint64_t reg);
  bool advance_to(uint64_t location);
  bool advance(uint64_t delta) { return advance_to(location_ + delta * cie_.code_alignment); }
  int64_t factored(uint64_t operand) const {
    return static_cast<int64_t>(operand * static_cast<uint64_t>(cie_.data_alignment));
  }
  int64_t factored(int64_t operand) const { return factored(static_cast<uint64_t>(operand)); }
  CfiRow row() const;

  const Cie& cie_;
  const Fde& fde_;
  uint64_t pc_;
  uint64_t location_;
  uint64_t row_end_;
  uint64_t* budget_;
  uint64_t address_ = 0;
  bool in_fde_ = false;
  bool done_ = false;
  State state_;
  State initial_;
  std::vector<State> remembered_;
};

bool Program::execute(ByteView instructions, uint64_t address) {
  address_ = address;
  Cursor cursor(instructions);
  uint64_t steps = 0;
  while (!cursor.at_end() && !done_) {
    if (++steps > kMaxCfaInstructions || *budget_ == 0) return false;
    --*budget_;
    if (!step(cursor.u8(), cursor) || !cursor.ok()) return false;
  }
  return true;
}

bool Program::step(uint8_t opcode, Cursor& cursor) {
  const uint8_t operand = opcode & ~kPrimaryMask & 0xff;
  switch (opcode & kPrimaryMask) {
    case DW_CFA_advance_loc:
      return advance(operand);
    case DW_CFA_offset:
      return set(operand, {.kind = Kind::kAtCfa, .offset = factored(cursor.uleb128())});
    case DW_CFA_restore:
      return restore(operand);
    default:
      return extended(opcode, cursor);
  }
}

bool Program::extended(uint8_t opcode, Cursor& cursor) {
  switch (opcode) {
    case DW_CFA_nop:
      return true;
    case DW_CFA_set_loc: {
      const auto location = read_encoded(cursor, cie_.pointer_encoding, address_);
      return location && advance_to(*location);
    }
    case DW_CFA_advance_loc1:
      return advance(cursor.u8());
    case DW_CFA_advance_loc2:
      return advance(cursor.u16());
    case DW_CFA_advance_loc4:
      return advance(cursor.u32());
    case DW_CFA_MIPS_advance_loc8:
      return advance(cursor.u64());
    case DW_CFA_remember_state:
      if (remembered_.size() >= kMaxRememberedStates) return false;
      remembered_.push_back(state_);
      return true;
    case DW_CFA_restore_state:
      if (remembered_.empty()) return false;
      state_ = remembered_.back();
      remembered_.pop_back();
      return true;
    case DW_CFA_restore_extended:
      return restore(cursor.uleb128());
    case DW_CFA_GNU_args_size:
      cursor.uleb128();
      return true;
    case kCfaAArch64NegateRaState:
    case kCfaAArch64NegateRaStateWithPc:
      state_.return_address_signed = !state_.return_address_signed;
      return true;
    case DW_CFA_def_cfa:
    case DW_CFA_def_cfa_sf:
    case DW_CFA_def_cfa_register:
    case DW_CFA_def_cfa_offset:
    case DW_CFA_def_cfa_offset_sf:
    case DW_CFA_def_cfa_expression:
      return cfa(opcode, cursor);
    default:
      return rule(opcode, cursor);
  }
}

bool Program::cfa(uint8_t opcode, Cursor& cursor) {
  CfaRule& rule = state_.cfa;
  if (opcode == DW_CFA_def_cfa_expression) {
    rule = {.kind = CfaRule::Kind::kExpression, .expression = cursor.bytes(cursor.uleb128())};
    return true;
  }
  const bool names_register =
      opcode == DW_CFA_def_cfa || opcode == DW_CFA_def_cfa_sf || opcode == DW_CFA_def_cfa_register;
  // An expression has neither a register nor an offset to change alone.
  const bool whole = opcode == DW_CFA_def_cfa || opcode == DW_CFA_def_cfa_sf;
  if (!whole && rule.kind != CfaRule::Kind::kRegister) return false;
  if (names_register) {
    const uint64_t reg = cursor.uleb128();
    if (reg >= kMaxCfiRegister) return false;
    rule.reg = static_cast<uint16_t>(reg);
    rule.kind = CfaRule::Kind::kRegister;
    rule.expression = {};
  }
  switch (opcode) {
    case DW_CFA_def_cfa:
    case DW_CFA_def_cfa_offset:
      rule.offset = static_cast<int64_t>(cursor.uleb128());
      break;
    case DW_CFA_def_cfa_sf:
    case DW_CFA_def_cfa_offset_sf:
      rule.offset = factored(cursor.sleb128());
      break;
    default:
      break;
  }
  return true;
}

bool Program::rule(uint8_t opcode, Cursor& cursor) {
  const uint64_t reg = cursor.uleb128();
  switch (opcode) {
    case DW_CFA_undefined:
      return set(reg, {.kind = Kind::kUndefined});
    case DW_CFA_same_value:
      return set(reg, {.kind = Kind::kSameValue});
    case DW_CFA_offset_extended:
      return set(reg, {.kind = Kind::kAtCfa, .offset = factored(cursor.uleb128())});
    case DW_CFA_offset_extended_sf:
      return set(reg, {.kind = Kind::kAtCfa, .offset = factored(cursor.sleb128())});
    case DW_CFA_GNU_negative_offset_extended:
      return set(reg, {.kind = Kind::kAtCfa, .offset = factored(uint64_t{0} - cursor.uleb128())});
    case DW_CFA_val_offset:
      return set(reg, {.kind = Kind::kIsCfa, .offset = factored(cursor.uleb128())});
    case DW_CFA_val_offset_sf:
      return set(reg, {.kind = Kind::kIsCfa, .offset = factored(cursor.sleb128())});
    case DW_CFA_register:
      return set(reg, {.kind = Kind::kRegister, .offset = static_cast<int64_t>(cursor.uleb128())});
    case DW_CFA_expression:
      return set(reg, {.kind = Kind::kAtExpression, .expression = cursor.bytes(cursor.uleb128())});
    case DW_CFA_val_expression:
      return set(reg, {.kind = Kind::kIsExpression, .expression = cursor.bytes(cursor.uleb128())});
    default:
      return false;
  }
}

bool Program::set(uint64_t reg, RegisterRule rule) {
  if (reg >= kMaxCfiRegister) return true;
  rule.reg = static_cast<uint16_t>(reg);
  state_.rules[reg] = rule;
  return true;
}

bool Program::restore(uint64_t reg) {
  if (!in_fde_) return false;
  if (reg < kMaxCfiRegister) state_.rules[reg] = initial_.rules[reg];
  return true;
}

// The row is complete when the next one starts behind pc.
bool Program::advance_to(uint64_t location) {
  if (!in_fde_ || location < location_) return false;
  if (location > pc_) {
    row_end_ = std::min(location, fde_.end);
    done_ = true;
    return true;
  }
  location_ = location;
  return true;
}

CfiRow Program::row() const {
  CfiRow row;
  row.start = location_;
  row.end = row_end_;
  row.function_start = fde_.start;
  row.function_end = fde_.end;
  row.cfa = state_.cfa;
  row.return_register = cie_.return_register;
  row.signal_frame = cie_.signal_frame;
  row.return_address_signed = state_.return_address_signed;
  std::copy_if(state_.rules.begin(), state_.rules.end(), std::back_inserter(row.rules),
               [](const RegisterRule& rule) { return rule.kind != Kind::kUnspecified; });
  return row;
}

}  // namespace

std::optional<CfiRow> run_cfi_program(const Cie& cie, const Fde& fde, uint64_t pc,
                                      uint64_t* budget) {
  return Program(cie, fde, pc, budget).run();
}

const RegisterRule* CfiRow::rule_for(uint16_t reg) const {
  for (const RegisterRule& rule : rules) {
    if (rule.reg == reg) return &rule;
  }
  return nullptr;
}

}  // namespace inquest::dwarf
