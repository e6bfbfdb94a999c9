#include "process/symbols/frame_variables.h"

#include <fmt/format.h>

#include "base/cursor.h"
#include "process/symbols/place.h"

namespace inquest::process {

using dwarf::Piece;

namespace {

// DW_OP_breg<n> <offset> DW_OP_stack_value: the variable is register n plus an offset, and kept
// nowhere.
struct RegisterSum {
  uint64_t number = 0;
  int64_t offset = 0;
};
std::optional<RegisterSum> register_sum(ByteView expression) {
  constexpr uint8_t kBreg0 = 0x70, kBreg31 = 0x8f, kStackValue = 0x9f;
  Cursor cursor(expression);
  const uint8_t operation = cursor.u8();
  if (operation < kBreg0 || operation > kBreg31) return std::nullopt;
  const int64_t offset = cursor.sleb128();
  if (cursor.u8() != kStackValue || !cursor.ok() || !cursor.at_end()) return std::nullopt;
  return RegisterSum{static_cast<uint64_t>(operation - kBreg0), offset};
}

}  // namespace

namespace {

bool is_untyped_pointer(Types& types, dwarf::DieRef ref) {
  const auto& type = types.strip(ref);
  return type.kind == dwarf::TypeKind::kPointer &&
         (!type.target || types.strip(*type.target).kind == dwarf::TypeKind::kVoid);
}

// How far into a variable of `size` bytes the byte at `address` is, when that part of it is in
// memory.
std::optional<uint64_t> offset_in(const std::vector<Piece>& pieces, uint64_t size,
                                  Address address) {
  uint64_t start = 0;
  for (const Piece& piece : pieces) {
    const uint64_t bytes = piece.bit_size ? *piece.bit_size / 8 : size;
    if (piece.kind == Piece::Kind::kMemory && address.value >= piece.value &&
        address.value - piece.value < bytes)
      return start + (address.value - piece.value);
    start += bytes;
  }
  return std::nullopt;
}

}  // namespace

bool is_library_function(std::string_view name) {
  for (const std::string_view prefix :
       {"std::", "__gnu_cxx::", "core::", "alloc::", "__", "_M_", "operator new"})
    if (name.starts_with(prefix)) return true;
  return false;
}

const std::vector<FrameVariable>& FrameVariables::at(uint64_t link_pc) {
  auto [it, fresh] = known_.try_emplace(link_pc);
  if (!fresh || context_.types() == nullptr) return it->second;
  dwarf::DebugInfo& info = context_.types()->info();
  context_.move_to(link_pc);
  const auto scopes = info.scopes_at(link_pc);
  for (auto& variable : info.variables_at(link_pc)) {
    FrameVariable one;
    if (variable.scope < scopes.size()) one.function = scopes[variable.scope].name;
    one.of_library = is_library_function(one.function);
    if (variable.location) one.where = dwarf::evaluate(*variable.location, context_);
    one.info = std::move(variable);
    it->second.push_back(std::move(one));
  }
  return it->second;
}

Known FrameVariables::known(const FrameVariable& variable) const {
  Known out;
  out.object = {variable.info.name, false};
  out.types = context_.types();
  out.type = variable.info.type;
  out.base_variable = variable.info.name;
  out.base_kind = variable.info.is_parameter ? "argument" : "local";
  out.function = variable.function;
  out.trust = ExpressionTrust::kExact;
  out.of_library = variable.of_library;
  return out;
}

std::optional<Traced> FrameVariables::held_by(const FrameVariable& variable, isa::RegisterId id) {
  if (!variable.info.type || variable.info.name.empty()) return std::nullopt;
  Types& types = *context_.types();
  if (variable.info.location) {
    const auto sum = register_sum(*variable.info.location);
    if (sum && sum->number == id) {
      Traced out = Traced::of(
          contents_of(known(variable), {variable.info.name, false}, *variable.info.type));
      out.offset = static_cast<uint64_t>(-sum->offset);
      return out;
    }
  }
  if (!variable.where.location) return std::nullopt;
  uint64_t bits = 0;
  const auto& pieces = variable.where.location->pieces;
  for (const Piece& piece : pieces) {
    if (piece.kind == Piece::Kind::kRegister && piece.value == id) {
      if (pieces.size() == 1 && !is_structure(types.strip(*variable.info.type)))
        return Traced::of(
            contents_of(known(variable), {variable.info.name, false}, *variable.info.type));
      const auto path = find_member_path(types, {variable.info.name, false}, *variable.info.type,
                                         bits / 8, {}, piece.bit_size.value_or(64) / 8);
      if (!path) return std::nullopt;
      Known part = contents_of(known(variable), path->object, path->type);
      part.role = path->role;
      return Traced::of(std::move(part));
    }
    if (!piece.bit_size) break;
    bits += *piece.bit_size;
  }
  return std::nullopt;
}

std::optional<Traced> FrameVariables::in_register(uint64_t link_pc, isa::RegisterId id,
                                                  bool* of_library) {
  std::optional<Traced> library, untyped;
  *of_library = false;
  for (const FrameVariable& variable : at(link_pc)) {
    auto held = held_by(variable, id);
    if (!held) continue;
    if (variable.of_library) {
      if (!library) library = std::move(held);
    } else if (!is_untyped_pointer(*context_.types(), *variable.info.type)) {
      return held;
    } else if (!untyped) {
      untyped = std::move(held);  // `const struct quote* left = a;` says more than `const void* a`
    }
  }
  if (untyped) return untyped;
  *of_library = library.has_value();
  return library;
}

// Pointers, references, and iterators that are nothing but a pointer.
bool FrameVariables::may_point(const FrameVariable& variable) const {
  if (variable.of_library || !variable.info.type || variable.info.name.empty()) return false;
  const auto& type = context_.types()->strip(*variable.info.type);
  if (is_pointer_like(type)) return true;
  return is_structure(type) && type.size == 8 && type.name.find("iterator") != std::string::npos;
}

std::optional<Traced> FrameVariables::with_value(uint64_t link_pc, uint64_t value) {
  const FrameVariable* found = nullptr;
  for (const FrameVariable& variable : at(link_pc)) {
    if (!may_point(variable)) continue;
    bool same = variable.info.constant && static_cast<uint64_t>(*variable.info.constant) == value;
    if (variable.where.location && variable.where.location->pieces.size() == 1) {
      const Piece& piece = variable.where.location->pieces[0];
      same = piece.kind == Piece::Kind::kValue && piece.value == value;
    }
    if (!same) continue;
    if (found != nullptr) return std::nullopt;
    found = &variable;
  }
  if (found == nullptr) return std::nullopt;
  Known result = contents_of(known(*found), {found->info.name, false}, *found->info.type);
  result.value = value;
  result.trust = ExpressionTrust::kHeuristic;
  result.steps.push_back(fmt::format("the compiler knew that {} `{}` of {}() is {}",
                                     result.base_kind, found->info.name, found->function,
                                     to_hex(value)));
  return Traced::of(std::move(result));
}

std::optional<Traced> FrameVariables::in_memory(uint64_t link_pc, Address address) {
  Types* types = context_.types();
  std::optional<Traced> library;
  for (const FrameVariable& variable : at(link_pc)) {
    if (!variable.where.location || !variable.info.type || variable.info.name.empty()) continue;
    if (library && variable.of_library) continue;
    const auto offset = offset_in(variable.where.location->pieces,
                                  types->size(*variable.info.type).value_or(0), address);
    if (!offset) continue;
    Known found = known(variable);
    found.form = Known::Form::kAddress;
    found.value = address.value - *offset;
    Traced out;
    out.offset = *offset;
    out.base = std::move(found);
    if (!variable.of_library) return out;
    library = std::move(out);
  }
  return library;
}

std::optional<Traced> FrameVariables::worth(uint64_t link_pc, uint64_t value) {
  const FrameVariable* found = nullptr;
  for (const FrameVariable& variable : at(link_pc)) {
    if (!may_point(variable) || !variable.where.location ||
        variable.where.location->pieces.size() != 1)
      continue;
    const auto read = place_of(variable.where, 8, context_).read(context_.evidence().memory, 8);
    if (read.state != ValueState::kPresent || load<uint64_t>(read.bytes) != value) continue;
    if (found != nullptr) return std::nullopt;
    found = &variable;
  }
  if (found == nullptr) return std::nullopt;
  Known result = contents_of(known(*found), {found->info.name, false}, *found->info.type);
  result.value = value;
  result.trust = ExpressionTrust::kHeuristic;
  result.steps.push_back(fmt::format("{} `{}` of {}() has the same value {}", result.base_kind,
                                     found->info.name, found->function, to_hex(value)));
  return Traced::of(std::move(result));
}

}  // namespace inquest::process
