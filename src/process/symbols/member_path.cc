#include "process/symbols/member_path.h"

#include <algorithm>

namespace inquest::process {

using dwarf::DieRef;
using dwarf::Member;
using dwarf::Type;
using dwarf::TypeKind;

namespace {

// Library types whose innards are one pointer (or value) that goes by the name of the whole.
bool is_transparent(const std::string& name) {
  static constexpr std::string_view kNames[] = {"std::unique_ptr",
                                                "std::shared_ptr",
                                                "std::weak_ptr",
                                                "std::__shared_ptr",
                                                "std::__weak_ptr",
                                                "__gnu_cxx::__normal_iterator",
                                                "std::__wrap_iter",
                                                "std::atomic",
                                                "std::reference_wrapper",
                                                "alloc::boxed::Box",
                                                "core::ptr::non_null::NonNull",
                                                "std::_Bit_iterator",
                                                "std::__atomic_base"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

bool is_container(const std::string& name) {
  static constexpr std::string_view kNames[] = {"std::vector",
                                                "std::basic_string",
                                                "std::string",
                                                "std::basic_string_view",
                                                "std::span",
                                                "std::array",
                                                "std::deque",
                                                "alloc::vec::Vec",
                                                "alloc::string::String",
                                                "std::initializer_list"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

constexpr const char* kClosure = "__closure";  // gcc's name for the `this` of a lambda

// clang writes the vtable pointer's name with a dollar sign.
std::string source_name(const std::string& member) {
  if (!member.starts_with("_vptr$")) return member;
  return "_vptr." + member.substr(6);
}

// What gcc makes of a coroutine's variables: "_Z7sessionR4Conn.Frame".
bool is_coroutine_frame(const Type& type) { return type.name.ends_with(".Frame"); }

// There "total" in the second block of the first is "total_1_2"; parameters keep their names.
std::string variable_name(const std::string& member) {
  std::string_view name = member;
  for (int i = 0; i < 2; ++i) {
    const size_t last = name.find_last_not_of("0123456789");
    if (last == std::string_view::npos || last + 1 == name.size() || last == 0 || name[last] != '_')
      return member;
    name = name.substr(0, last);
  }
  return std::string(name);
}

class Descent {
 public:
  Descent(Types& types, const SourceObject& object, DieRef type, uint64_t offset,
          std::vector<ScaledIndex> indices, uint64_t size, std::string_view stop_at)
      : types_(types),
        offset_(offset),
        indices_(std::move(indices)),
        size_(size),
        stop_at_(stop_at) {
    path_.object = object;
    path_.type = type;
  }

  std::optional<MemberPath> run() {
    for (int depth = 0; depth < kMaxTypeDepth; ++depth) {
      const Type& type = types_.strip(path_.type);
      bool moved = false;
      if (is_structure(type)) {
        if (!stop_at_.empty() && offset_ == 0 && is_or_derives(type, 0)) break;
        moved = into_structure(type);
      } else if (type.kind == TypeKind::kArray) {
        moved = into_array(type);
      }
      if (!moved) break;
    }
    if (!indices_.empty()) return std::nullopt;
    path_.remainder = offset_;
    return path_;
  }

 private:
  // True when a member was entered.
  bool into_structure(const Type& type) {
    const Member* member = choose(type);
    if (member == nullptr) return false;
    const std::string plain = plain_type_name(type.name);
    if (!folded_) enter_library_type(plain);
    offset_ -= member->offset;
    path_.type = member->type;
    if (folded_) {
      note_role(member->name);
    } else if (!member->is_base && !member->name.empty()) {
      add_member(is_coroutine_frame(type) ? variable_name(member->name) : source_name(member->name),
                 is_coroutine_frame(type));
    }
    return true;
  }

  // Is this the type to stop at, or one that has it for a base?
  bool is_or_derives(const Type& type, int depth) {
    if (plain_type_name(type.name) == stop_at_) return true;
    if (depth >= kMaxFieldDepth) return false;
    return std::ranges::any_of(type.members, [&](const Member& member) {
      return member.is_base && is_or_derives(types_.strip(member.type), depth + 1);
    });
  }

  void enter_library_type(const std::string& plain) {
    if (is_transparent(plain)) {
      folded_ = true;
    } else if (is_container(plain)) {
      folded_ = in_container_ = true;
    } else if (plain == "std::optional") {
      path_.object = {spell(path_.object), true};
      folded_ = true;
      leave_fold_at_ = "_M_value";
    }
  }

  void note_role(const std::string& member) {
    if ((!leave_fold_at_.empty() && member == leave_fold_at_) || member == "__val_") {
      folded_ = false;
      leave_fold_at_.clear();
      return;
    }
    if (!in_container_) return;
    for (const std::string_view data : {"_M_start", "_M_p", "__begin_", "_M_str", "_M_ptr",
                                        "__data_", "_M_cur", "_M_array", "pointer", "data_ptr"})
      if (member == data && path_.role == ContainerRole::kNone) path_.role = ContainerRole::kData;
    for (const std::string_view end : {"_M_finish", "__end_", "_M_end_of_storage"})
      if (member == end) path_.role = ContainerRole::kEnd;
  }

  // The elements of std::array are an array named after the whole.
  bool into_array(const Type& type) {
    if (!type.target) return false;
    uint64_t stride = types_.size(*type.target).value_or(0);
    if (stride == 0) return false;
    DieRef element = *type.target;
    // Outer dimensions first; the inner ones make up the stride.
    const size_t dimensions = std::max<size_t>(type.dimensions.size(), 1);
    for (size_t i = 0; i < dimensions; ++i) {
      uint64_t inner = stride;
      for (size_t j = i + 1; j < dimensions; ++j)
        inner = checked_multiply(inner, type.dimensions[j].value_or(1)).value_or(0);
      if (inner == 0) return false;
      const uint64_t index = offset_ / inner;
      offset_ -= index * inner;
      add_index(take_index(indices_, inner, static_cast<int64_t>(index)));
    }
    path_.type = element;
    return true;
  }

  void add_member(const std::string& name, bool is_variable) {
    // What a lambda captured goes by its own name; gcc puts "__" before it. What a coroutine keeps
    // in its frame does, too.
    if (is_variable && path_.object.text == "frame_ptr" && path_.object.through_pointer) {
      path_.object = {name, false};
    } else if (path_.object.text == kClosure && path_.object.through_pointer) {
      path_.object = {name.starts_with("__") ? name.substr(2) : name, false};
    } else {
      path_.object = member_of(path_.object, name);
    }
    path_.inside += (path_.inside.empty() ? "" : ".") + name;
  }

  void add_index(std::string index) {
    if (index.empty()) index = "0";
    path_.object = element_of(path_.object, index);
    path_.inside += "[" + index + "]";
  }

  // The member that covers the offset. In a union the one whose innermost part has the size of the
  // access.
  const Member* choose(const Type& type) {
    const Member* best = nullptr;
    for (const auto& member : type.members) {
      if (member.is_static || member.is_virtual_base || member.offset > offset_) continue;
      const uint64_t size = types_.size(member.type).value_or(0);
      const bool flexible = size == 0 && types_.strip(member.type).kind == TypeKind::kArray;
      if (!flexible && offset_ - member.offset >= size) continue;
      if (!fits_indices(member, flexible)) continue;
      if (best == nullptr || better(member, *best)) best = &member;
    }
    return best;
  }

  bool fits_indices(const Member& member, bool flexible) {
    if (indices_.empty() || flexible) return true;
    const Type& type = types_.strip(member.type);
    if (is_structure(type)) return true;
    if (type.kind != TypeKind::kArray || !type.target) return false;
    const uint64_t element = types_.size(*type.target).value_or(0);
    return element != 0 && indices_.front().coefficient % element == 0;
  }

  bool better(const Member& candidate, const Member& best) {
    if (candidate.offset > best.offset)
      return true;  // a later one, nearer: bit fields, empty bases
    if (candidate.offset < best.offset) return false;
    if (best.is_base && !candidate.is_base) return types_.size(best.type).value_or(0) <= 1;
    if (size_ == 0) return false;
    return leaf_size(best.type) != size_ && leaf_size(candidate.type) == size_;
  }

  uint64_t leaf_size(DieRef type) {
    for (int depth = 0; depth < kMaxTypeDepth; ++depth) {
      const Type& stripped = types_.strip(type);
      if (stripped.kind == TypeKind::kArray && stripped.target) {
        type = *stripped.target;
      } else if (is_structure(stripped) && !stripped.members.empty()) {
        type = stripped.members.front().type;
      } else {
        break;
      }
    }
    return types_.size(type).value_or(0);
  }

  Types& types_;
  uint64_t offset_;
  std::vector<ScaledIndex> indices_;
  uint64_t size_;
  std::string_view stop_at_;
  MemberPath path_;
  bool folded_ = false, in_container_ = false;
  std::string leave_fold_at_;
};

}  // namespace

std::string take_index(std::vector<ScaledIndex>& indices, uint64_t element_size, int64_t constant) {
  std::string text;
  std::erase_if(indices, [&](const ScaledIndex& index) {
    if (element_size == 0 || index.coefficient % element_size != 0) return false;
    const uint64_t factor = index.coefficient / element_size;
    if (!text.empty()) text += " + ";
    if (factor != 1) text += std::to_string(factor) + " * ";
    text += factor != 1 ? as_primary(index.text) : index.text;
    return true;
  });
  if (constant == 0) return text;
  if (text.empty()) return std::to_string(constant);
  return text + (constant > 0 ? " + " : " - ") +
         std::to_string(constant > 0 ? constant : -constant);
}

std::optional<MemberPath> find_member_path(Types& types, const SourceObject& object, DieRef type,
                                           uint64_t offset, std::vector<ScaledIndex> indices,
                                           uint64_t size, std::string_view stop_at) {
  return Descent(types, object, type, offset, std::move(indices), size, stop_at).run();
}

std::string structure_name(Types& types, DieRef ref) {
  const Type& type = types.strip(ref);
  std::string name = type.name.empty() ? types.name(ref) : type.name;
  if (name.starts_with("struct ") || name.starts_with("class ") || name.starts_with("union "))
    return name;
  if (name.empty()) name = "(anonymous)";
  switch (type.kind) {
    case TypeKind::kStruct:
      return "struct " + name;
    case TypeKind::kClass:
      return "class " + name;
    case TypeKind::kUnion:
      return "union " + name;
    default:
      return name;
  }
}

}  // namespace inquest::process
