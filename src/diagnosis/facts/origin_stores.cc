#include "diagnosis/facts/origin_stores.h"

#include <algorithm>
#include <map>
#include <set>

#include "diagnosis/facts/code_shapes.h"
#include "diagnosis/facts/origin_fills.h"
#include "diagnosis/facts/origin_trail.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxCandidates = 48;    // stores whose functions are decoded and named
constexpr size_t kMaxInitialisers = 12;  // functions looked at for other members
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
  for_each_shape(code.site(), near, [&](const CodeShape& shape) {
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
  out.cut = searched_code(code.site(), near).empty();
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
  for_each_shape(code.site(), near, [&](const CodeShape& shape) {
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
  for_each_shape(code.site(), near, [&](const CodeShape& shape) {
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
  for_each_shape(code.site(), near, [&](const CodeShape& shape) {
    if (!shape.is_address_only || shape.address != global || out.size() >= kMaxCandidates) return;
    if (code.is_program_code(shape.pc)) out.push_back(shape.pc);
  });
  return out;
}

std::vector<Address> find_stack_addresses(OriginCode& code, Address near) {
  std::vector<Address> out;
  for_each_stack_address(code.site(), near, [&](Address pc) {
    if (code.is_program_code(pc)) out.push_back(pc);
    return out.size() < kMaxCandidates;
  });
  return out;
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
