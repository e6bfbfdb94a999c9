#include "process/modules/symbol_store.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "binary/breakpad/identity.h"
#include "platform/os/mapped_file.h"
#include "process/modules/identity.h"
#include "process/modules/paths.h"

namespace inquest::process {
namespace {

constexpr size_t kMaxIdsNamed = 3;
constexpr size_t kMaxBuildsLookedAt = 4096;  // directories of one name in a store

// What a MODULE record calls our two processors.
bool is_for(isa::Arch arch, const breakpad::Header& header) {
  const bool x86 = header.arch == "x86_64" || header.arch == "x86_64h";
  return arch == isa::Arch::kX86_64 ? x86 : header.arch == "arm64" || header.arch == "aarch64";
}

bool exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error) && !error;
}

class SymbolSearch {
 public:
  SymbolSearch(const SearchContext& context, const Module& module, const OpenedFile* binary)
      : context_(context), module_(module) {
    if (module.build_id) wanted_ = *module.build_id;
    if (binary == nullptr) return;
    // The binary at hand was held against the process: it knows the whole id.
    if (binary->build_id()) {
      wanted_ = *binary->build_id();
    } else if (wanted_.empty()) {
      wanted_ = identity_by_code(binary->elf()).value_or(BuildId());
    }
  }

  FoundSymbols run() {
    const std::string& name = module_.name;
    if (name.empty() || !is_safe(name) || name.find('/') != std::string::npos) return {};
    const std::string id = breakpad::debug_id(wanted_);
    for (const std::string& directory : context_.options.debug_dirs) {
      const std::string builds = join(directory, name);
      if (!id.empty() && try_path(fmt::format("{}/{}/{}.sym", builds, id, name))) break;
      if (try_path(join(directory, name) + ".sym")) break;
      note_other_builds(builds, id);
    }
    return std::move(found_);
  }

 private:
  bool try_path(const std::string& path) {
    if (!exists(path)) return false;
    if (wanted_.empty()) {
      note(fmt::format("{} is not used: the build of {} that ran is unknown, so it cannot be "
                       "verified",
                       path, module_.name),
           "");
      return false;
    }
    const auto header = header_of(path);
    if (!header.ok()) {
      note(fmt::format("{}: {}", path, header.error().message()), "make it again with dump_syms");
      return false;
    }
    if (!is_this_build(*header)) {
      note(fmt::format(
               "{} is not of the {} that crashed and is not used: its id is {}, wanted is {}", path,
               module_.name, header->id, breakpad::debug_id(wanted_)),
           "give the symbols of the build that crashed with --debug-dir");
      return false;
    }
    if (!is_for(context_.image.arch, *header)) {
      note(fmt::format("{} is for another architecture ({}) and is not used", path, header->arch),
           "");
      return false;
    }
    auto file = breakpad::SymbolFile::open(path);
    if (!file.ok()) {
      note(file.error().message(), "");
      return false;
    }
    found_.file = std::move(*file);
    return true;
  }

  static Result<breakpad::Header> header_of(const std::string& path) {
    INQ_TRY(const os::MappedFile file, os::MappedFile::open(path));
    const ByteView bytes = file.bytes();
    return breakpad::read_header({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }

  // The 16 bytes of the id, and the whole build-id where both sides know it.
  bool is_this_build(const breakpad::Header& header) const {
    if (!breakpad::names_build(header.id, wanted_)) return false;
    const auto whole = BuildId::from_hex(header.code_id);
    return !whole || whole->bytes().size() != wanted_.bytes().size() || *whole == wanted_;
  }

  void note_other_builds(const std::string& builds, const std::string& id) {
    std::vector<std::string> ids;
    std::error_code error;
    size_t looked_at = 0;
    for (std::filesystem::directory_iterator at(builds, error), end; !error && at != end;
         at.increment(error)) {
      if (++looked_at > kMaxBuildsLookedAt) break;
      const std::string name = at->path().filename().string();
      if (exists(fmt::format("{}/{}.sym", at->path().string(), module_.name))) ids.push_back(name);
    }
    std::erase(ids, id);
    if (ids.empty()) return;
    std::sort(ids.begin(), ids.end());
    const size_t more = ids.size() > kMaxIdsNamed ? ids.size() - kMaxIdsNamed : 0;
    ids.resize(ids.size() - more);
    note(fmt::format("{} holds symbols of other builds only ({}{}), wanted is {}", builds,
                     fmt::join(ids, ", "), more == 0 ? "" : fmt::format(" and {} more", more),
                     id.empty() ? "unknown" : id),
         "give the symbols of the build that crashed with --debug-dir");
  }

  void note(std::string text, std::string advice) {
    found_.notes.push_back({std::move(text), std::move(advice)});
  }

  const SearchContext& context_;
  const Module& module_;
  BuildId wanted_;
  FoundSymbols found_;
};

}  // namespace

FoundSymbols find_symbols(const SearchContext& context, const Module& module,
                          const OpenedFile* binary) {
  return SymbolSearch(context, module, binary).run();
}

}  // namespace inquest::process
