#include "binary/dwarf/names.h"

#include <algorithm>

#include "binary/dwarf/constants.h"
#include "binary/dwarf/search.h"
#include "binary/dwarf/walker.h"

namespace inquest::dwarf {
namespace {

constexpr int kMaxReferences = 16;
constexpr size_t kMaxQualified = 64 * 1024;
constexpr size_t kMaxAncestors = 512;

bool names_a_scope(uint16_t tag) {
  switch (tag) {
    case kTagNamespace:
    case kTagModule:
    case kTagClassType:
    case kTagStructureType:
    case kTagUnionType:
    case kTagInterfaceType:
    case kTagEnumerationType:
    case kTagSubprogram:
      return true;
    default:
      return false;
  }
}

// The scopes around the DIE, outermost first. Without DW_AT_sibling (clang) this reads the unit up
// to the DIE.
std::vector<Die> ancestors(Store& store, const Die& die) {
  std::vector<Die> chain;
  auto& unit = const_cast<Unit&>(*die.unit);
  const Die root = store.root(unit);
  if (!root || die.offset <= root.offset) return chain;
  Walker walker(store, root);
  std::vector<Die> open;  // by depth
  while (walker.next()) {
    const Die& here = walker.die();
    if (here.offset >= die.offset) break;
    const auto depth = static_cast<size_t>(walker.depth());
    if (depth >= kMaxAncestors) {
      walker.skip_children();
      continue;
    }
    open.resize(depth);
    open.push_back(here);
    if (!here.abbreviation->has_sibling) continue;
    const Value sibling = attribute(here, kAtSibling);
    if (unit.offset + sibling.number <= die.offset) walker.skip_children();
  }
  if (!walker.die() || walker.die().offset != die.offset) return chain;
  open.resize(std::min<size_t>(open.size(), static_cast<size_t>(walker.depth())));
  for (const Die& scope : open) {
    if (names_a_scope(scope.tag())) chain.push_back(scope);
  }
  return chain;
}

std::string_view scope_name(Store& store, const Die& scope) {
  const std::string_view name = store.text(scope, kAtName).value_or("");
  if (!name.empty()) return name;
  if (scope.tag() == kTagNamespace) return "(anonymous namespace)";
  if (scope.tag() == kTagSubprogram) return identify(store, scope).name;
  return {};
}

}  // namespace

Identity identify(Store& store, const Die& die) {
  Identity identity;
  Die at = die;
  for (int hops = 0; at && hops < kMaxReferences; ++hops) {
    identity.named = at;
    Value origin;
    for_each_attribute(at, [&](uint16_t name, const Value& value) {
      switch (name) {
        case kAtName:
          if (identity.name.empty()) identity.name = store.text(at, value).value_or("");
          break;
        case kAtLinkageName:
        case kAtMipsLinkageName:
          if (identity.linkage_name.empty())
            identity.linkage_name = store.text(at, value).value_or("");
          break;
        case kAtDeclFile:
          if (!identity.decl_file)
            identity.decl_file = unsigned_constant(value), identity.declared = at;
          break;
        case kAtDeclLine:
          if (!identity.decl_line) identity.decl_line = unsigned_constant(value);
          break;
        case kAtAbstractOrigin:
        case kAtSignature:  // of a declaration whose definition is a type unit
        case kAtSpecification:
          origin = value;
          break;
        default:
          break;
      }
    });
    if (!origin) break;
    at = store.reference(at, origin);
  }
  return identity;
}

std::string qualified_name(Store& store, const Die& die) {
  if (!die) return {};
  const Identity identity = identify(store, die);
  if (identity.name.empty()) return {};
  std::string prefix;
  // Definitions often stand apart from the class they belong to: scopes are those of the last DIE
  // in the chain, and a class itself may be declared elsewhere.
  const Die& named = identity.named ? identity.named : die;
  const auto known = store.scope_names().find(store.ref(named));
  if (known != store.scope_names().end()) {
    prefix = known->second;
  } else {
    for (const Die& scope : ancestors(store, named)) {
      const std::string_view name = scope_name(store, scope);
      if (name.empty() || prefix.size() + name.size() > kMaxQualified) continue;
      prefix.append(name).append("::");
    }
    store.scope_names().emplace(store.ref(named), prefix);
  }
  return prefix.append(identity.name);
}

}  // namespace inquest::dwarf
