// Loads and stores of one register or a pair on AArch64 (DDI 0487, C4.1.97), and the choice among
// the other kinds.
#include <fmt/format.h>

#include <utility>

#include "binary/isa/a64_decoding.h"

namespace inquest::isa::a64 {
namespace {

// What moves between the register and memory.
struct Transfer {
  bool is_load = false;
  bool is_simd = false;
  bool is_prefetch = false;
  bool wide = false;  // the general register is an x register
  bool sign_extends = false;
  uint32_t bytes = 0;
  std::string_view suffix;  // of the mnemonic: "", "b", "sh", …
};

// size:V:opc, common to all forms with one register.
bool single_transfer(const Decoding& d, Transfer& t) {
  constexpr std::string_view kUnsigned[] = {"b", "h", "", ""};
  constexpr std::string_view kSigned[] = {"sb", "sh", "sw"};
  const uint32_t size = d.bits(31, 30), opc = d.bits(23, 22);
  t.is_simd = d.bit(26);
  t.is_load = opc != 0;
  t.bytes = 1u << size;
  if (t.is_simd) {
    if (opc >= 2) {
      if (size != 0) return false;
      t.bytes = 16;
      t.is_load = opc == 3;
    }
    return true;
  }
  if (opc < 2) {
    t.suffix = kUnsigned[size];
    t.wide = size == 3;
    return true;
  }
  if (size == 3) {
    t.is_prefetch = opc == 2;
    return t.is_prefetch;
  }
  if (size == 2 && opc == 3) return false;
  t.suffix = kSigned[size];
  t.sign_extends = true;
  t.wide = opc == 2;
  return true;
}

std::string prefetch_name(uint32_t operation) {
  constexpr std::string_view kTypes[] = {"pld", "pli", "pst"};
  const uint32_t type = operation >> 3, level = operation >> 1 & 3;
  if (type > 2 || level > 2) return hex(operation);
  return fmt::format("{}l{}{}", kTypes[type], level + 1, (operation & 1) != 0 ? "strm" : "keep");
}

std::string transferred_register(const Decoding& d, const Transfer& t) {
  if (t.is_prefetch) return prefetch_name(d.rt());
  return t.is_simd ? simd(d.rt(), t.bytes) : gpr(d.rt(), t.wide);
}

// Registers, memory and data flow of a single load or store at `operand`.
void add_transfer(Decoding& d, const Transfer& t, MemoryOperand operand) {
  if (t.is_prefetch) return;
  operand.access = t.is_load ? Access::kRead : Access::kWrite;
  operand.size = t.bytes;
  d.out.memory.push_back(operand);
  if (t.is_simd) return;
  if (!t.is_load) {
    if (d.keeps(d.rt())) {
      d.out.stores_register = static_cast<RegisterId>(d.rt());
    } else {
      d.out.stores_constant = 0;
    }
    return d.read(d.rt());
  }
  d.write(d.rt());
  if (!d.keeps(d.rt())) return;
  d.out.loads_destination = true;
  d.out.copy_bits = static_cast<uint8_t>(t.bytes * 8);
  d.out.sign_extended = t.sign_extends;
  d.out.result_bits = t.wide ? 64 : 32;
}

std::string base_name(const Decoding& d) { return gpr(d.rn(), true, R31::kStack); }

std::string with_offset(const Decoding& d, int64_t offset) {
  return offset == 0 ? fmt::format("[{}]", base_name(d))
                     : fmt::format("[{}, {}]", base_name(d), hex(offset));
}

std::string mnemonic_of(const Transfer& t, std::string_view load, std::string_view store,
                        std::string_view prefetch) {
  if (t.is_prefetch) return std::string(prefetch);
  return std::string(t.is_load ? load : store) + std::string(t.suffix);
}

Outcome unsigned_offset(Decoding& d) {
  Transfer t;
  if (!single_transfer(d, t)) return Outcome::kUnallocated;
  const int64_t offset = int64_t{d.bits(21, 10)} * (t.is_prefetch ? 8 : t.bytes);
  d.say(mnemonic_of(t, "ldr", "str", "prfm"),
        transferred_register(d, t) + ", " + with_offset(d, offset));
  d.read(d.rn(), R31::kStack);
  add_transfer(d, t, at_base(d, Access::kRead, 0, offset));
  return Outcome::kDone;
}

void add_writeback(Decoding& d, int64_t amount) {
  d.write(d.rn(), R31::kStack);
  d.out.writeback = amount;
}

// Bits 11 and 10: unscaled, post-index, unprivileged, pre-index.
Outcome nine_bit_offset(Decoding& d) {
  Transfer t;
  if (!single_transfer(d, t)) return Outcome::kUnallocated;
  const uint32_t form = d.bits(11, 10);
  const int64_t offset = d.signed_bits(20, 12);
  if (t.is_prefetch && form != 0) return Outcome::kUnallocated;
  if (t.is_simd && form == 2) return Outcome::kUnallocated;
  std::string name, address;
  switch (form) {
    case 0:
      name = mnemonic_of(t, "ldur", "stur", "prfum");
      address = with_offset(d, offset);
      break;
    case 1:
      name = mnemonic_of(t, "ldr", "str", "");
      address = fmt::format("[{}], {}", base_name(d), hex(offset));
      break;
    case 2:
      name = mnemonic_of(t, "ldtr", "sttr", "");
      address = with_offset(d, offset);
      break;
    default:
      name = mnemonic_of(t, "ldr", "str", "");
      address = fmt::format("[{}, {}]!", base_name(d), hex(offset));
      break;
  }
  d.say(std::move(name), transferred_register(d, t) + ", " + address);
  d.read(d.rn(), R31::kStack);
  add_transfer(d, t, at_base(d, Access::kRead, 0, form == 1 ? 0 : offset));
  if (form == 1 || form == 3) add_writeback(d, offset);
  return Outcome::kDone;
}

Outcome register_offset(Decoding& d) {
  Transfer t;
  if (!single_transfer(d, t)) return Outcome::kUnallocated;
  const uint32_t option = d.bits(15, 13);
  const bool scaled = d.bit(12);
  if ((option & 2) == 0) return Outcome::kUnallocated;
  constexpr std::string_view kExtensions[] = {"", "", "uxtw", "lsl", "", "", "sxtw", "sxtx"};
  uint32_t shift = t.is_prefetch ? 3 : static_cast<uint32_t>(__builtin_ctz(t.bytes));
  if (!scaled) shift = 0;
  std::string index = gpr(d.rm(), (option & 1) != 0);
  if (scaled) {
    index += fmt::format(", {} #{}", kExtensions[option], shift);
  } else if (option != 3) {
    index += fmt::format(", {}", kExtensions[option]);
  }
  d.say(mnemonic_of(t, "ldr", "str", "prfm"),
        fmt::format("{}, [{}, {}]", transferred_register(d, t), base_name(d), index));
  d.read(d.rn(), R31::kStack);
  d.read(d.rm());
  MemoryOperand operand = at_base(d, Access::kRead, 0);
  if (d.rm() != 31) {
    operand.index = static_cast<RegisterId>(d.rm());
    operand.scale = static_cast<uint8_t>(1u << shift);
    operand.index_zero_extend32 = option == 2;
    operand.index_sign_extend32 = option == 6;
  }
  add_transfer(d, t, operand);
  return Outcome::kDone;
}

Outcome literal(Decoding& d) {
  Transfer t;
  const uint32_t opc = d.bits(31, 30);
  t.is_load = true;
  t.is_simd = d.bit(26);
  if (t.is_simd) {
    if (opc == 3) return Outcome::kUnallocated;
    t.bytes = 4u << opc;
  } else {
    t.is_prefetch = opc == 3;
    t.bytes = opc == 1 ? 8 : 4;
    t.wide = opc != 0;
    t.sign_extends = opc == 2;
    t.suffix = t.sign_extends ? "sw" : "";
  }
  MemoryOperand operand;
  operand.base = kPc;
  operand.displacement = d.signed_bits(23, 5) * 4;
  const Address target = d.out.pc + static_cast<uint64_t>(operand.displacement);
  d.say(mnemonic_of(t, "ldr", "", "prfm"), transferred_register(d, t) + ", " + to_hex(target));
  add_transfer(d, t, operand);
  return Outcome::kDone;
}

// The two registers of a pair and what moves.
bool pair_transfer(const Decoding& d, Transfer& t) {
  const uint32_t opc = d.bits(31, 30);
  t.is_simd = d.bit(26);
  t.is_load = d.bit(22);
  if (opc == 3) return false;
  if (t.is_simd) {
    t.bytes = 4u << opc;
    return true;
  }
  t.wide = opc != 0;
  t.bytes = opc == 2 ? 8 : 4;
  if (opc == 1) {
    if (!t.is_load || d.bits(24, 23) == 0) return false;
    t.sign_extends = true;
    t.suffix = "sw";
  }
  return true;
}

void add_pair_registers(Decoding& d, const Transfer& t) {
  const uint32_t second = d.bits(14, 10);
  if (t.is_simd) return;
  const auto kept = [&](uint32_t number) {
    return d.keeps(number) ? std::optional(static_cast<RegisterId>(number)) : std::nullopt;
  };
  d.out.pair = {.first = kept(d.rt()), .second = kept(second)};
  if (!t.is_load) {
    d.read(d.rt());
    d.read(second);
    return;
  }
  d.write(d.rt());
  d.write(second);
  d.out.loads_destination = d.keeps(d.rt());
  d.out.copy_bits = static_cast<uint8_t>(t.bytes * 8);
  d.out.sign_extended = t.sign_extends;
  d.out.result_bits = t.wide ? 64 : 32;
}

Outcome pair(Decoding& d) {
  Transfer t;
  const uint32_t form = d.bits(24, 23);  // no-allocate, post-index, offset, pre-index
  if (d.matches(0xfe400000, 0x68000000) && form != 0) return decode_special_memory(d);  // stgp
  if (!pair_transfer(d, t)) return Outcome::kUnallocated;
  const int64_t offset = d.signed_bits(21, 15) * t.bytes;
  std::string address;
  if (form == 1) {
    address = fmt::format("[{}], {}", base_name(d), hex(offset));
  } else if (form == 3) {
    address = fmt::format("[{}, {}]!", base_name(d), hex(offset));
  } else {
    address = with_offset(d, offset);
  }
  const uint32_t second = d.bits(14, 10);
  const auto second_name = t.is_simd ? simd(second, t.bytes) : gpr(second, t.wide);
  d.say(form == 0 ? mnemonic_of(t, "ldnp", "stnp", "") : mnemonic_of(t, "ldp", "stp", ""),
        fmt::format("{}, {}, {}", transferred_register(d, t), second_name, address));
  d.read(d.rn(), R31::kStack);
  d.out.memory.push_back(
      at_base(d, t.is_load ? Access::kRead : Access::kWrite, 2 * t.bytes, form == 1 ? 0 : offset));
  add_pair_registers(d, t);
  if (form == 1 || form == 3) add_writeback(d, offset);
  return Outcome::kDone;
}

// size 111 V 0x: one register.
Outcome single(Decoding& d) {
  if (d.bit(24)) return unsigned_offset(d);
  if (!d.bit(21)) return nine_bit_offset(d);
  if (d.bits(11, 10) == 2) return register_offset(d);
  if (d.bit(26)) return Outcome::kUnallocated;
  return d.bits(11, 10) == 0 ? decode_atomic(d) : decode_special_memory(d);
}

}  // namespace

Outcome decode_load_store(Decoding& d) {
  switch (d.bits(29, 28)) {
    case 0b00:
      if (d.bit(26)) return d.bit(31) ? Outcome::kUnallocated : decode_structure(d);
      return d.bit(24) ? Outcome::kUnallocated : decode_exclusive(d);
    case 0b01:
      return d.bit(24) ? decode_special_memory(d) : literal(d);
    case 0b10:
      return pair(d);
    default:
      return single(d);
  }
}

}  // namespace inquest::isa::a64
