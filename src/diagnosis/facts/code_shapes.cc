#include "diagnosis/facts/code_shapes.h"

#include "base/bytes.h"

namespace inquest::diagnosis {
namespace {

constexpr uint64_t kMaxScanned = 4 << 20;  // bytes of code

template <typename Visit>
void for_each_piece(const Site& site, Address near, Visit visit) {
  for (const AddressRange& range : searched_code(site, near)) {
    for (Address at = range.start; at < range.end;) {
      const ByteView bytes = site.modules.memory().view(at, range.end - at);
      if (bytes.empty()) break;
      visit(at, bytes);
      at = at + bytes.size();
    }
  }
}

// opcode modrm [sib] [disp]: at the opcode. Prefixes before it do not matter here.
std::optional<CodeShape> x86_shape(ByteView code, uint64_t i, Address base) {
  const uint8_t opcode = code[i];
  uint64_t at = i + 1;
  uint64_t immediate = 0;
  if (opcode == 0x0f) {
    if (at >= code.size()) return std::nullopt;
    const uint8_t second = code[at++];
    if (second != 0x11 && second != 0x29 && second != 0x7f && second != 0xd6 && second != 0x13 &&
        second != 0x17)
      return std::nullopt;
  } else if (opcode == 0xc7) {
    immediate = 4;
  } else if (opcode == 0xc6) {
    immediate = 1;
  } else if (opcode == 0x83 || opcode == 0x81) {  // add, sub … with a constant
    immediate = opcode == 0x83 ? 1 : 4;
    if (at < code.size() && (code[at] >> 3 & 7) == 7) return std::nullopt;  // cmp
  } else if (opcode == 0xff) {                                              // inc, dec
    if (at < code.size() && (code[at] >> 3 & 7) > 1) return std::nullopt;
  } else if (opcode != 0x89 && opcode != 0x88 && opcode != 0x8d && opcode != 0x01 &&
             opcode != 0x29 && opcode != 0x09 && opcode != 0x21 && opcode != 0x31) {
    return std::nullopt;
  }
  if (at + 6 > code.size()) return std::nullopt;
  const uint8_t modrm = code[at++], mod = modrm >> 6, rm = modrm & 7;
  const bool moves = opcode == 0xc7 || opcode == 0xc6;
  if (moves && (modrm >> 3 & 7) != 0) return std::nullopt;
  if (mod == 3) return std::nullopt;
  CodeShape shape;
  shape.pc = base + i;
  shape.is_address_only = opcode == 0x8d;
  shape.is_byte = opcode == 0x88;
  if (mod == 0 && rm == 5) {
    const auto displacement = load<int32_t>(code, at);
    if (!displacement) return std::nullopt;
    shape.address = base + (at + 4 + immediate) + static_cast<uint64_t>(int64_t{*displacement});
    return shape;
  }
  if (rm == 4) {
    const uint8_t sib = code[at++];
    if ((sib & 7) == 4) return std::nullopt;  // the stack
  }
  if (mod == 1) shape.displacement = code[at] < 0x80 ? code[at] : code[at] - 0x100;
  if (mod == 2) {
    const auto displacement = load<int32_t>(code, at);
    if (!displacement) return std::nullopt;
    shape.displacement = *displacement;
  }
  return shape;
}

// str (immediate, unsigned offset), stur, stp; not from sp.
std::optional<CodeShape> a64_shape(uint32_t word, Address pc) {
  CodeShape shape;
  shape.pc = pc;
  if ((word >> 5 & 31) == 31) return std::nullopt;
  const auto sign = [](uint32_t value, unsigned bits) {
    return static_cast<int64_t>(static_cast<int32_t>(value << (32 - bits)) >> (32 - bits));
  };
  if ((word & 0x3bc00000) == 0x39000000) {  // str, strb, strh
    shape.displacement = int64_t{word >> 10 & 0xfff} << (word >> 30);
    shape.is_byte = word >> 30 == 0;
    return shape;
  }
  if ((word & 0x3be00c00) == 0x38000000) {  // stur
    shape.displacement = sign(word >> 12 & 0x1ff, 9);
    return shape;
  }
  if ((word & 0x7fc00000) == 0x29000000) {  // stp
    shape.displacement = sign(word >> 15 & 0x7f, 7) * ((word >> 31) != 0 ? 8 : 4);
    return shape;
  }
  if ((word & 0x3fc00000) == 0x3d800000) {  // str q
    shape.displacement = int64_t{word >> 10 & 0xfff} * 16;
    return shape;
  }
  return std::nullopt;
}

// Does what stands at `i` make the address of a place on the stack?
bool makes_stack_address(ByteView bytes, uint64_t i, bool x86) {
  if (x86) {  // rex.w lea r, [rsp+n] or [rbp+n]
    const uint8_t modrm = bytes[i + 2], mod = modrm >> 6, rm = modrm & 7;
    const bool lea = (bytes[i] & 0xf8) == 0x48 && (bytes[i] & 1) == 0 && bytes[i + 1] == 0x8d &&
                     mod != 3 && ((rm == 4 && bytes[i + 3] == 0x24) || (rm == 5 && mod != 0));
    // mov r, rsp; but not the frame pointer
    return lea || ((bytes[i] == 0x48 || bytes[i] == 0x49) && bytes[i + 1] == 0x89 &&
                   (modrm & 0xf8) == 0xe0 && !(bytes[i] == 0x48 && rm == 5));
  }
  const uint32_t word = *load<uint32_t>(bytes, i);  // add x, sp or x29, #n
  return (word & 0xff800000) == 0x91000000 && ((word >> 5 & 31) == 31 || (word >> 5 & 31) == 29);
}

}  // namespace

std::vector<AddressRange> searched_code(const Site& site, Address near) {
  std::vector<AddressRange> out;
  const process::Module* module = site.modules.find(near);
  if (module == nullptr || module->binary() == nullptr) return out;
  constexpr uint32_t kLoad = 1, kExecutable = 1;
  uint64_t size = 0;
  for (const auto& segment : module->binary()->segments()) {
    if (segment.type != kLoad || (segment.flags & kExecutable) == 0) continue;
    if (segment.file_size > kMaxScanned - size) return {};
    size += segment.file_size;
    const Address start = module->to_process(segment.vaddr);
    out.push_back({start, start + segment.file_size});
  }
  return out;
}

void for_each_shape(const Site& site, Address near,
                    const std::function<void(const CodeShape&)>& visit) {
  for_each_piece(site, near, [&](Address base, ByteView bytes) {
    const bool x86 = site.arch() == isa::Arch::kX86_64;
    for (uint64_t i = 0; i + 4 <= bytes.size(); i += x86 ? 1 : 4) {
      const auto shape =
          x86 ? x86_shape(bytes, i, base) : a64_shape(*load<uint32_t>(bytes, i), base + i);
      if (shape) visit(*shape);
    }
  });
}

void for_each_direct_call(const Site& site, Address near,
                          const std::function<void(Address pc, Address target)>& visit) {
  const bool x86 = site.arch() == isa::Arch::kX86_64;
  for_each_piece(site, near, [&](Address base, ByteView bytes) {
    for (uint64_t i = 0; i + 5 <= bytes.size(); i += x86 ? 1 : 4) {
      if (x86) {
        if (bytes[i] != 0xe8 && bytes[i] != 0xe9) continue;
        const auto relative = load<int32_t>(bytes, i + 1);
        visit(base + i, base + (i + 5) + static_cast<uint64_t>(int64_t{*relative}));
      } else {
        const auto word = load<uint32_t>(bytes, i);
        if ((*word & 0x7c000000) != 0x14000000) continue;
        const auto words = static_cast<int32_t>(*word << 6) >> 6;
        visit(base + i, base + i + static_cast<uint64_t>(int64_t{words} * 4));
      }
    }
  });
}

void for_each_stack_address(const Site& site, Address near,
                            const std::function<bool(Address pc)>& visit) {
  const bool x86 = site.arch() == isa::Arch::kX86_64;
  bool more = true;
  for_each_piece(site, near, [&](Address base, ByteView bytes) {
    for (uint64_t i = 0; more && i + 4 <= bytes.size(); i += x86 ? 1 : 4)
      if (makes_stack_address(bytes, i, x86)) more = visit(base + i);
  });
}

}  // namespace inquest::diagnosis
