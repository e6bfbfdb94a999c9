// ld1 to ld4 and st1 to st4: several vector registers at once (DDI 0487, C4.1.97).
#include <fmt/format.h>

#include <utility>

#include "binary/isa/a64_decoding.h"

namespace inquest::isa::a64 {
namespace {

// What is in the braces and how much memory it is.
struct Structure {
  uint32_t elements = 0;  // the number in the mnemonic
  uint32_t registers = 0;
  uint32_t bytes = 0;       // in memory
  std::string arrangement;  // ".16b", ".s"
  std::string lane;         // "[1]"
  bool replicates = false;
};

bool whole_registers(const Decoding& d, Structure& s) {
  constexpr std::string_view kArrangements[] = {"8b", "16b", "4h", "8h", "2s", "4s", "1d", "2d"};
  struct Kind {
    uint32_t opcode, elements, registers;
  };
  constexpr Kind kKinds[] = {{0b0000, 4, 4}, {0b0010, 1, 4}, {0b0100, 3, 3}, {0b0110, 1, 3},
                             {0b0111, 1, 1}, {0b1000, 2, 2}, {0b1010, 1, 2}};
  for (const Kind& kind : kKinds) {
    if (kind.opcode != d.bits(15, 12)) continue;
    s.elements = kind.elements;
    s.registers = kind.registers;
    s.bytes = kind.registers * (d.bit(30) ? 16 : 8);
    s.arrangement = kArrangements[d.bits(11, 10) << 1 | uint32_t{d.bit(30)}];
    return kind.elements == 1 || s.arrangement != "1d";
  }
  return false;
}

bool single_lane(const Decoding& d, Structure& s) {
  constexpr std::string_view kArrangements[] = {"8b", "16b", "4h", "8h", "2s", "4s", "1d", "2d"};
  const uint32_t scale = d.bits(15, 14), size = d.bits(11, 10);
  const uint32_t q = d.bit(30), high = uint32_t{d.bit(12)};
  s.elements = s.registers = (uint32_t{d.bit(13)} << 1 | uint32_t{d.bit(21)}) + 1;
  uint32_t lane = 0, log2 = scale;
  switch (scale) {
    case 0:
      lane = q << 3 | high << 2 | size;
      break;
    case 1:
      if ((size & 1) != 0) return false;
      lane = q << 2 | high << 1 | size >> 1;
      break;
    case 2:
      if (size == 0) {
        lane = q << 1 | high;
      } else if (size == 1 && high == 0) {
        lane = q;
        log2 = 3;
      } else {
        return false;
      }
      break;
    default:
      if (high != 0 || !d.bit(22)) return false;
      s.replicates = true;
      s.bytes = s.elements << size;
      s.arrangement = kArrangements[size << 1 | q];
      return true;
  }
  s.bytes = s.elements << log2;
  s.arrangement = std::string(1, "bhsd"[log2]);
  s.lane = fmt::format("[{}]", lane);
  return true;
}

// "{v0.4s, v1.4s}[1]"
std::string register_list(const Decoding& d, const Structure& s) {
  std::string list = "{";
  for (uint32_t i = 0; i < s.registers; ++i) {
    list += fmt::format("{}v{}.{}", i == 0 ? "" : ", ", (d.rt() + i) % 32, s.arrangement);
  }
  return list + "}" + s.lane;
}

}  // namespace

Outcome decode_structure(Decoding& d) {
  const bool post_index = d.bit(23), is_single = d.bit(24), loads = d.bit(22);
  if (!post_index && d.rm() != 0) return Outcome::kUnknown;
  if (!is_single && d.bit(21)) return Outcome::kUnallocated;
  Structure s;
  if (!(is_single ? single_lane(d, s) : whole_registers(d, s))) return Outcome::kUnallocated;
  std::string address = fmt::format("[{}]", gpr(d.rn(), true, R31::kStack));
  if (post_index) {
    address += ", " + (d.rm() == 31 ? hex(s.bytes) : gpr(d.rm(), true));
  }
  d.say(fmt::format("{}{}{}", loads ? "ld" : "st", s.elements, s.replicates ? "r" : ""),
        register_list(d, s) + ", " + address);
  d.read(d.rn(), R31::kStack);
  d.out.memory.push_back(at_base(d, loads ? Access::kRead : Access::kWrite, s.bytes));
  if (post_index) {
    d.read(d.rm());
    d.write(d.rn(), R31::kStack);
  }
  return Outcome::kDone;
}

}  // namespace inquest::isa::a64
