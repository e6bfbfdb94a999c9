// OriginTrace: writes of more than one member: memset() and its kin, copies that run over the end
// of the buffer before the member, stores behind the end of what a pointer points at.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "diagnosis/facts/origin_trace.h"

namespace inquest::diagnosis {

using process::MemberBefore;
using Kind = OriginStep::Kind;

namespace {

enum class Bound : uint8_t { kNone, kThird };  // the argument that bounds it

struct Bulk {
  std::string_view name;
  Bound bound;
};
constexpr Bulk kBulk[] = {
    {"memset", Bound::kThird}, {"memcpy", Bound::kThird},       {"memmove", Bound::kThird},
    {"strcpy", Bound::kNone},  {"strcat", Bound::kNone},        {"stpcpy", Bound::kNone},
    {"sprintf", Bound::kNone}, {"vsprintf", Bound::kNone},      {"gets", Bound::kNone},
    {"bzero", Bound::kNone},   {"strncpy", Bound::kThird},      {"strncat", Bound::kNone},
    {"fread", Bound::kNone},   {"isoc99_sscanf", Bound::kNone},
};

const Bulk* bulk_of(std::string_view given) {
  // "__memset_avx2_unaligned_erms" is what a resolved call may be named.
  const std::string name = public_name(given);
  const auto found = std::ranges::find_if(kBulk, [&](const Bulk& one) {
    return name == one.name || (name.starts_with(one.name) && name.size() > one.name.size() &&
                                name[one.name.size()] == '_');
  });
  return found == std::end(kBulk) ? nullptr : &*found;
}

bool is_pointer(const MemberBefore& member) { return member.type.ends_with('*'); }
bool is_array(const MemberBefore& member) { return member.type.ends_with(']'); }
bool is_library(const MemberBefore& member) { return pointee(member.type).starts_with("std::"); }

// The member that `to` is the address of.
const MemberBefore* written(const std::vector<MemberBefore>& before,
                            const process::SourceExpression& to) {
  for (const MemberBefore& one : before) {
    if (is_pointer(one) || is_library(one)) continue;
    const bool by_name = !one.member.empty() && last_name(to.text) == one.member;
    const bool by_type = !is_array(one) && one.size >= 8 && pointee(to.type) == pointee(one.type);
    if (by_name || by_type) return &one;
  }
  return nullptr;
}

// The array right before the member; bytes may have small things between.
const MemberBefore* array_before(const std::vector<MemberBefore>& before) {
  if (!before.empty() && is_array(before.back())) return &before.back();
  for (auto one = before.rbegin(); one != before.rend(); ++one)
    if (is_array(*one) && one->type.starts_with("char")) return &*one;
  return nullptr;
}

// Of "long[32]" with 256 bytes: 8. Of arrays of arrays, of the outer one.
uint32_t element_size(const MemberBefore& array) {
  const size_t from = array.type.find('[');
  uint64_t count = 0;
  const char* end = array.type.data() + array.type.size();
  std::from_chars(array.type.data() + from + 1, end, count);
  const uint64_t size = count == 0 ? 0 : array.size / count;
  return size <= 8 ? static_cast<uint32_t>(size) : 0;
}

}  // namespace

bool OriginTrace::blame_bulk(FunctionBody& body, size_t at, size_t operand,
                             const StoreTarget& target, std::optional<uint64_t> value) {
  process::SourceNames* names = body.names();
  const Address near = body.code()[at].pc;
  if (names == nullptr || target.structure.empty()) return false;
  const auto before = names->members_before(body.code()[at], operand);
  const std::string structure = pointee(target.structure);
  bool could = false;
  for (const FoundCall& call :
       find_calls(code_, near, {}, [](const std::string& name) { return bulk_of(name); }))
    could = blame_bulk_call(call, target, structure, before, value) || could;
  for (const MemberBefore& one : before) {
    const int64_t displacement =
        static_cast<int64_t>(target.offset) - static_cast<int64_t>(one.offset);
    const std::string type = pointee(one.type);
    if (one.size < 8 || is_array(one) || is_pointer(one) || is_library(one)) continue;
    for (const FoundStore& store : find_stores_through(code_, near, type, displacement)) {
      if (value && store.constant && *store.constant != *value) continue;
      const CodePlace where = code_.place(store.pc);
      const std::string why =
          fmt::format("writes behind the end of {}, over `{}`", one.type, target.member);
      trail_.step(Kind::kStore, fmt::format("{} {}", where.text(), why), where, std::nullopt,
                  "heuristic");
      trail_.suspect(where, std::nullopt, Reason::kOverran, why);
      could = true;
    }
  }
  if (const MemberBefore* over = could ? nullptr : array_before(before))
    could = blame_element_stores(near, structure, *over, target, value);
  return could;
}

// Loops that write element by element into the array before the member.
bool OriginTrace::blame_element_stores(Address near, const std::string& structure,
                                       const MemberBefore& over, const StoreTarget& target,
                                       std::optional<uint64_t> value) {
  const uint32_t size = element_size(over);
  if (size == 0) return false;
  bool could = false;
  for (const FoundStore& store : find_plain_stores(code_, near, size)) {
    if (store.constant && value && (size > 1 || *value == 0) && *store.constant != *value) continue;
    process::SourceNames* names = store.body->names();
    const CodePlace where = code_.place(store.pc);
    if (names == nullptr || trail_.crashed(where.function) ||
        !speaks_of(*store.body, structure, over.member))
      continue;
    const std::string why = fmt::format(
        "writes element by element into `{}` ({} bytes, before "
        "`{}`)",
        over.member, over.size, target.member);
    trail_.step(Kind::kStore, fmt::format("{} {}", where.text(), why), where, std::nullopt,
                "heuristic");
    trail_.suspect(where, std::nullopt, size == 1 ? Reason::kCopiesInto : Reason::kMayOverrun, why);
    could = true;
  }
  return could;
}

bool OriginTrace::blame_bulk_call(const FoundCall& call, const StoreTarget& target,
                                  const std::string& structure,
                                  const std::vector<MemberBefore>& before,
                                  std::optional<uint64_t> value) {
  FunctionBody* body = code_.at(call.pc);
  process::SourceNames* names = body == nullptr ? nullptr : body->names();
  const auto at = body == nullptr ? std::nullopt : body->code().at(call.pc);
  if (names == nullptr || !at) return false;
  const isa::Arch arch = body->code().arch();
  const auto to = names->register_at(call.pc, *isa::argument_register(arch, 0));
  if (!to) return false;
  const Bulk& bulk = *bulk_of(call.callee);
  std::optional<uint64_t> size;
  if (bulk.bound == Bound::kThird) size = body->flow().value(*at, *isa::argument_register(arch, 2));
  const CodePlace where = code_.place(call.pc);
  const auto blame = [&](Reason reason, const std::string& why) {
    trail_.step(Kind::kStore, fmt::format("{} {}", where.text(), why), where, std::nullopt,
                "heuristic");
    trail_.suspect(where, std::nullopt, reason, why);
    return true;
  };
  if (const MemberBefore* over = written(before, *to)) {
    if (size && over->offset + *size <= target.offset) return false;
    const std::string what =
        fmt::format("`{}` ({} bytes, right before `{}`)", over->member, over->size, target.member);
    if (size)
      return blame(Reason::kOverran,
                   fmt::format("writes {} bytes to {} with {}()", *size, what, bulk.name));
    return blame(Reason::kCopiesInto, fmt::format("copies into {} with {}()", what, bulk.name));
  }
  if (pointee(to->type) != structure || (size && *size <= target.offset)) return false;
  if (bulk.name != "memset" && bulk.name != "bzero") return false;
  if (value && *value != 0) return false;
  return blame(Reason::kClears, fmt::format("clears all of `{}` with {}()", to->text, bulk.name));
}

}  // namespace inquest::diagnosis
