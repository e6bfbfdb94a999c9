// Variables, frame bases and call sites at a pc.
#include <algorithm>
#include <set>

#include "binary/dwarf/constants.h"
#include "binary/dwarf/impl.h"

namespace inquest::dwarf {
namespace {

constexpr size_t kMaxVariables = 1 << 14;
constexpr size_t kMaxParameters = 256;

bool is_function(const Die& die) {
  return die.tag() == kTagSubprogram || die.tag() == kTagInlinedSubroutine;
}

std::optional<ByteView> location_at(Store& store, const Die& die, uint16_t name, uint64_t pc) {
  const Value value = attribute(die, name);
  if (!value) return std::nullopt;
  const auto locations = store.locations(die, value);
  // An entry for this pc goes before the default one (which covers everything).
  const DebugInfo::LocationRange* best = nullptr;
  for (const auto& entry : locations) {
    if (pc < entry.low || pc >= entry.high) continue;
    if (best == nullptr || entry.high - entry.low < best->high - best->low) best = &entry;
  }
  return best != nullptr ? std::optional(best->expression) : std::nullopt;
}

class VariableReader {
 public:
  VariableReader(DebugInfo::Impl& impl, uint64_t pc) : impl_(impl), store_(impl.store), pc_(pc) {}

  // The variables that stand directly in this function or block.
  void read_scope(const Die& die, size_t scope) {
    std::set<DieRef> origins;
    each_variable(die, [&](const Die& child) {
      found.push_back(read(child, scope));
      if (const auto origin = store_.reference_ref(child, kAtAbstractOrigin))
        origins.insert(*origin);
    });
    // Parameters that the compiler dropped from this instance altogether are there in the abstract
    // one.
    const Die origin = is_function(die) ? store_.reference(die, kAtAbstractOrigin) : Die{};
    if (!origin) return;
    each_variable(origin, [&](const Die& child) {
      if (child.tag() == kTagFormalParameter && !origins.contains(store_.ref(child)))
        found.push_back(read(child, scope));
    });
  }

  VariableInfo read(const Die& die, size_t scope);

  std::vector<VariableInfo> found;

 private:
  template <typename Visit>
  void each_variable(const Die& die, Visit&& visit) {
    Walker walker(store_, die);
    if (!walker.next()) return;
    while (walker.next() && found.size() < kMaxVariables) {
      const Die& child = walker.die();
      walker.skip_children();
      if (child.tag() == kTagFormalParameter || child.tag() == kTagVariable) visit(child);
    }
  }

  std::optional<DieRef> inherited_type(Die die) {
    for (int hops = 0; die && hops < 16; ++hops) {
      if (const auto type = store_.reference_ref(die, kAtType)) return type;
      const Die origin = store_.reference(die, kAtAbstractOrigin);
      die = origin ? origin : store_.reference(die, kAtSpecification);
    }
    return std::nullopt;
  }

  DebugInfo::Impl& impl_;
  Store& store_;
  uint64_t pc_;
};

VariableInfo VariableReader::read(const Die& die, size_t scope) {
  const Identity identity = identify(store_, die);
  VariableInfo info;
  info.die = store_.ref(die);
  info.name = identity.name;
  info.is_parameter = die.tag() == kTagFormalParameter;
  info.scope = scope;
  info.decl_file = impl_.file_of(identity.declared, identity.decl_file);
  info.decl_line = static_cast<uint32_t>(identity.decl_line.value_or(0));
  info.type = store_.reference_ref(die, kAtType);
  info.is_artificial = flag(die, kAtArtificial);
  info.is_external_declaration = flag(die, kAtDeclaration);
  Value fixed = attribute(die, kAtConstValue);
  if (identity.named && identity.named.offset != die.offset) {
    if (!info.type) info.type = inherited_type(die);
    info.is_artificial |= flag(identity.named, kAtArtificial);
    if (!fixed) fixed = attribute(identity.named, kAtConstValue);
  }
  info.location = location_at(store_, die, kAtLocation, pc_);
  info.constant = constant(fixed);
  if (fixed && !info.constant) {
    const auto text = store_.text(die, fixed);
    if (text) {
      info.constant_bytes = {reinterpret_cast<const uint8_t*>(text->data()), text->size()};
    } else if (!fixed.block.empty()) {
      info.constant_bytes = fixed.block;
    }
  }
  return info;
}

}  // namespace

std::vector<VariableInfo> DebugInfo::variables_at(uint64_t pc) {
  impl_->store.work().start();
  const Die function = impl_->function_at(pc);
  if (!function) return {};
  const std::vector<Die> chain = scope_chain(impl_->store, function, pc);
  const auto functions =
      static_cast<size_t>(std::count_if(chain.begin(), chain.end(), is_function));
  VariableReader reader(*impl_, pc);
  // The chain is outermost first; answers are innermost function first, its blocks from the outside
  // in.
  size_t end = chain.size();
  for (size_t scope = 0; scope < functions; ++scope) {
    size_t begin = end;
    while (begin > 0 && !is_function(chain[begin - 1])) --begin;
    if (begin > 0) --begin;
    for (size_t i = begin; i < end; ++i) reader.read_scope(chain[i], scope);
    end = begin;
  }
  return std::move(reader.found);
}

std::optional<VariableInfo> DebugInfo::variable(uint64_t key, uint64_t section_offset,
                                                uint64_t pc) {
  impl_->store.work().start();
  Unit* unit = impl_->unit(key);
  if (unit == nullptr) return std::nullopt;
  const Unit& full = impl_->store.full_unit(*unit);
  const Die die = impl_->store.die({full.container->id, section_offset});
  if (!die) return std::nullopt;
  return VariableReader(*impl_, pc).read(die, 0);
}

std::vector<DebugInfo::LocationRange> DebugInfo::locations(DieRef variable) {
  impl_->store.work().start();
  const Die die = impl_->store.die(variable);
  const Value value = die ? attribute(die, kAtLocation) : Value{};
  return value ? impl_->store.locations(die, value) : std::vector<LocationRange>();
}

std::optional<ByteView> DebugInfo::frame_base(uint64_t pc) {
  impl_->store.work().start();
  const Die function = impl_->function_at(pc);
  return function ? location_at(impl_->store, function, kAtFrameBase, pc) : std::nullopt;
}

namespace {

std::optional<uint64_t> return_address(Store& store, const Die& site) {
  const uint16_t name = site.tag() == kTagCallSite ? kAtCallReturnPc : kAtLowPc;
  const Value value = attribute(site, name);
  return value ? store.address(*site.unit, value) : std::nullopt;
}

CallSite read_call_site(Store& store, const Die& site) {
  CallSite result;
  const bool standard = site.tag() == kTagCallSite;
  result.callee = store.reference_ref(site, standard ? kAtCallOrigin : kAtAbstractOrigin);
  result.is_tail_call = flag(site, standard ? kAtCallTailCall : kAtGnuTailCall);
  Walker walker(store, site);
  if (!walker.next()) return result;
  while (walker.next() && result.parameters.size() < kMaxParameters) {
    const Die& child = walker.die();
    walker.skip_children();
    if (child.tag() != kTagCallSiteParameter && child.tag() != kTagGnuCallSiteParameter) continue;
    const Value location = attribute(child, kAtLocation);
    Value value = attribute(child, kAtCallValue);
    if (!value) value = attribute(child, kAtGnuCallSiteValue);
    if (is_expression(location) && is_expression(value))
      result.parameters.push_back({location.block, value.block});
  }
  return result;
}

}  // namespace

std::optional<CallSite> DebugInfo::call_site(uint64_t return_pc) {
  Store& store = impl_->store;
  store.work().start();
  if (return_pc == 0) return std::nullopt;
  const Die function = impl_->function_at(return_pc - 1);
  if (!function) return std::nullopt;
  Walker walker(store, function);
  while (walker.next()) {
    const Die& die = walker.die();
    if (die.tag() != kTagCallSite && die.tag() != kTagGnuCallSite) continue;
    if (return_address(store, die) == return_pc) return read_call_site(store, die);
    walker.skip_children();
  }
  return std::nullopt;
}

}  // namespace inquest::dwarf
