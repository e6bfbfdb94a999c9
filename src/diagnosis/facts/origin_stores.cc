#include "diagnosis/facts/origin_stores.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/bytes.h"
#include "diagnosis/facts/origin_fills.h"
#include "diagnosis/facts/origin_trail.h"

namespace inquest::diagnosis {
namespace {

constexpr uint64_t kMaxScanned = 4 << 20;  // bytes of code
constexpr size_t kMaxCandidates = 48;      // stores whose functions are decoded and named
constexpr size_t kMaxInitialisers = 12;    // functions looked at for other members
constexpr size_t kMaxCalls = 64;
constexpr unsigned kArgumentsAsked = 4;
constexpr size_t kInstructionsAsked = 48;
constexpr size_t kMaxLookups = 8192;  // of the function around a store

bool is_constructor(const std::string& name) {
  const size_t colons = name.rfind("::");
  if (colons == std::string::npos) return false;
  const std::string last = name.substr(colons + 2);
  std::string scope = name.substr(0, colons);
  if (const size_t outer = scope.rfind("::"); outer != std::string::npos)
    scope = scope.substr(outer + 2);
  return scope.substr(0, scope.find('<')) == last;
}

}  // namespace

// Does the function hold such an object, or the address of the member, in a register?
bool speaks_of(FunctionBody& body, const std::string& structure, const std::string& member) {
  process::SourceNames* names = body.names();
  if (names == nullptr) return false;
  const auto fits = [&](const std::optional<process::SourceExpression>& known) {
    return known && (pointee(known->type) == structure || last_name(known->text) == member);
  };
  for (unsigned n = 0; n < kArgumentsAsked; ++n) {
    const auto id = isa::argument_register(body.code().arch(), n);
    if (id && fits(names->register_at(body.code().entry(), *id))) return true;
  }
  const auto& code = body.code();
  for (size_t i = 0; i + 1 < std::min(code.size(), kInstructionsAsked); ++i) {
    const isa::Instruction& one = code[i];
    if (one.writes.empty() || (!one.loads_destination && !one.address_of)) continue;
    if (fits(names->register_at(code[i + 1].pc, one.writes[0]))) return true;
  }
  return false;
}

bool names_a_maker(const std::string& name) {
  if (is_constructor(name)) return true;
  for (const std::string_view word :
       {"new", "create", "init", "make", "alloc", "open", "reset", "setup"})
    if (name.find(word) != std::string::npos) return true;
  return false;
}

namespace {

// The executable parts of the module around `near`. A part of too large a program would be an
// arbitrary one: then there are none.
std::vector<AddressRange> code_of(const Site& site, Address near) {
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

template <typename Visit>
void for_each_piece(const Site& site, Address near, Visit visit) {
  for (const AddressRange& range : code_of(site, near)) {
    for (Address at = range.start; at < range.end;) {
      const ByteView bytes = site.modules.memory().view(at, range.end - at);
      if (bytes.empty()) break;
      visit(at, bytes);
      at = at + bytes.size();
    }
  }
}

// One byte sequence that may be a store at a displacement.
struct Shape {
  Address pc;
  int64_t displacement = 0;
  std::optional<Address> address;  // relative to the instruction: a global
  bool is_address_only = false;    // lea
  bool is_byte = false;
};

// opcode modrm [sib] [disp]: at the opcode. Prefixes before it do not matter here.
std::optional<Shape> x86_shape(ByteView code, uint64_t i, Address base) {
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
  Shape shape;
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
std::optional<Shape> a64_shape(uint32_t word, Address pc) {
  Shape shape;
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

template <typename Visit>
void for_each_shape(const Site& site, Address near, Visit visit) {
  for_each_piece(site, near, [&](Address base, ByteView bytes) {
    const bool x86 = site.arch() == isa::Arch::kX86_64;
    for (uint64_t i = 0; i + 4 <= bytes.size(); i += x86 ? 1 : 4) {
      const auto shape =
          x86 ? x86_shape(bytes, i, base) : a64_shape(*load<uint32_t>(bytes, i), base + i);
      if (shape) visit(*shape);
    }
  });
}

// The instruction that the shape at `pc` belongs to: prefixes stand before its opcode.
std::optional<size_t> instruction_around(const process::FunctionCode& code, Address pc) {
  for (uint64_t back = 0; back <= 3; ++back) {
    const auto at = code.at(pc - back);
    if (at && pc < code[*at].next_pc()) return at;
  }
  return std::nullopt;
}

// May a store `displacement` bytes behind a pointer be one to the member? Elements of arrays are
// written through pointers to them as well.
bool may_be_at(int64_t displacement, const StoreTarget& target) {
  const auto offset = static_cast<int64_t>(target.offset);
  const bool is_element = target.member.find('[') != std::string::npos;
  return displacement == target.displacement || displacement == target.displacement - 8 ||
         displacement == offset || (is_element && displacement == 0);
}

// The operand that the instruction writes at the target, by offset alone.
std::optional<size_t> written_operand(const isa::Instruction& one, const StoreTarget& target) {
  for (size_t i = 0; i < one.memory.size(); ++i) {
    const isa::MemoryOperand& operand = one.memory[i];
    if (operand.access == isa::Access::kRead || operand.access == isa::Access::kExecute ||
        operand.implicit)
      continue;
    if (target.address) {
      if (operand.base != isa::x86::kRip) continue;
      const auto displacement = static_cast<uint64_t>(operand.displacement);
      if (one.next_pc() + displacement == *target.address) return i;
      continue;
    }
    const int64_t end = operand.displacement + static_cast<int64_t>(operand.size);
    const auto holds = [&](int64_t place) { return operand.displacement <= place && place < end; };
    if (holds(target.displacement) || may_be_at(operand.displacement, target)) return i;
  }
  return std::nullopt;
}

bool is_same_structure(const process::OperandExplanation& stored, const StoreTarget& target) {
  return stored.member && stored.member->structure == target.structure;
}

// "child" of "child[2]": any element will do.
std::string_view without_index(std::string_view member) {
  return member.substr(0, member.find('['));
}

bool covers_member(const process::OperandExplanation& stored, const isa::MemoryOperand& operand,
                   const StoreTarget& target) {
  if (!is_same_structure(stored, target)) return false;
  if (without_index(stored.member->member) == without_index(target.member)) return true;
  // A vector store names the first of the members that it covers; a union has several in one place.
  return stored.member->offset <= target.offset &&
         target.offset < stored.member->offset + std::max<uint32_t>(operand.size, 1);
}

struct Candidates {
  std::vector<Address> exact;
  std::map<Address, size_t> beside;  // function → stores next to the member
};

Candidates find_candidates(OriginCode& code, Address near, const StoreTarget& target) {
  constexpr int64_t kBeside = 24;
  Candidates out;
  size_t lookups = 0;
  for_each_shape(code.site(), near, [&](const Shape& shape) {
    if (shape.is_address_only) return;
    const int64_t distance = shape.displacement - target.displacement;
    const bool exact = target.address ? shape.address == target.address
                                      : !shape.address && may_be_at(shape.displacement, target);
    if (exact && out.exact.size() < 4 * kMaxCandidates) out.exact.push_back(shape.pc);
    if (target.address || shape.address || distance > kBeside || distance < -kBeside) return;
    if (++lookups > kMaxLookups) return;
    if (const auto range = code.range_of(shape.pc)) ++out.beside[range->start];
  });
  return out;
}

// The members of such objects that the function writes.
std::set<std::string> members_set(FunctionBody& body, const StoreTarget& target) {
  std::set<std::string> members;
  process::SourceNames* names = body.names();
  if (names == nullptr) return members;
  for (size_t i = 0; i < body.code().size(); ++i) {
    const isa::Instruction& one = body.code()[i];
    if (one.memory.empty() || one.memory[0].access != isa::Access::kWrite ||
        one.memory[0].implicit || body.flow().layout().slot(i, one.memory[0]))
      continue;
    const auto stored = names->memory_at(one, 0);
    if (is_same_structure(stored, target)) members.insert(stored.member->member);
  }
  return members;
}

void find_initialisers(OriginCode& code, const Candidates& candidates, const StoreTarget& target,
                       const std::set<Address>& stores_it, StoreAnswer& out) {
  std::vector<std::pair<size_t, Address>> functions;
  for (const auto& [start, count] : candidates.beside) functions.emplace_back(count, start);
  std::ranges::sort(functions, [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  size_t looked = 0;
  for (const auto& [count, start] : functions) {
    if (stores_it.contains(start) || !code.is_program_code(start)) continue;
    if (++looked > kMaxInitialisers) break;
    FunctionBody* body = code.at(start);
    process::SourceNames* names = body == nullptr ? nullptr : body->names();
    if (names == nullptr) continue;
    const auto members = members_set(*body, target);
    const size_t enough = names_a_maker(code.place(start).function) ? 1 : 2;
    if (members.size() >= enough) out.initialisers.push_back(start);
  }
}

}  // namespace

bool is_set_sometimes(const FoundStore& store, const StoreTarget& target) {
  return members_set(*store.body, target).size() > 1 &&
         has_way_around(store.body->code(), {store.at});
}

StoreAnswer find_stores(OriginCode& code, Address near, const StoreTarget& target) {
  StoreAnswer out;
  if (target.structure.empty() && !target.address) return out;
  const Candidates candidates = find_candidates(code, near, target);
  out.cut = code_of(code.site(), near).empty();
  std::set<Address> stores_it, seen;
  for (const Address pc : candidates.exact) {
    if (seen.size() >= kMaxCandidates) {
      out.cut = true;
      break;
    }
    if (!code.is_program_code(pc)) continue;
    FunctionBody* body = code.at(pc);
    if (body == nullptr) continue;
    const auto at = instruction_around(body->code(), pc);
    const auto operand = at ? written_operand(body->code()[*at], target) : std::nullopt;
    if (!operand || !seen.insert(body->code()[*at].pc).second) continue;
    const isa::Instruction& one = body->code()[*at];
    std::string other_member;
    if (!target.address) {
      if (body->flow().layout().slot(*at, one.memory[*operand])) continue;
      process::SourceNames* names = body->names();
      if (names == nullptr) continue;
      const auto stored = names->memory_at(one, *operand);
      // A pointer that walks along an array has no name of its own.
      const int64_t behind = one.memory[*operand].displacement;
      const bool walks =
          !stored.member && one.memory[*operand].size == target.size &&
          (behind == 0 || behind == static_cast<int64_t>(target.offset)) &&
          without_index(target.member) != target.member &&
          speaks_of(*body, pointee(target.structure), std::string(without_index(target.member)));
      if (!walks && !covers_member(stored, one.memory[*operand], target)) continue;
      if (!walks && stored.member->offset == target.offset &&
          without_index(stored.member->member) != without_index(target.member))
        other_member = stored.member->member;
    }
    stores_it.insert(body->code().entry());
    out.stores.push_back(
        {one.pc, body, *at, process::stored_constant(body->code(), *at), other_member});
  }
  if (!target.address) find_initialisers(code, candidates, target, stores_it, out);
  return out;
}

std::vector<FoundStore> find_stores_through(OriginCode& code, Address near, const std::string& type,
                                            int64_t displacement) {
  std::vector<FoundStore> out;
  StoreTarget target;
  target.displacement = displacement;
  std::set<Address> seen;
  for_each_shape(code.site(), near, [&](const Shape& shape) {
    if (shape.is_address_only || shape.address || shape.displacement > displacement ||
        displacement - shape.displacement >= 16 || seen.size() >= kMaxCandidates)
      return;
    if (!code.is_program_code(shape.pc)) return;
    FunctionBody* body = code.at(shape.pc);
    process::SourceNames* names = body == nullptr ? nullptr : body->names();
    if (names == nullptr) return;
    const auto at = instruction_around(body->code(), shape.pc);
    const auto operand = at ? written_operand(body->code()[*at], target) : std::nullopt;
    if (!operand || !seen.insert(body->code()[*at].pc).second) return;
    const Address pc = body->code()[*at].pc;
    const auto& base = body->code()[*at].memory[*operand].base;
    const auto pointer = base ? names->register_at(pc, *base) : std::nullopt;
    if (!pointer || pointee(pointer->type) != type) return;
    out.push_back({pc, body, *at, process::stored_constant(body->code(), *at), {}});
  });
  return out;
}

std::vector<FoundStore> find_plain_stores(OriginCode& code, Address near, uint32_t size) {
  std::vector<FoundStore> out;
  for_each_shape(code.site(), near, [&](const Shape& shape) {
    if (shape.is_address_only || shape.is_byte != (size == 1) || shape.displacement != 0 ||
        shape.address || out.size() >= kMaxCandidates || !code.is_program_code(shape.pc))
      return;
    FunctionBody* body = code.at(shape.pc);
    const auto at = body == nullptr ? std::nullopt : instruction_around(body->code(), shape.pc);
    if (!at || body->code()[*at].memory.empty()) return;
    const isa::MemoryOperand& to = body->code()[*at].memory[0];
    if (to.size != size || to.access == isa::Access::kRead || to.implicit ||
        body->flow().layout().slot(*at, to))
      return;
    out.push_back(
        {body->code()[*at].pc, body, *at, process::stored_constant(body->code(), *at), {}});
  });
  return out;
}

std::vector<Address> find_address_takers(OriginCode& code, Address near, Address global) {
  std::vector<Address> out;
  for_each_shape(code.site(), near, [&](const Shape& shape) {
    if (!shape.is_address_only || shape.address != global || out.size() >= kMaxCandidates) return;
    if (code.is_program_code(shape.pc)) out.push_back(shape.pc);
  });
  return out;
}

std::vector<Address> find_stack_addresses(OriginCode& code, Address near) {
  std::vector<Address> out;
  const bool x86 = code.site().arch() == isa::Arch::kX86_64;
  for_each_piece(code.site(), near, [&](Address base, ByteView bytes) {
    for (uint64_t i = 0; i + 4 <= bytes.size(); i += x86 ? 1 : 4) {
      if (out.size() >= kMaxCandidates) return;
      bool made = false;
      if (x86) {  // rex.w lea r, [rsp+n] or [rbp+n]
        const uint8_t modrm = bytes[i + 2], mod = modrm >> 6, rm = modrm & 7;
        made = (bytes[i] & 0xf8) == 0x48 && (bytes[i] & 1) == 0 && bytes[i + 1] == 0x8d &&
               mod != 3 && ((rm == 4 && bytes[i + 3] == 0x24) || (rm == 5 && mod != 0));
        // mov r, rsp; but not the frame pointer
        made = made || ((bytes[i] == 0x48 || bytes[i] == 0x49) && bytes[i + 1] == 0x89 &&
                        (modrm & 0xf8) == 0xe0 && !(bytes[i] == 0x48 && rm == 5));
      } else {  // add x, sp or x29, #n
        const uint32_t word = *load<uint32_t>(bytes, i);
        made =
            (word & 0xff800000) == 0x91000000 && ((word >> 5 & 31) == 31 || (word >> 5 & 31) == 29);
      }
      if (made && code.is_program_code(base + i)) out.push_back(base + i);
    }
  });
  return out;
}

template <typename Visit>
void for_each_direct_call(const Site& site, Address near, Visit visit) {
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

std::vector<FoundCall> find_calls(OriginCode& code, Address near,
                                  std::span<const std::string_view> hints,
                                  const WantedCall& wanted) {
  std::vector<FoundCall> out;
  std::map<Address, std::string> callees;
  for_each_direct_call(code.site(), near, [&](Address pc, Address target) {
    if (out.size() >= kMaxCalls) return;
    auto known = callees.find(target);
    if (known == callees.end())
      known = callees.emplace(target, code.name_with(near, target, hints)).first;
    if (known->second.empty() || !wanted(known->second) || !code.is_program_code(pc)) return;
    out.push_back({pc, known->second, code.linkage_of(target)});
  });
  return out;
}

std::vector<Address> find_calls_to(OriginCode& code, Address near, Address entry) {
  std::vector<Address> out;
  for_each_direct_call(code.site(), near, [&](Address pc, Address target) {
    if (target == entry && out.size() < kMaxCalls && code.is_program_code(pc)) out.push_back(pc);
  });
  return out;
}

}  // namespace inquest::diagnosis
