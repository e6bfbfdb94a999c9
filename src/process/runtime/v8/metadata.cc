#include "process/runtime/v8/metadata.h"

#include <fmt/format.h>

#include <array>

namespace inquest::process::v8 {
namespace {

constexpr std::string_view kPrefix = "v8dbg_";
constexpr std::string_view kAlwaysThere = "v8dbg_SmiTag";
constexpr size_t kMaxConstants = 4096;
constexpr uint32_t kPtLoad = 1;
constexpr int32_t kMaxVersionPart = 100000;

// The initial value of a variable: of what lies behind the file's bytes (.bss) it is zero.
std::optional<int32_t> initial_value(const elf::File& binary, uint64_t address) {
  if (const auto bytes = binary.bytes_at_vaddr(address, sizeof(int32_t)))
    return load<int32_t>(*bytes);
  for (const elf::Segment& segment : binary.segments()) {
    if (segment.type != kPtLoad || address < segment.vaddr) continue;
    const uint64_t offset = address - segment.vaddr;
    if (offset >= segment.file_size && offset < segment.memory_size) return 0;
  }
  return std::nullopt;
}

std::optional<int32_t> variable(const elf::File& binary, std::string_view name) {
  const auto symbol = binary.find_dynamic_symbol(name);
  return symbol ? initial_value(binary, symbol->value) : std::nullopt;
}

Result<Version> version_of(const elf::File& binary) {
  // v8::internal::Version::major_ and so on.
  constexpr std::array<std::string_view, 4> kNames = {
      "_ZN2v88internal7Version6major_E", "_ZN2v88internal7Version6minor_E",
      "_ZN2v88internal7Version6build_E", "_ZN2v88internal7Version6patch_E"};
  std::array<int32_t, 4> parts = {};
  for (size_t i = 0; i < kNames.size(); ++i) {
    const auto part = variable(binary, kNames[i]);
    if (!part || *part < 0 || *part > kMaxVersionPart)
      return Error(ErrorCode::kUnsupported, "a V8 that does not tell its version");
    parts[i] = *part;
  }
  return Version{parts[0], parts[1], parts[2], parts[3]};
}

}  // namespace

std::string to_string(const Version& version) {
  return fmt::format("{}.{}.{}.{}", version.major, version.minor, version.build, version.patch);
}

Result<Metadata> Metadata::read(const elf::File& binary) {
  if (!binary.find_dynamic_symbol(kAlwaysThere)) return Error(ErrorCode::kNotFound, "");
  Metadata metadata;
  INQ_TRY(metadata.version_, version_of(binary));
  binary.for_each_dynamic_symbol([&](const elf::Symbol& symbol) {
    if (symbol.section == 0 || !symbol.name.starts_with(kPrefix)) return true;
    if (const auto value = initial_value(binary, symbol.value))
      metadata.constants_.emplace(symbol.name.substr(kPrefix.size()), *value);
    return metadata.constants_.size() < kMaxConstants;
  });
  return metadata;
}

std::optional<int32_t> Metadata::constant(std::string_view name) const {
  const auto at = constants_.find(name);
  return at == constants_.end() ? std::nullopt : std::optional(at->second);
}

std::optional<int32_t> Metadata::field(std::string_view class_name, std::string_view field) const {
  const std::string start = fmt::format("class_{}__{}__", class_name, field);
  const auto at = constants_.lower_bound(start);
  if (at == constants_.end() || !at->first.starts_with(start)) return std::nullopt;
  return at->second;
}

}  // namespace inquest::process::v8
