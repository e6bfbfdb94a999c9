#include "lab/audit/native_module.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/words.h"
#include "platform/os/mapped_file.h"

namespace inquest::audit {
namespace {

constexpr size_t kMaxNames = 1 << 20;

bool is_node_api(std::string_view name) {
  return name.starts_with("napi_") || name.starts_with("node_api_");
}

// Mangled names of namespaces v8 and node.
bool is_v8(std::string_view name) {
  return name.starts_with("_ZN2v8") || name.starts_with("_ZNK2v8") ||
         name.starts_with("_ZN4node") || name == "node_module_register";
}

bool is_python(std::string_view name) { return name.starts_with("Py") || name.starts_with("_Py"); }

Format format_of(ByteView bytes) {
  const auto magic = load<uint32_t>(bytes, 0);
  if (!magic) return Format::kOther;
  constexpr std::array<uint32_t, 6> kMachO = {0xfeedface, 0xfeedfacf, 0xcefaedfe,
                                              0xcffaedfe, 0xcafebabe, 0xbebafeca};
  if (*magic == 0x464c457f)
    return bytes.size() > 4 && bytes[4] == ELFCLASS32 ? Format::kElf32 : Format::kElf;
  if (std::ranges::find(kMachO, *magic) != kMachO.end()) return Format::kMachO;
  return (*magic & 0xffff) == 0x5a4d ? Format::kPe : Format::kOther;
}

void split(std::string_view paths, std::vector<std::string>& into) {
  while (!paths.empty()) {
    const size_t end = std::min(paths.find(':'), paths.size());
    if (end != 0) into.emplace_back(paths.substr(0, end));
    paths.remove_prefix(std::min(end + 1, paths.size()));
  }
}

// An add-on of both interfaces is bound to V8's: it fits one major version alone.
Api api_of(const NativeModule& module, bool has_node_entry, bool has_python_entry) {
  const auto any = [&](bool (*is)(std::string_view)) {
    return std::ranges::any_of(module.imports, is);
  };
  if (any(is_v8)) return Api::kV8;
  if (any(is_node_api) || has_node_entry) return Api::kNodeApi;
  if (has_python_entry || any(is_python)) return Api::kPython;
  return Api::kNone;
}

void read_names(const elf::File& file, NativeModule& module) {
  bool node_entry = false, python_entry = false;
  file.for_each_dynamic_symbol([&](const elf::Symbol& symbol) {
    if (symbol.name.empty()) return true;
    if (symbol.section != SHN_UNDEF) {
      node_entry = node_entry || symbol.name == "napi_register_module_v1";
      python_entry = python_entry || symbol.name.starts_with("PyInit_");
    } else if (symbol.binding != STB_WEAK) {
      module.imports.emplace_back(symbol.name);
    }
    return module.imports.size() < kMaxNames;
  });
  module.api = api_of(module, node_entry, python_entry);
}

void read_elf(const elf::File& file, NativeModule& module) {
  module.machine = file.machine();
  module.interpreter = file.interpreter().value_or("");
  module.soname = file.dynamic_string(DT_SONAME).value_or("");
  for (const auto name : file.dynamic_strings(DT_NEEDED)) module.needed.emplace_back(name);
  // DT_RUNPATH takes the place of DT_RPATH.
  const auto runpath = file.dynamic_string(DT_RUNPATH);
  module.search_is_inherited = !runpath;
  split(runpath ? *runpath : file.dynamic_string(DT_RPATH).value_or(""), module.search);
  for (const elf::VersionNeed& need : file.needed_versions()) {
    module.versions.emplace_back(need.library, need.version);
  }
  read_names(file, module);
  if (module.api == Api::kV8) module.node_abi = node_abi_of(file);
  if (const auto id = file.build_id()) module.build_id = id->hex();
  module.has_symbols = std::ranges::any_of(
      file.sections(), [](const elf::Section& section) { return section.type == SHT_SYMTAB; });
  module.has_debug_info = file.has_debug_info();
  if (file.truncated() != 0) {
    module.damage = fmt::format("{} bytes are missing at its end", file.truncated());
  }
}

// Where the loader will write addresses: offsets of .rela.dyn, in order.
std::vector<uint64_t> relocated_places(const elf::File& file) {
  std::vector<uint64_t> places;
  const auto data = file.section_data(".rela.dyn");
  if (!data.ok()) return places;
  for (uint64_t at = 0; places.size() < kMaxNames; at += sizeof(Elf64_Rela)) {
    const auto entry = load<Elf64_Rela>(data->bytes(), at);
    if (!entry) break;
    places.push_back(entry->r_offset);
  }
  std::ranges::sort(places);
  return places;
}

// struct node_module of node.h: version, flags, handle, file name, two entries of which one is
// there, name of the module, private data, link.
std::optional<int> version_of_structure(const elf::File& file, uint64_t start,
                                        const std::vector<uint64_t>& places) {
  constexpr uint64_t kSize = 64, kHandle = 8, kFile = 16, kEntry = 24, kEntry2 = 32, kName = 40,
                     kPrivate = 48, kLink = 56;
  constexpr int kLeast = 11, kMost = 999;  // 11: Node 0.10
  constexpr uint32_t kMostFlags = 16;
  const auto is_pointer = [&](uint64_t at) {
    return std::ranges::binary_search(places, start + at);
  };
  const auto bytes = file.bytes_at_vaddr(start, kSize);
  if (!bytes) return std::nullopt;
  const auto version = load<int32_t>(*bytes, 0);
  const auto flags = load<uint32_t>(*bytes, 4);
  const auto zero = [&](uint64_t at) {
    return load<uint64_t>(*bytes, at) == uint64_t{0} && !is_pointer(at);
  };
  if (!version || *version < kLeast || *version > kMost || *flags > kMostFlags) return std::nullopt;
  if (!is_pointer(kFile) || !is_pointer(kName) || is_pointer(kEntry) == is_pointer(kEntry2))
    return std::nullopt;
  if (!zero(kHandle) || !zero(kPrivate) || !zero(kLink)) return std::nullopt;
  return *version;
}

}  // namespace

std::string_view to_string(Api api) {
  switch (api) {
    case Api::kNone:
      return "library";
    case Api::kNodeApi:
      return "node-api";
    case Api::kV8:
      return "v8";
    case Api::kPython:
      return "python";
  }
  return "library";
}

std::string machine_name(uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "AArch64";
    case EM_386:
      return "x86 (32-bit)";
    case EM_ARM:
      return "ARM (32-bit)";
    case EM_RISCV:
      return "RISC-V";
    case EM_PPC64:
      return "PowerPC 64";
    case EM_S390:
      return "s390x";
    default:
      return fmt::format("machine {}", machine);
  }
}

uint16_t machine_here() {
#if defined(__x86_64__)
  return EM_X86_64;
#else
  return EM_AARCH64;
#endif
}

std::optional<int> node_abi_of(const elf::File& file) {
  constexpr std::string_view kEntry = "node_register_module_v";
  std::optional<int> version;
  file.for_each_dynamic_symbol([&](const elf::Symbol& symbol) {
    if (symbol.section != SHN_UNDEF && symbol.name.starts_with(kEntry)) {
      version = number<int>(symbol.name.substr(kEntry.size()));
    }
    return !version;
  });
  if (version) return version;
  constexpr uint64_t kFile = 16;
  const std::vector<uint64_t> places = relocated_places(file);
  for (const uint64_t place : places) {
    if (place < kFile) continue;
    version = version_of_structure(file, place - kFile, places);
    if (version) return version;
  }
  return std::nullopt;
}

Result<NativeModule> read_native_module(const std::string& path) {
  INQ_TRY(const os::MappedFile mapped, os::MappedFile::open(path));
  NativeModule module;
  module.path = path;
  module.format = format_of(mapped.bytes());
  if (module.format == Format::kElf32)
    module.machine = load<uint16_t>(mapped.bytes(), 18).value_or(0);
  if (module.format != Format::kElf) return module;
  const auto file = elf::File::parse(mapped.bytes());
  if (file.ok()) {
    read_elf(*file, module);
  } else {
    module.damage = file.error().message();
  }
  return module;
}

Result<std::vector<std::string>> read_exports(const std::string& path) {
  INQ_TRY(const os::MappedFile mapped, os::MappedFile::open(path));
  INQ_TRY(const elf::File file, elf::File::parse(mapped.bytes()));
  std::vector<std::string> names;
  file.for_each_dynamic_symbol([&](const elf::Symbol& symbol) {
    if (symbol.section != SHN_UNDEF && symbol.binding != STB_LOCAL) names.emplace_back(symbol.name);
    return names.size() < kMaxNames;
  });
  return names;
}

}  // namespace inquest::audit
