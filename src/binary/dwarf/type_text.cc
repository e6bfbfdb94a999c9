// How a type is written in source.
#include "binary/dwarf/type_shape.h"

namespace inquest::dwarf {
namespace {

constexpr size_t kMaxTypeName = 4096;

bool is_c(const Unit& unit) {
  const uint16_t language = unit.root.language;
  return language == 0x01 || language == 0x02 || language == 0x0c || language == 0x1d ||
         language == 0x2c;
}

class TypeWriter {
 public:
  explicit TypeWriter(Store& store) : store_(store) {}

  // C's declarators read inside out: `inner` is what was written so far, around which this type
  // goes.
  std::string write(const Die& die, std::string inner, int depth) {
    if (!die) return "void" + inner;
    if (depth > kMaxTypeDepth || inner.size() > kMaxTypeName) return "…" + inner;
    switch (die.tag()) {
      case kTagPointerType:
        return around(die, "*" + inner, depth);
      case kTagReferenceType:
        return around(die, "&" + inner, depth);
      case kTagRvalueReferenceType:
        return around(die, "&&" + inner, depth);
      case kTagPtrToMemberType: {
        const Die owner = store_.reference(die, kAtContainingType);
        return around(die, " " + (owner ? qualified_name(store_, owner) : "?") + "::*" + inner,
                      depth);
      }
      case kTagConstType:
        return qualify(die, "const", std::move(inner), depth);
      case kTagVolatileType:
        return qualify(die, "volatile", std::move(inner), depth);
      case kTagRestrictType:
        return write(store_.reference(die, kAtType), inner, depth + 1);
      case kTagAtomicType:
        return qualify(die, "_Atomic", std::move(inner), depth);
      case kTagArrayType: {
        std::string bounds;
        for (const auto& count : dimensions_of(store_, die))
          bounds += "[" + (count ? std::to_string(*count) : "") + "]";
        return write(store_.reference(die, kAtType), wrap(std::move(inner)) + bounds, depth + 1);
      }
      case kTagSubroutineType:
        return write(store_.reference(die, kAtType),
                     " " + wrap_pointer(inner) + parameters(die, depth), depth + 1);
      default:
        return plain_name(die) + inner;
    }
  }

 private:
  // Rust and Go name their pointer types; C and C++ build them.
  std::string around(const Die& die, std::string inner, int depth) {
    const auto name = store_.text(die, kAtName);
    if (name && !name->empty()) return std::string(*name) + inner.substr(1);
    return write(store_.reference(die, kAtType), std::move(inner), depth + 1);
  }

  std::string qualify(const Die& die, const char* word, std::string inner, int depth) {
    const Die target = store_.reference(die, kAtType);
    // A qualified array has qualified elements, and gcc writes both down: once is enough.
    Die element = target;
    for (int hops = 0; element && element.tag() == kTagArrayType && hops < kMaxTypeDepth; ++hops)
      element = store_.reference(element, kAtType);
    if (element && element.tag() == die.tag()) return write(target, std::move(inner), depth + 1);
    const bool behind =
        target && (target.tag() == kTagPointerType || target.tag() == kTagReferenceType);
    if (behind) return write(target, std::string(" ") + word + inner, depth + 1);
    return std::string(word) + " " + write(target, std::move(inner), depth + 1);
  }

  static std::string wrap(std::string inner) {
    return inner.empty() || inner.front() == '[' ? inner : " (" + inner + ")";
  }
  static std::string wrap_pointer(const std::string& inner) {
    return inner.empty() ? inner : "(" + inner + ")";
  }

  std::string parameters(const Die& die, int depth) {
    std::string list;
    for_each_child(store_, die, [&](const Die& child) {
      if (list.size() > kMaxTypeName) return;
      const bool known = child.tag() == kTagFormalParameter;
      if (!known && child.tag() != kTagUnspecifiedParameters) return;
      if (!list.empty()) list += ", ";
      list += known ? write(store_.reference(child, kAtType), "", depth + 1) : "...";
    });
    return "(" + list + ")";
  }

  std::string plain_name(const Die& die) {
    std::string name = qualified_name(store_, die);
    const char* keyword = die.tag() == kTagStructureType     ? "struct"
                          : die.tag() == kTagUnionType       ? "union"
                          : die.tag() == kTagEnumerationType ? "enum"
                          : die.tag() == kTagClassType       ? "class"
                                                             : "";
    if (name.empty()) return *keyword != 0 ? std::string(keyword) + " {...}" : "?";
    return *keyword != 0 && is_c(*die.unit) ? std::string(keyword) + " " + name : name;
  }

  Store& store_;
};

}  // namespace

std::string write_type(Store& store, const Die& die) { return TypeWriter(store).write(die, "", 0); }

}  // namespace inquest::dwarf
