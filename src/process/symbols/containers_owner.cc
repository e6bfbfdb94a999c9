// Smart pointers, std::function, std::atomic and reference_wrapper of libstdc++ and libc++.
#include <fmt/format.h>

#include "process/symbols/containers.h"

namespace inquest::process {
namespace {

// unique_ptr<T, D>: the pointer is the head of a tuple<pointer, D>, or libc++'s __ptr_.
std::optional<Field> unique_pointer(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  if (auto found = reader.field({"_M_t", "_M_t", "_M_head_impl"})) {
    // A deleter with state is a head, too: the pointer is the one of pointer type.
    if (q.printer.types().strip(found->type).kind == dwarf::TypeKind::kPointer) return found;
    found = reader.field({"_M_t", "_M_t", "_M_tail", "_M_head_impl"});
    if (found) return found;
  }
  if (const auto pair = reader.field({"__ptr_", "__value_"})) return pair;
  return reader.field({"__ptr_"});
}

bool unique_ptr(const ContainerQuestion& q) {
  const auto pointer = unique_pointer(q);
  if (!pointer || !is_pointer_like(q.printer.types().strip(pointer->type))) return false;
  q.printer.emit(q.name + " ");
  q.printer.member(*pointer, q.place, q.depth);
  return true;
}

struct Counts {
  int64_t use = 0, weak = 0;
};

// The control block: a vtable pointer, then libstdc++'s two 32-bit counts, or libc++'s two longs,
// one less each.
std::optional<Counts> counts(const ContainerQuestion& q, uint64_t block, bool gnu) {
  const MemoryReader& memory = q.printer.memory();
  if (gnu) {
    const auto use = memory.load<int32_t>(Address(block + 8));
    const auto weak = memory.load<int32_t>(Address(block + 12));
    if (!use || !weak) return std::nullopt;
    return Counts{*use, int64_t{*weak} - (*use != 0 ? 1 : 0)};
  }
  const auto use = memory.load<int64_t>(Address(block + 8));
  const auto weak = memory.load<int64_t>(Address(block + 16));
  if (!use || !weak) return std::nullopt;
  if (*use < -1 || *use > INT32_MAX || *weak < -1 || *weak > INT32_MAX) return Counts{-1, -1};
  return Counts{*use + 1, *weak + 1 - (*use + 1 != 0 ? 1 : 0)};
}

bool shared_ptr(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  auto pointer = reader.field({"_M_ptr"});
  auto block = reader.number({"_M_refcount", "_M_pi"});
  const bool gnu = pointer.has_value();
  if (!pointer) pointer = reader.field({"__ptr_"}), block = reader.number({"__cntrl_"});
  if (!pointer) return false;
  q.printer.emit(q.name + " ");
  q.printer.member(*pointer, q.place, q.depth);
  if (!block || *block == 0) return true;
  const auto count = counts(q, *block, gnu);
  if (!count) {
    q.printer.emit(fmt::format(" <control block {} is {}>", to_hex(*block),
                               to_string(q.printer.memory().why_missing(Address(*block + 8)))));
  } else if (count->use < 0 || count->use > INT32_MAX / 2 || count->weak < 0 ||
             count->weak > INT32_MAX / 2) {
    q.printer.emit(fmt::format(" <use count {}: corrupt or freed>", count->use));
  } else if (count->use == 0) {
    q.printer.emit(fmt::format(" (expired, weak count {})", count->weak));
  } else {
    q.printer.emit(fmt::format(" (use count {}, weak count {})", count->use, count->weak));
  }
  return true;
}

bool function(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  const auto manager = reader.number({"_M_manager"});
  const auto invoker = reader.number({"_M_invoker"});
  if (manager && invoker) {
    if (*manager == 0) {
      q.printer.emit("std::function (empty)");
      return true;
    }
    const CodeName& code = q.printer.names().at(Address(*invoker));
    q.printer.emit("std::function → " + (code.name.empty() ? to_hex(*invoker) : code.name));
    return true;
  }
  const auto target = reader.number({"__f_", "__f_"});
  if (!target) return false;
  q.printer.emit(*target == 0 ? "std::function (empty)" : "std::function → " + to_hex(*target));
  return true;
}

bool unwrap(const ContainerQuestion& q, std::initializer_list<std::string_view> members) {
  for (const auto name : members) {
    const auto field = q.printer.types().find_field(q.type, name);
    if (!field) continue;
    q.printer.member(*field, q.place, q.depth);
    return true;
  }
  return false;
}

}  // namespace

bool print_owner(const ContainerQuestion& q) {
  if (q.name == "std::unique_ptr") return unique_ptr(q);
  if (q.name == "std::shared_ptr" || q.name == "std::weak_ptr" || q.name == "std::__shared_ptr" ||
      q.name == "std::__weak_ptr")
    return shared_ptr(q);
  if (q.name == "std::function") return function(q);
  if (q.name == "std::atomic" || q.name == "std::__atomic_base" || q.name == "std::atomic_flag")
    return unwrap(q, {"_M_i", "_M_p", "_M_fp", "__a_value", "__a_"});
  if (q.name == "std::reference_wrapper") return unwrap(q, {"_M_data", "__f_"});
  return false;
}

}  // namespace inquest::process
