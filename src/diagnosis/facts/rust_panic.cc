#include "diagnosis/facts/rust_panic.h"

#include <algorithm>
#include <array>

#include "diagnosis/facts/abort_text.h"
#include "diagnosis/facts/call_arguments.h"

namespace inquest::diagnosis {
namespace {

using process::MemoryReader;

constexpr uint64_t kMaxPath = 1024;
constexpr uint64_t kMaxMessage = 16 * 1024;
constexpr uint32_t kMaxLine = 10'000'000;
constexpr uint64_t kMaxStackScan = 64 * 1024;

std::optional<std::string> read_slice(const MemoryReader& memory, Address data, uint64_t size,
                                      uint64_t max) {
  if (size == 0 || size > max || data.value < 4096) return std::nullopt;
  std::string text(size, '\0');
  const auto got = memory.read(data, {reinterpret_cast<uint8_t*>(text.data()), size});
  if (got.size != size || !is_plausible_text(text)) return std::nullopt;
  return text;
}

bool is_library_path(const std::string& file) {
  return file.starts_with("/rustc/") || file.find("/library/") != std::string::npos;
}

struct Entry {
  size_t machinery = 0;  // the outermost frame of the panic machinery
  size_t caller = 0;     // the frame that called into it
};

bool is_panic_frame(const FrameFact& frame) {
  return std::all_of(
      frame.functions.begin(), frame.functions.end(),
      [](const FunctionFact& function) { return is_panic_function(function.short_name); });
}

std::optional<Entry> find_entry(const StackFacts& frames, size_t from) {
  std::optional<Entry> entry;
  for (size_t i = from; i < frames.frames.size(); ++i) {
    if (!is_panic_frame(frames.frames[i])) {
      if (entry) return entry;
      continue;
    }
    entry = Entry{i, i + 1};
  }
  return entry && entry->caller < frames.frames.size() ? entry : std::nullopt;
}

// The location is passed by reference as the last argument; messages of fixed text are passed as
// (pointer, length).
void read_arguments(const MemoryReader& memory, const CallArguments& arguments, Panic& panic) {
  for (unsigned n = kRegisterArguments; n-- > 0;) {
    if (panic.location || !arguments.values[n]) continue;
    panic.location = read_panic_location(memory, Address(*arguments.values[n]));
    if (panic.location) panic.location_address = Address(*arguments.values[n]);
  }
  if (!panic.message.empty()) return;
  for (unsigned n = 0; n + 1 < kRegisterArguments; ++n) {
    if (!arguments.values[n] || !arguments.values[n + 1]) continue;
    auto text =
        read_slice(memory, Address(*arguments.values[n]), *arguments.values[n + 1], kMaxMessage);
    if (!text) continue;
    panic.message = *std::move(text);
    panic.message_address = Address(*arguments.values[n]);
    return;
  }
}

// While a panic is reported, its formatted message is a String in a frame of the machinery:
// {capacity, pointer, length} in an order that the compiler chose.
void find_message_on_stack(const process::ProcessImage& image, const MemoryReader& memory,
                           AddressRange words, Panic& panic) {
  words.end = std::min(words.end, words.start + kMaxStackScan);
  for (Address at((words.start.value + 7) & ~uint64_t{7}); at + 24 <= words.end; at = at + 8) {
    const auto a = memory.load<uint64_t>(at), b = memory.load<uint64_t>(at + 8),
               c = memory.load<uint64_t>(at + 16);
    if (!a || !b || !c) return;
    const std::array<std::array<uint64_t, 3>, 2> orders = {{{*a, *b, *c}, {*b, *a, *c}}};
    for (const auto& [capacity, data, size] : orders) {
      if (size == 0 || size > capacity || capacity > kMaxMessage || words.contains(Address(data)))
        continue;
      const process::Mapping* mapping = image.mapping_at(Address(data));
      if (mapping == nullptr || !mapping->path.empty())
        continue;  // Strings live in anonymous memory
      if (mapping->protection && !mapping->protection->write) continue;
      auto text = read_slice(memory, Address(data), size, kMaxMessage);
      constexpr size_t kShortest = 2;
      if (!text || text->size() < kShortest) continue;
      panic.message = *std::move(text);
      panic.message_address = Address(data);
      return;
    }
  }
}

// A location whose address stands on the stack: for callers whose code says nothing (register
// moves, tail calls).
void find_location_on_stack(const MemoryReader& memory, AddressRange words, Panic& panic) {
  words.end = std::min(words.end, words.start + kMaxStackScan);
  for (Address at((words.start.value + 7) & ~uint64_t{7}); at + 8 <= words.end; at = at + 8) {
    const auto word = memory.load_pointer(at);
    if (!word) return;
    auto location = read_panic_location(memory, *word);
    if (!location) continue;
    // The library's own places are kept only for want of better.
    const bool library = is_library_path(location->file);
    if (library && panic.location) continue;
    panic.location = std::move(location);
    panic.location_address = *word;
    if (!library) return;
  }
}

}  // namespace

bool is_panic_function(std::string_view name) {
  static constexpr std::array<std::string_view, 22> kPrefixes = {
      "core::panicking::",
      "std::panicking::",
      "rust_panic",
      "rust_begin_unwind",
      "__rust_start_panic",
      "__rustc::",
      "panic_abort::",
      "panic_unwind::",
      "std::rt::begin_panic",
      "std::rt::panic_fmt",
      "core::option::unwrap_failed",
      "core::option::expect_",
      "core::result::unwrap_failed",
      "core::cell::panic_",
      "core::slice::index::slice_",
      "core::str::slice_error_fail",
      "std::sys::backtrace::__rust_end_short_backtrace",
      "std::sys_common::backtrace::__rust_end_short_backtrace",
      "std::panic::",
      "core::slice::copy_from_slice",
      "alloc::alloc::handle_alloc_error",
      "core::panic::"};
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

std::optional<PanicLocation> read_panic_location(const MemoryReader& memory, Address address) {
  if (address.value < 4096 || address.value % 8 != 0) return std::nullopt;
  const auto data = memory.load_pointer(address);
  auto size = memory.load<uint64_t>(address + 8);
  const auto line = memory.load<uint32_t>(address + 16),
             column = memory.load<uint32_t>(address + 20);
  if (!data || !size || !line || !column || *line == 0 || *line > kMaxLine || *column > kMaxLine)
    return std::nullopt;
  auto file = read_slice(memory, *data, *size, kMaxPath);
  if (!file) return std::nullopt;
  // Since 1.89 the text carries a NUL that the length counts in some releases.
  while (!file->empty() && file->back() == '\0') file->pop_back();
  if (!file->ends_with(".rs")) return std::nullopt;
  return PanicLocation{*std::move(file), *line, *column};
}

std::optional<Panic> find_panic(const process::ProcessImage& image,
                                const process::ModuleSet& modules, process::Symbolizer& symbols,
                                const process::Stack& stack, const StackFacts& frames,
                                size_t from) {
  const auto entry = find_entry(frames, from);
  if (!entry || entry->caller >= stack.frames.size()) return std::nullopt;
  const MemoryReader& memory = modules.memory();
  Panic panic;
  // The machinery's own calls pass the location on; the innermost call from outside has the user's.
  read_arguments(memory,
                 constant_arguments(modules, symbols, image.arch, stack.frames[entry->caller].pc),
                 panic);
  const auto start = stack.frames[from].registers.sp();
  const auto end = stack.frames[entry->machinery].cfa ? stack.frames[entry->machinery].cfa
                                                      : stack.frames[entry->caller].registers.sp();
  if (start && end && *start < *end) {
    const AddressRange words{*start, *end};
    if (panic.message.empty()) find_message_on_stack(image, memory, words, panic);
    if (!panic.location || is_library_path(panic.location->file)) {
      Panic other;
      find_location_on_stack(memory, words, other);
      if (other.location) {
        panic.location = other.location;
        panic.location_address = other.location_address;
      }
    }
  }
  return panic;
}

std::optional<Panic> find_unnamed_panic(const process::ProcessImage& image,
                                        const MemoryReader& memory, AddressRange words) {
  Panic panic;
  find_location_on_stack(memory, words, panic);
  if (!panic.location) return std::nullopt;
  find_message_on_stack(image, memory, words, panic);
  return panic;
}

}  // namespace inquest::diagnosis
