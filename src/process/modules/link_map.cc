// struct r_debug and struct link_map: <link.h>, unchanged since SVR4 on 64-bit Linux.
#include "process/modules/link_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "process/modules/compare.h"
#include "process/modules/image_header.h"
#include "process/modules/opened_file.h"
#include "process/modules/paths.h"

namespace inquest::process {
namespace {

constexpr uint16_t kEmX86_64 = 62, kEmAArch64 = 183;
constexpr uint64_t kAtPhdr = 3, kAtBase = 7;
constexpr uint32_t kPtDynamic = 2, kPtPhdr = 6;
constexpr uint64_t kDtDebug = 21;
constexpr size_t kMaxModules = 4096;
constexpr size_t kMaxDynamicEntries = 4096;
constexpr uint64_t kMaxPath = 4096;

// The main program: its headers, wherever they could be had, and where it was loaded.
struct Program {
  std::unique_ptr<OpenedFile> file;
  std::optional<elf::File> in_memory;
  uint64_t bias = 0;

  const elf::File& elf() const { return file ? file->elf() : *in_memory; }
};

class Reader {
 public:
  Reader(const ProcessImage& image, const std::string& executable, const std::string& sysroot)
      : image_(image), memory_(*image.memory), executable_(executable), sysroot_(sysroot) {}

  LinkMap run() {
    const auto program = find_program();
    if (!program) {
      result_.notes.push_back(
          {"the core does not name the files it had mapped, and its program was "
           "not found: modules are unknown",
           "give the program with --exe"});
      return std::move(result_);
    }
    Discovered main;
    main.path = image_.executable;
    main.bias = program->bias;
    main.range = span_of(program->elf(), program->bias);
    main.build_id = build_id_in_memory(memory_, program->elf(), program->bias);
    main.is_main = true;
    result_.modules.push_back(std::move(main));
    walk(*program);
    return std::move(result_);
  }

 private:
  std::optional<Program> find_program() const {
    const auto entry = image_.auxv.find(kAtPhdr);
    if (entry == image_.auxv.end()) return std::nullopt;
    const Address headers(entry->second);
    Program program;
    program.in_memory = header_in_memory(memory_, headers.page());
    if (program.in_memory) {
      program.bias = bias_of(*program.in_memory, headers.page());
      return program;
    }
    const uint16_t machine = image_.arch == isa::Arch::kX86_64 ? kEmX86_64 : kEmAArch64;
    for (const auto& [path, is_guess] : candidates()) {
      auto file = OpenedFile::open(path);
      if (!file.ok() || (*file)->elf().machine() != machine) continue;
      program.bias = bias_by_headers((*file)->elf(), headers);
      const Comparison same = compare_with_memory((*file)->elf(), program.bias, memory_);
      if (same == Comparison::kDisagrees || (is_guess && same != Comparison::kAgrees)) continue;
      program.file = std::move(*file);
      return program;
    }
    return std::nullopt;
  }

  // AT_PHDR is where the program headers lie: at e_phoff, which PT_PHDR repeats as an address.
  static uint64_t bias_by_headers(const elf::File& file, Address headers) {
    for (const elf::Segment& segment : file.segments()) {
      if (segment.type == kPtPhdr) return headers.value - segment.vaddr;
    }
    return bias_of(file, headers.page());
  }

  struct Candidate {
    std::string path;
    bool is_guess = false;  // only its contents can tell that it is the one
  };

  std::vector<Candidate> candidates() const {
    std::vector<Candidate> paths;
    const std::string& name = image_.executable;
    const std::string directory = directory_of(image_.source);
    if (!executable_.empty()) paths.push_back({executable_});
    if (!name.empty()) {
      if (name.starts_with('/') && !sysroot_.empty() && is_safe(name)) {
        paths.push_back({join(sysroot_, name)});
      }
      paths.push_back({name});
      paths.push_back({join(directory, name)});
      paths.push_back({join(directory, base_name(name)), true});
    }
    // A truncated core has lost the stack, and AT_EXECFN with it.
    if (!image_.command.empty() && image_.command.find('/') == std::string::npos) {
      paths.push_back({join(directory, image_.command), true});
      paths.push_back({image_.command, true});
    }
    return paths;
  }

  std::optional<uint64_t> dynamic_value(const Program& program, uint64_t tag) const {
    for (const elf::Segment& segment : program.elf().segments()) {
      if (segment.type != kPtDynamic) continue;
      Address at(segment.vaddr + program.bias);
      for (size_t i = 0; i < kMaxDynamicEntries; ++i, at = at + 16) {
        const auto entry_tag = memory_.load<uint64_t>(at);
        const auto value = memory_.load<uint64_t>(at + 8);
        if (!entry_tag || !value || *entry_tag == 0) break;
        if (*entry_tag == tag) return value;
      }
    }
    return std::nullopt;
  }

  void walk(const Program& program) {
    const auto debug = dynamic_value(program, kDtDebug);
    if (!debug || *debug == 0) {
      if (is_dynamic(program)) {
        result_.notes.push_back(
            {"ld.so's list of libraries is not in the core, or the program is not "
             "the one that crashed: libraries are unknown",
             "give the right program with --exe"});
      }
      return;
    }
    auto next = memory_.load_pointer(Address(*debug) + 8);
    std::set<Address> seen;
    while (next && !next->is_null() && seen.size() < kMaxModules && seen.insert(*next).second) {
      add(*next, program);
      next = memory_.load_pointer(*next + 24);
    }
  }

  static bool is_dynamic(const Program& program) {
    const auto& segments = program.elf().segments();
    return std::any_of(segments.begin(), segments.end(),
                       [](const auto& segment) { return segment.type == kPtDynamic; });
  }

  void add(Address link, const Program& program) {
    const auto bias = memory_.load<uint64_t>(link);
    const auto name = memory_.load_pointer(link + 8);
    const auto dynamic = memory_.load_pointer(link + 16);
    if (!bias || !name || !dynamic) return;
    Discovered found;
    found.path = memory_.load_c_string(*name, kMaxPath).value_or("");
    // ld.so's own name is the PT_INTERP of the program, in a page that need not be dumped.
    const auto base = image_.auxv.find(kAtBase);
    if (found.path.empty() && base != image_.auxv.end() && base->second != 0 &&
        base->second == *bias) {
      found.path = program.elf().interpreter().value_or("");
    }
    if (found.path.empty() || found.path[0] != '/') return;  // the program; the vdso
    found.bias = *bias;
    const Mapping* mapping = image_.mapping_at(*dynamic);
    if (mapping != nullptr && mapping->path.starts_with('/')) found.path = mapping->path;  // real
    if (!place(found, *dynamic)) return;
    result_.modules.push_back(std::move(found));
  }

  // Range and build-id: by the header in memory, else by the file, else from the first mapping to
  // the one that holds the dynamic section.
  bool place(Discovered& found, Address dynamic) const {
    if (const auto header = header_in_memory(memory_, Address(found.bias))) {
      found.range = span_of(*header, found.bias);
      found.build_id = build_id_in_memory(memory_, *header, found.bias);
      return true;
    }
    if (is_safe(found.path)) {
      for (const std::string& prefix : library_prefixes(image_, sysroot_)) {
        const auto file = OpenedFile::open(prefix + found.path);
        if (!file.ok()) continue;
        found.range = span_of((*file)->elf(), found.bias);
        if (found.range.contains(dynamic)) return true;
      }
    }
    // Libraries are linked at 0, so the bias is where they begin; a prelinked one has none, and its
    // text stays unknown.
    const Mapping* last = image_.mapping_at(dynamic);
    if (last == nullptr || last->range.end.value <= found.bias) return false;
    found.range = {found.bias == 0 ? last->range.start : Address(found.bias), last->range.end};
    const Mapping* data = image_.mapping_at(last->range.end);
    if (data != nullptr && data->path == last->path) found.range.end = data->range.end;
    return true;
  }

  const ProcessImage& image_;
  const MemoryReader& memory_;
  const std::string& executable_;
  const std::string& sysroot_;
  LinkMap result_;
};

}  // namespace

std::vector<std::string> library_prefixes(const ProcessImage& image, const std::string& sysroot) {
  if (!sysroot.empty()) return {sysroot};
  std::vector<std::string> prefixes;
  if (image.producer == Producer::kQemuUser) {
    if (const char* prefix = std::getenv("QEMU_LD_PREFIX")) prefixes.emplace_back(prefix);
    prefixes.push_back(fmt::format("/usr/{}-linux-gnu", to_string(image.arch)));
  }
  prefixes.emplace_back();
  return prefixes;
}

LinkMap read_link_map(const ProcessImage& image, const std::string& executable,
                      const std::string& sysroot) {
  return Reader(image, executable, sysroot).run();
}

}  // namespace inquest::process
