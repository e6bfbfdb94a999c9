#include "process/symbols/traced_value.h"

#include <fmt/format.h>

namespace inquest::process {

using dwarf::DieRef;
using dwarf::Type;
using dwarf::TypeKind;

namespace {

constexpr const char* kUnknownIndex = "…";
constexpr uint64_t kMaxObjectSpan = uint64_t{1}
                                    << 40;  // offsets beyond it are negative ones that wrapped

bool is_integer_value(const Known& known) {
  return known.form == Known::Form::kContents && known.type && known.types != nullptr &&
         is_integer(known.types->strip(*known.type));
}

std::vector<ScaledIndex> scaled_indices(const Traced& traced) {
  std::vector<ScaledIndex> out;
  for (const auto& [factor, known] : traced.terms) out.push_back({factor, spell(known)});
  return out;
}

// A variable of static storage that covers a constant address.
std::optional<Traced> as_global(Evidence& evidence, const Traced& traced) {
  const Address address(traced.offset);
  const Module* module = evidence.modules.find(address);
  Types* types = module != nullptr ? evidence.files.types(*module) : nullptr;
  if (types == nullptr) return std::nullopt;
  const auto global = types->info().global_at(module->to_link(address));
  if (!global || !global->type) return std::nullopt;
  Known known;
  known.form = Known::Form::kAddress;
  known.object = {global->name, false};
  known.type = global->type;
  known.types = types;
  known.base_variable = global->name;
  known.base_kind = "global";
  known.value = module->to_process(global->address).value;
  known.steps.push_back(fmt::format("{} is the variable `{}` of {}", to_hex(*known.value),
                                    global->name, module->name));
  Traced out = traced;
  out.offset = traced.offset - *known.value;
  out.base = std::move(known);
  return out;
}

// Does a structure end in an array of no size of its own?
bool has_open_end(Types& types, const Type& type) {
  if (!is_structure(type) || type.members.empty()) return false;
  const Type& last = types.strip(type.members.back().type);
  return last.kind == TypeKind::kArray && types.size(last.die).value_or(0) == 0;
}

std::optional<MemberPath> through_pointer(const Known& base, const Traced& traced, uint64_t size,
                                          std::string_view stop_at) {
  Types& types = *base.types;
  const Type& pointer = types.strip(*base.type);
  if (!is_pointer_like(pointer) || !pointer.target) return std::nullopt;
  const DieRef pointee = *pointer.target;
  const Type& target = types.strip(pointee);
  const auto stride = types.size(pointee);
  if (!stride || *stride == 0) return std::nullopt;
  auto indices = scaled_indices(traced);
  const auto offset = static_cast<int64_t>(traced.offset);
  const auto step = static_cast<int64_t>(*stride);
  int64_t element = 0;
  if (!has_open_end(types, target))
    element = offset >= 0 ? offset / step : -((-offset + step - 1) / step);
  const uint64_t rest = static_cast<uint64_t>(offset - element * step);
  std::string index = take_index(indices, *stride, element);
  const std::string text = base.role == ContainerRole::kData ? spell(base.object) : spell(base);
  const bool always = base.role == ContainerRole::kData || text.find("_vptr.") != std::string::npos;
  if (index.empty() && always) index = "0";
  SourceObject object{text, true};
  if (!index.empty()) object = element_at(text, index);
  return find_member_path(types, object, pointee, rest, std::move(indices), size, stop_at);
}

std::string access_sentence(const Known& known, const Address& at) {
  return fmt::format("`{}` at {} holds {}", spell(known), to_hex(at),
                     known.value ? to_hex(*known.value) : "what is not in the core");
}

}  // namespace

Traced Traced::of(Known known) {
  Traced out;
  if (is_integer_value(known)) {
    out.terms.emplace_back(1, std::move(known));
  } else {
    out.base = std::move(known);
  }
  return out;
}

std::optional<uint64_t> Traced::value() const {
  if (!lost.empty()) return std::nullopt;
  uint64_t sum = offset;
  if (base) {
    if (!base->value) return std::nullopt;
    sum += *base->value;
  }
  for (const auto& [factor, known] : terms) {
    if (!known.value) return std::nullopt;
    sum += factor * *known.value;
  }
  return sum;
}

const Known* Traced::single() const {
  if (!lost.empty() || offset != 0) return nullptr;
  if (base && terms.empty()) return &*base;
  if (!base && terms.size() == 1 && terms[0].first == 1) return &terms[0].second;
  return nullptr;
}

Traced sum_of(Traced a, const Traced& b) {
  if (!a.lost.empty()) return a;
  if (!b.lost.empty()) return b;
  if (a.base && b.base) return Traced::unknown("the sum of two pointers");
  if (a.terms.size() + b.terms.size() > kMaxTerms) return Traced::unknown("a long sum");
  if (b.base) a.base = b.base;
  a.terms.insert(a.terms.end(), b.terms.begin(), b.terms.end());
  a.offset += b.offset;
  return a;
}

Known unknown_index() {
  Known out;
  out.object = {kUnknownIndex, false};
  return out;
}

Traced scaled(Traced a, uint64_t factor) {
  if (!a.lost.empty() || factor == 1) return a;
  if (a.base) return Traced::unknown("a multiple of a pointer");
  for (auto& term : a.terms) term.first *= factor;
  a.offset *= factor;
  return a;
}

std::string spell(const Known& known) {
  if (known.form == Known::Form::kAddress)
    return known.is_reference ? spell(known.object) : spell_address(known.object);
  const std::string text = spell(known.object);
  if (known.role == ContainerRole::kData) return as_primary(text) + ".data()";
  if (known.role == ContainerRole::kEnd) return as_primary(text) + ".end()";
  return text;
}

std::string spell_number(const Traced& traced) {
  if (!traced.lost.empty() || traced.base) return {};
  auto indices = scaled_indices(traced);
  std::string text = take_index(indices, 1, static_cast<int64_t>(traced.offset));
  return text.empty() ? "0" : text;
}

std::optional<Located> locate(Evidence& evidence, const Traced& given, uint64_t size,
                              std::string_view stop_at) {
  Traced traced = given;
  if (!traced.lost.empty()) return std::nullopt;
  if (!traced.base) {
    const auto global = as_global(evidence, traced);
    if (!global) return std::nullopt;
    traced = *global;
  }
  const Known& base = *traced.base;
  if (!base.type || base.types == nullptr) return std::nullopt;
  std::optional<MemberPath> path;
  DieRef structure = *base.type;
  if (base.form == Known::Form::kAddress) {
    if (traced.offset > kMaxObjectSpan) return std::nullopt;
    path = find_member_path(*base.types, base.object, *base.type, traced.offset,
                            scaled_indices(traced), size, stop_at);
  } else {
    path = through_pointer(base, traced, size, stop_at);
    const Type& pointer = base.types->strip(*base.type);
    if (pointer.target) structure = *pointer.target;
  }
  if (!path) return std::nullopt;
  Located out;
  out.from = base;
  for (const auto& term : traced.terms)
    if (term.second.object.text != kUnknownIndex) out.indices.push_back(term.second);
  if (!path->inside.empty() && is_structure(base.types->strip(structure)))
    out.member = MemberAccess{structure_name(*base.types, structure), path->inside,
                              base.types->name(path->type), traced.offset};
  out.path = std::move(*path);
  return out;
}

Known contents_of(const Known& origin, SourceObject object, DieRef type) {
  Known out = origin;
  out.object = std::move(object);
  out.type = type;
  out.form = Known::Form::kContents;
  out.is_reference = false;
  out.role = ContainerRole::kNone;
  out.location.reset();
  out.value.reset();
  out.member.reset();
  const Type& stripped = origin.types->strip(type);
  if (is_reference(stripped) && stripped.target) {
    out.form = Known::Form::kAddress;
    out.is_reference = true;
    out.type = stripped.target;
  }
  return out;
}

Traced load_through(Evidence& evidence, const Traced& traced, uint64_t size) {
  if (!traced.lost.empty()) return traced;
  const auto address = traced.value();
  const auto located = locate(evidence, traced, size);
  if (!located) {
    // A slot of the global offset table, or a pointer in read-only data: what it holds is a
    // constant.
    if (traced.is_constant() && size == 8) {
      if (const auto held = evidence.memory.load<uint64_t>(Address(traced.offset)))
        return Traced::number(*held);
    }
    const Known* pointer = traced.base ? &*traced.base : nullptr;
    return Traced::unknown(
        pointer == nullptr
            ? "a load from an address that has no name"
            : fmt::format("what lies at `{}` + {}", spell(*pointer), to_hex(traced.offset)));
  }
  Known known = contents_of(located->from, located->path.object, located->path.type);
  known.role = located->path.role;
  known.trust = std::max(known.trust, ExpressionTrust::kTraced);
  known.member = located->member;
  if (address) {
    known.location = Address(*address);
    uint8_t bytes[8] = {};
    if (size > 0 && size <= 8 &&
        evidence.memory.read(Address(*address), {bytes, size}).size == size)
      known.value = inquest::load<uint64_t>(ByteView(bytes, 8));
    if (size == 4 && known.value && is_integer_value(known) &&
        known.types->strip(*known.type).kind == TypeKind::kSigned)
      known.value = static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(*known.value)));
    known.steps.push_back(access_sentence(known, Address(*address)));
  }
  return Traced::of(std::move(known));
}

}  // namespace inquest::process
