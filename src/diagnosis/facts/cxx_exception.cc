#include "diagnosis/facts/cxx_exception.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "binary/demangle/demangle.h"
#include "diagnosis/facts/abort_text.h"

namespace inquest::diagnosis {
namespace {

using process::MemoryReader;

// exception_class as a little-endian word. The last byte is 1 for a dependent exception
// (std::rethrow_exception).
constexpr uint64_t kGnuClass = 0x474e5543432b2b00, kClangClass = 0x434c4e47432b2b00;
constexpr uint64_t kTypeInfoBefore =
    80;                                  // __cxa_exception::exceptionType, before the unwind header
constexpr uint64_t kAdjustedBefore = 8;  // __cxa_exception::adjustedPtr
constexpr uint64_t kObjectBehind = 32;   // sizeof(_Unwind_Exception)

constexpr uint64_t kMaxTls = 64 * 1024;
constexpr uint64_t kMaxStackWords = 256 * 1024;
constexpr uint64_t kMaxHeapScan = uint64_t{64} << 20;
constexpr uint64_t kMaxTypeName = 4096;
constexpr uint64_t kMaxWhat = 1024;
constexpr size_t kMaxBases = 16;

bool is_exception_class(uint64_t word) {
  const uint64_t plain = word & ~uint64_t{1};
  return plain == kGnuClass || plain == kClangClass;
}

std::optional<std::string> read_text(const MemoryReader& memory, Address address, uint64_t max) {
  bool complete = false;
  auto text = memory.load_c_string(address, max, &complete);
  if (!text || (!complete && text->size() < max) || !is_plausible_text(*text)) return std::nullopt;
  return text;
}

std::optional<std::string> read_sized_text(const MemoryReader& memory, Address address,
                                           uint64_t size) {
  if (size > kMaxWhat * 64) return std::nullopt;
  std::string text(std::min(size, kMaxWhat), '\0');
  const auto got = memory.read(address, {reinterpret_cast<uint8_t*>(text.data()), text.size()});
  if (got.size != text.size() || !is_plausible_text(text)) return std::nullopt;
  return text;
}

// std::string of libstdc++ at `address`: pointer, size, and a capacity or 16 bytes of its own.
std::optional<std::string> read_std_string(const MemoryReader& memory, Address address) {
  const auto data = memory.load_pointer(address);
  const auto size = memory.load<uint64_t>(address + 8);
  const auto capacity = memory.load<uint64_t>(address + 16);
  if (!data || !size) return std::nullopt;
  const bool is_short = *data == address + 16;
  if (is_short ? *size > 15 : (!capacity || *size > *capacity)) return std::nullopt;
  return read_sized_text(memory, *data, *size);
}

// The string inside std::runtime_error and std::logic_error: a pointer to text that has its size,
// capacity and reference count right before it, in libstdc++ and libc++ alike.
std::optional<std::string> read_counted_string(const MemoryReader& memory, Address slot) {
  const auto data = memory.load_pointer(slot);
  if (!data || data->value < 4096) return std::nullopt;
  const auto size = memory.load<uint64_t>(*data - 24);
  const auto capacity = memory.load<uint64_t>(*data - 16);
  if (!size || !capacity || *size > *capacity) return std::nullopt;
  return read_sized_text(memory, *data, *size);
}

// Mangled names of the type and of its bases, as far as they have one base each
// (__si_class_type_info).
std::vector<std::string> mangled_line(const MemoryReader& memory, Address type_info) {
  std::vector<std::string> names;
  Address at = type_info;
  while (names.size() < kMaxBases) {
    const auto name_at = memory.load_pointer(at + 8);
    auto name = name_at ? read_text(memory, *name_at, kMaxTypeName) : std::nullopt;
    if (!name || name->empty()) break;
    if (name->front() == '*') name->erase(0, 1);  // libstdc++: compare by address
    const bool plausible = std::all_of(name->begin(), name->end(), [](char c) {
      return c == '_' || c == '.' || c == '$' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
             (c >= 'A' && c <= 'Z');
    });
    if (!plausible) break;
    names.push_back(*std::move(name));
    const auto base = memory.load_pointer(at + 16);
    if (!base || base->is_null()) break;
    at = *base;
  }
  return names;
}

std::string demangled_type(const std::string& mangled) {
  constexpr std::string_view kPrefix = "typeinfo for ";
  const std::string text = demangle::demangle("_ZTI" + mangled);
  return text.starts_with(kPrefix) ? text.substr(kPrefix.size()) : mangled;
}

// Values that are thrown by themselves.
std::string plain_value(const MemoryReader& memory, const std::string& mangled, Address object) {
  if (mangled == "PKc" || mangled == "Pc") {
    const auto text_at = memory.load_pointer(object);
    return text_at ? read_text(memory, *text_at, kMaxWhat).value_or("") : "";
  }
  if (mangled == "i" || mangled == "j") {
    const auto value = memory.load<int32_t>(object);
    return value ? std::to_string(mangled == "i" ? int64_t{*value}
                                                 : int64_t{static_cast<uint32_t>(*value)})
                 : "";
  }
  if (mangled == "l" || mangled == "x") {
    const auto value = memory.load<int64_t>(object);
    return value ? std::to_string(*value) : "";
  }
  if (mangled.find("basic_string") != std::string::npos && mangled.starts_with("N")) {
    return read_std_string(memory, object).value_or("");
  }
  return {};
}

// Classes of the library whose what() is a constant.
std::string constant_what(const std::string& mangled) {
  for (const std::string_view name :
       {"St9bad_alloc", "St20bad_array_new_length", "St8bad_cast", "St10bad_typeid",
        "St13bad_exception", "St9exception", "St12bad_weak_ptr", "St17bad_function_call"}) {
    if (mangled == name)
      return mangled == "St12bad_weak_ptr"        ? "bad_weak_ptr"
             : mangled == "St17bad_function_call" ? "bad_function_call"
                                                  : demangled_type(mangled);
  }
  if (mangled == "St18bad_variant_access") return "bad variant access";
  if (mangled == "St19bad_optional_access") return "bad optional access";
  return {};
}

std::string read_what(const MemoryReader& memory, const std::vector<std::string>& line,
                      Address object) {
  if (line.empty()) return {};
  if (std::string value = plain_value(memory, line.front(), object); !value.empty()) return value;
  const auto derives_from = [&](std::string_view name) {
    return std::find(line.begin(), line.end(), name) != line.end();
  };
  if (derives_from("St13runtime_error") || derives_from("St11logic_error")) {
    return read_counted_string(memory, object + 8).value_or("");
  }
  if (std::string text = constant_what(line.front()); !text.empty()) return text;
  // A class of the program: most keep a std::string, a runtime_error or a literal as their first
  // member.
  for (const uint64_t offset : {8, 16, 24}) {
    if (auto text = read_std_string(memory, object + offset); text && !text->empty()) return *text;
    if (auto text = read_counted_string(memory, object + offset); text && !text->empty())
      return *text;
  }
  const auto literal = memory.load_pointer(object + 8);
  constexpr size_t kShortestLiteral = 4;
  if (literal && !literal->is_null()) {
    if (auto text = read_text(memory, *literal, kMaxWhat); text && text->size() >= kShortestLiteral)
      return *text;
  }
  return constant_what(line.back());
}

std::optional<ThrownException> found_at(const MemoryReader& memory, Address header,
                                        std::string_view where) {
  auto exception = read_exception(memory, header);
  if (exception) exception->found = where;
  return exception;
}

// Words of [range) that point at an exception: at its unwind header, its __cxa_exception or its
// object.
std::optional<ThrownException> find_pointed_at(const MemoryReader& memory, AddressRange range,
                                               std::string_view where) {
  // Not at + 8: the range may end where addresses do.
  for (Address at = range.start; at < range.end && range.end - at >= 8; at = at + 8) {
    const auto word = memory.load_pointer(at);
    if (!word || word->value < 4096 || word->value % 8 != 0) continue;
    for (const int64_t offset : {int64_t{kTypeInfoBefore}, int64_t{0}, -int64_t{kObjectBehind}}) {
      const Address header = *word + static_cast<uint64_t>(offset);
      if (auto found = found_at(memory, header, where)) return found;
    }
  }
  return std::nullopt;
}

std::optional<ThrownException> scan(const MemoryReader& memory, AddressRange range,
                                    uint64_t& budget) {
  Address at((range.start.value + 7) & ~uint64_t{7});
  while (at < range.end && range.end - at >= 8 && budget >= 8) {
    const ByteView bytes = memory.view(at, std::min(budget, range.end - at));
    const uint64_t usable = bytes.size() & ~uint64_t{7};
    if (usable == 0) {
      budget -= std::min<uint64_t>(budget, 64);  // holes cost, too
      at = at.page() + 4096;
      continue;
    }
    for (uint64_t offset = 0; offset < usable; offset += 8) {
      if (!is_exception_class(*load<uint64_t>(bytes, offset))) continue;
      if (auto found = found_at(memory, at + offset, "the heap")) return found;
    }
    budget -= usable;
    at = at + usable;
  }
  return std::nullopt;
}

}  // namespace

std::string type_name(const MemoryReader& memory, Address type_info) {
  const auto line = mangled_line(memory, type_info);
  return line.empty() ? std::string() : demangled_type(line.front());
}

std::optional<ThrownException> read_exception(const MemoryReader& memory, Address header) {
  const auto exception_class = memory.load<uint64_t>(header);
  if (!exception_class || !is_exception_class(*exception_class)) return std::nullopt;
  ThrownException exception;
  exception.header = header;
  exception.object = header + kObjectBehind;
  if ((*exception_class & 1) != 0) {
    // A dependent exception refers to the object that was thrown first, right behind its own
    // header.
    const auto object = memory.load_pointer(header - kAdjustedBefore);
    if (!object) return std::nullopt;
    const auto first = memory.load<uint64_t>(*object - kObjectBehind);
    if (!first || !is_exception_class(*first) || (*first & 1) != 0) return std::nullopt;
    exception.object = *object;
  }
  const auto type_info = memory.load_pointer(exception.object - kObjectBehind - kTypeInfoBefore);
  if (!type_info || type_info->value < 4096) return std::nullopt;
  const auto line = mangled_line(memory, *type_info);
  if (!line.empty()) exception.type = demangled_type(line.front());
  exception.what = read_what(memory, line, exception.object);
  return exception;
}

std::optional<ThrownException> find_exception(const ExceptionSearch& search) {
  const MemoryReader& memory = search.memory;
  if (search.thread_pointer) {
    // The TLS block lies below the thread pointer on x86-64 and above it on AArch64.
    const Address tp(search.thread_pointer->value & ~uint64_t{7});
    const AddressRange block = search.arch == isa::Arch::kX86_64
                                   ? AddressRange{tp - std::min(kMaxTls, tp.value), tp}
                                   : AddressRange{tp, tp + kMaxTls};
    if (auto found = find_pointed_at(memory, block, "the thread's exception globals")) return found;
  }
  AddressRange words = search.stack_words;
  words.start = Address((words.start.value + 7) & ~uint64_t{7});
  if (words.start < words.end) {
    words.end = std::min(words.end, words.start + kMaxStackWords);
    if (auto found = find_pointed_at(memory, words, "its stack")) return found;
  }
  uint64_t budget = kMaxHeapScan;
  for (const AddressRange& range : search.heap) {
    if (auto found = scan(memory, range, budget)) return found;
  }
  return std::nullopt;
}

std::optional<Fact> find_handled_exception(const Site& site) {
  const auto tp = site.registers().get(site.arch() == isa::Arch::kX86_64 ? isa::x86::kFsBase
                                                                         : isa::a64::kTpidr);
  if (!tp) return std::nullopt;
  const auto exception = find_exception({.memory = site.modules.memory(),
                                         .arch = site.arch(),
                                         .thread_pointer = Address(*tp),
                                         .stack_words = {},
                                         .heap = {}});
  if (!exception || exception->type.empty()) return std::nullopt;
  Fact fact{
      .statement = fmt::format("the thread was handling a C++ exception: {}", exception->type),
      .evidence = {}};
  if (!exception->what.empty()) fact.statement += ": " + exception->what;
  fact.evidence.push_back({Evidence::Kind::kMemory,
                           fmt::format("exception object at {}, found through {}",
                                       to_hex(exception->object), exception->found),
                           exception->object, std::nullopt});
  return fact;
}

}  // namespace inquest::diagnosis
