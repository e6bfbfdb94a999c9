#include "process/runtime/v8/find.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace inquest::process::v8 {
namespace {

constexpr uint64_t kMaxVersionText = 32;

bool may_hold_v8(const Module& module) {
  return module.is_main || module.name.starts_with("libnode.so") ||
         module.name.starts_with("libv8");
}

bool is_version(std::string_view text) {
  return !text.empty() && text[0] >= '0' && text[0] <= '9' &&
         std::count(text.begin(), text.end(), '.') == 2 &&
         text.find_first_not_of("0123456789.") == std::string_view::npos;
}

// node::per_process::metadata begins with the version, a std::string: of today's kind, with its
// length, or of that before GCC 5, a pointer to the characters alone.
std::optional<std::string> node_version(const Module& module, const MemoryReader& memory) {
  const auto symbol = module.binary()->find_dynamic_symbol("_ZN4node11per_process8metadataE");
  if (!symbol) return std::nullopt;
  const auto text = memory.load_pointer(module.to_process(symbol->value));
  if (!text) return std::nullopt;
  const auto version = memory.load_c_string(*text, kMaxVersionText);
  return version && is_version(*version) ? version : std::nullopt;
}

ByteView constants_of(const elf::File& binary) {
  const auto* section = binary.find_section(".rodata");
  if (section == nullptr) return {};
  return slice(binary.bytes(), section->offset, section->size).value_or(ByteView());
}

}  // namespace

Result<Found> find(const ModuleSet& modules) {
  for (const auto& module : modules.all()) {
    if (!may_hold_v8(*module)) continue;
    const elf::File* binary = module->binary();
    if (binary == nullptr) {
      if (!module->name.starts_with("node") && !module->name.starts_with("libnode")) continue;
      return Error(ErrorCode::kNotFound,
                   fmt::format("{} was not found, and V8's objects cannot be read without it",
                               module->name));
    }
    auto metadata = Metadata::read(*binary);
    if (!metadata.ok()) {
      if (metadata.error().message().empty()) continue;
      return std::move(metadata).error();
    }
    Found found{.module = module.get(),
                .layout = {},
                .constants = constants_of(*binary),
                .name = "V8 " + to_string(metadata->version()),
                .how = fmt::format("the symbols v8dbg_* of {}", module->name)};
    INQ_TRY(found.layout, make_layout(*metadata));
    if (const auto version = node_version(*module, modules.memory()))
      found.name = fmt::format("Node.js {} ({})", *version, found.name);
    return found;
  }
  return Error(ErrorCode::kNotFound, "");
}

}  // namespace inquest::process::v8
