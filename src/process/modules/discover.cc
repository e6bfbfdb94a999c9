#include "process/modules/discover.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "process/modules/image_header.h"
#include "process/modules/link_map.h"
#include "process/modules/opened_file.h"
#include "process/modules/paths.h"

namespace inquest::process {
namespace {

constexpr uint64_t kPage = 0xfff;
constexpr uint64_t kAtPhdr = 3, kAtEntry = 9, kAtSysinfoEhdr = 33;
constexpr uint32_t kPtLoad = 1, kExecute = 1, kWrite = 2;
constexpr std::string_view kDeleted = " (deleted)";
constexpr size_t kMaxHeaderless = 4096;  // modules whose file is opened for its program headers

// JIT compilers and loaders also put code into shared memory, but an ELF image there has no file to
// look for.
bool is_file(const Mapping& mapping) { return is_file_path(mapping.path); }

bool maybe_executable(const Mapping& mapping) {
  return !mapping.protection || mapping.protection->execute;
}

// Is this segment of the image mapped where it should be, from the same file?
bool is_mapped(const ProcessImage& image, const Mapping& first, const elf::Segment& segment,
               uint64_t bias) {
  const Address page = Address(segment.vaddr + bias).page();
  const Mapping* mapping = image.mapping_at(page);
  if (mapping == nullptr || mapping->path != first.path) return false;
  const uint64_t offset = mapping->file_offset + (page - mapping->range.start);
  if (offset != first.file_offset + (segment.offset & ~kPage)) return false;
  return (segment.flags & kExecute) == 0 || maybe_executable(*mapping);
}

// An ELF file can also be mapped as mere data (by a debugger, a profiler). Loaded it is when its
// code, or failing any code its data, lies where the program headers put it.
bool is_loaded(const ProcessImage& image, const Mapping& first, const elf::File& header,
               uint64_t bias) {
  bool has_code = false, has_data = false, code = false, data = false;
  for (const elf::Segment& segment : header.segments()) {
    if (segment.type != kPtLoad || segment.file_size == 0) continue;
    if ((segment.flags & kExecute) != 0) {
      has_code = true;
      code = code || is_mapped(image, first, segment, bias);
    } else if ((segment.flags & kWrite) != 0) {
      has_data = true;
      data = data || is_mapped(image, first, segment, bias);
    }
  }
  return has_code ? code : has_data && data;
}

class Discoverer {
 public:
  Discoverer(const ProcessImage& image, const std::string& executable, const std::string& sysroot)
      : image_(image), executable_(executable), sysroot_(sysroot) {}

  Discovery run() {
    find_vdso();
    if (!image_.modules.empty()) {
      add_listed();
      finish();
      return std::move(result_);
    }
    bool names_files = false;
    for (size_t i = 0; i < image_.mappings.size(); ++i) {
      const Mapping& mapping = image_.mappings[i];
      if (!is_file(mapping)) continue;
      names_files = true;
      if (mapping.range.start < claimed_) continue;
      if (!add_by_header(mapping)) add_by_grouping(i);
    }
    if (!names_files || has_orphan()) add_by_link_map();
    add_code_mapped_again();
    finish();
    return std::move(result_);
  }

 private:
  void find_vdso() {
    const auto entry = image_.auxv.find(kAtSysinfoEhdr);
    if (entry == image_.auxv.end() || entry->second == 0) return;
    const Address start(entry->second);
    Discovered vdso;
    vdso.path = "[vdso]";
    vdso.is_vdso = true;
    const Mapping* mapping = image_.mapping_at(start);
    if (mapping == nullptr) return;
    vdso.range = {start, mapping->range.end};
    vdso.bias = start.value;
    if (const auto header = header_in_memory(*image_.memory, start)) {
      vdso.bias = bias_of(*header, start);
      vdso.build_id = build_id_in_memory(*image_.memory, *header, vdso.bias);
    }
    result_.modules.push_back(std::move(vdso));
  }

  // The producer's own list. It may name files that are mapped as mere data (fonts, locales).
  void add_listed() {
    for (const ListedModule& listed : image_.modules) {
      const bool is_vdso = !result_.modules.empty() && result_.modules.front().is_vdso &&
                           result_.modules.front().range.contains(listed.range.start);
      if (is_vdso || listed.range.start < claimed_ || !may_hold_code(listed)) continue;
      claimed_ = listed.range.end;
      // A second stretch of a binary that the list has in pieces.
      const Mapping* mapping = image_.mapping_at(listed.range.start);
      const bool goes_on = mapping != nullptr && mapping->file_offset != 0 &&
                           !result_.modules.empty() && result_.modules.back().path == listed.path;
      if (goes_on) {
        result_.modules.back().range.end = listed.range.end;
        continue;
      }
      Discovered found;
      set_path(found, listed.path);
      found.range = listed.range;
      found.bias = bias_of_listed(listed);
      found.elf_offset = mapping != nullptr ? mapping->file_offset : 0;
      found.is_vdso = is_vdso_name(base_name(listed.path));
      if (!listed.identity.empty()) found.build_id = listed.identity;
      result_.modules.push_back(std::move(found));
    }
  }

  // What it calls itself (Crashpad), and what Breakpad calls it.
  static bool is_vdso_name(std::string_view name) {
    return name.starts_with("linux-vdso.so") || name.starts_with("linux-gate.so");
  }

  bool may_hold_code(const ListedModule& listed) const {
    if (!image_.tells_all_mappings) return true;
    auto at = std::lower_bound(
        image_.mappings.begin(), image_.mappings.end(), listed.range.start,
        [](const Mapping& mapping, Address start) { return mapping.range.end <= start; });
    for (; at != image_.mappings.end() && at->range.start < listed.range.end; ++at) {
      if (maybe_executable(*at)) return true;
    }
    return false;
  }

  // Without the program headers: Linux puts what can lie anywhere above 4 GiB, so that a program
  // below was linked for where it is.
  uint64_t bias_of_listed(const ListedModule& listed) const {
    constexpr uint64_t kLowestMovable = uint64_t{1} << 32;
    const Address start = listed.range.start;
    if (const auto header = header_in_memory(*image_.memory, start)) return bias_of(*header, start);
    return start.value < kLowestMovable ? 0 : start.value;
  }

  bool add_by_header(const Mapping& mapping) {
    const auto header = header_in_memory(*image_.memory, mapping.range.start);
    if (!header) return false;
    const uint64_t bias = bias_of(*header, mapping.range.start);
    if (!is_loaded(image_, mapping, *header, bias)) return true;  // data, not to be grouped either
    Discovered found;
    set_path(found, mapping.path);
    found.range = span_of(*header, bias);
    found.range.start = mapping.range.start;
    found.bias = bias;
    found.elf_offset = mapping.file_offset;
    found.build_id = build_id_in_memory(*image_.memory, *header, bias);
    claimed_ = found.range.end;
    result_.modules.push_back(std::move(found));
    return true;
  }

  // No ELF header in the core (coredump_filter without bit 4, or truncated): mappings of one file
  // from its start on belong together. Its own program headers give bias and end, when the file is
  // there.
  void add_by_grouping(size_t first) {
    const Mapping& start = image_.mappings[first];
    if (start.file_offset != 0) return;
    Address end = start.range.end;
    bool executable = maybe_executable(start);
    for (size_t i = first + 1; i < image_.mappings.size(); ++i) {
      const Mapping& mapping = image_.mappings[i];
      if (is_file(mapping) && (mapping.path != start.path || mapping.file_offset == 0)) break;
      if (mapping.path != start.path) {
        if (mapping.range.start != end) break;  // bss lies right behind
        continue;
      }
      end = mapping.range.end;
      executable = executable || maybe_executable(mapping);
    }
    if (!executable || ++headerless_ > kMaxHeaderless) return;
    Discovered found;
    set_path(found, start.path);
    found.range = {start.range.start, end};
    found.bias = start.range.start.value;
    if (!place_by_file(found) && start.path != image_.executable && is_data_name(start.path))
      return;
    claimed_ = found.range.end;
    result_.modules.push_back(std::move(found));
    ++without_header_;
  }

  // Guessed modules need at least the look of one, or a file that is one.
  static bool is_data_name(const std::string& path) {
    return base_name(path).find(".so") == std::string::npos;
  }

  bool place_by_file(Discovered& found) const {
    std::string path = found.path;
    if (!sysroot_.empty() && is_safe(path)) path = join(sysroot_, path);
    if (found.path == image_.executable && !executable_.empty()) path = executable_;
    if (image_.names_only && path != executable_) return false;
    const auto file = OpenedFile::open(path);
    if (!file.ok()) return false;
    const Address start = found.range.start;
    const uint64_t bias = bias_of((*file)->elf(), start);
    const AddressRange span = span_of((*file)->elf(), bias);
    // A file that does not reach as far as what was mapped is another one.
    if (span.end + kPage + 1 < found.range.end || span.end < start) return false;
    found.bias = bias;
    found.range.end = std::max(found.range.end, span.end);
    return true;
  }

  bool is_known(Address address) const {
    return std::any_of(result_.modules.begin(), result_.modules.end(),
                       [address](const auto& module) { return module.range.contains(address); });
  }

  // Written pages of a library of which nothing else is there: old versions of gcore name only what
  // they dump.
  bool has_orphan() const {
    return std::any_of(image_.mappings.begin(), image_.mappings.end(), [this](const auto& mapping) {
      return is_file(mapping) && mapping.file_offset != 0 && !is_data_name(mapping.path) &&
             mapping.protection && mapping.protection->write && !is_known(mapping.range.start);
    });
  }

  void add_by_link_map() {
    LinkMap map = read_link_map(image_, executable_, sysroot_);
    const size_t known = result_.modules.size();
    for (Discovered& found : map.modules) {
      const auto same = [&found](const auto& m) { return m.range.contains(found.range.start); };
      if (std::any_of(result_.modules.begin(), result_.modules.begin() + known, same)) continue;
      set_path(found, std::string(found.path));
      result_.modules.push_back(std::move(found));
    }
    result_.notes.insert(result_.notes.end(), map.notes.begin(), map.notes.end());
  }

  // V8 maps the code that came with it a second time, near to the code that it makes.
  void add_code_mapped_again() {
    const size_t known = result_.modules.size();
    for (const Mapping& mapping : image_.mappings) {
      const bool is_code = mapping.protection && mapping.protection->execute;
      if (!is_code || !is_file(mapping) || is_known(mapping.range.start)) continue;
      for (size_t i = 0; i < known; ++i) {
        if (result_.modules[i].path != mapping.path) continue;
        const auto bias = bias_of_copy(result_.modules[i], mapping);
        if (!bias) continue;
        Discovered copy = result_.modules[i];
        copy.range = mapping.range;
        copy.bias = *bias;
        copy.is_main = false;
        result_.modules.push_back(std::move(copy));
        break;
      }
    }
  }

  // By the module's own mapping of the same part of the file.
  std::optional<uint64_t> bias_of_copy(const Discovered& module, const Mapping& copy) const {
    for (const Mapping& first : image_.mappings) {
      if (first.path != copy.path || !module.range.contains(first.range.start)) continue;
      const bool is_code = !first.protection || first.protection->execute;
      const bool covers =
          first.file_offset <= copy.file_offset &&
          copy.file_offset - first.file_offset + copy.range.size() <= first.range.size();
      if (!is_code || !covers) continue;
      const Address there = first.range.start + (copy.file_offset - first.file_offset);
      return module.bias + (copy.range.start - there);
    }
    return std::nullopt;
  }

  static void set_path(Discovered& found, std::string path) {
    if (path.ends_with(kDeleted)) {
      path.resize(path.size() - kDeleted.size());
      found.was_deleted = true;
    }
    found.path = std::move(path);
  }

  bool holds_auxv_address(const Discovered& found, uint64_t type) const {
    const auto entry = image_.auxv.find(type);
    return entry != image_.auxv.end() && found.range.contains(Address(entry->second));
  }

  void finish() {
    auto& modules = result_.modules;
    std::sort(modules.begin(), modules.end(), [](const Discovered& a, const Discovered& b) {
      return std::tie(a.range.start, a.range.end, a.path) <
             std::tie(b.range.start, b.range.end, b.path);
    });
    mark_main();
    if (without_header_ > 0 && !image_.names_only) {
      result_.notes.push_back(
          {fmt::format(
               "the core holds no ELF header of {} module{}: build-ids are unknown, so files "
               "cannot be verified",
               without_header_, without_header_ == 1 ? "" : "s"),
           "set bit 4 of /proc/PID/coredump_filter (0x33), and keep the core whole"});
    }
  }

  void mark_main() {
    auto& modules = result_.modules;
    if (std::any_of(modules.begin(), modules.end(), [](const auto& m) { return m.is_main; }))
      return;
    for (const uint64_t type : {kAtPhdr, kAtEntry}) {
      for (Discovered& module : modules) {
        if (module.is_vdso || !holds_auxv_address(module, type)) continue;
        module.is_main = true;
        return;
      }
    }
    for (Discovered& module : modules) {
      if (module.path.empty() || module.path != image_.executable) continue;
      module.is_main = true;
      return;
    }
  }

  const ProcessImage& image_;
  const std::string& executable_;
  const std::string& sysroot_;
  Discovery result_;
  Address claimed_;
  size_t headerless_ = 0;
  size_t without_header_ = 0;
};

}  // namespace

Discovery discover_modules(const ProcessImage& image, const std::string& executable,
                           const std::string& sysroot) {
  return Discoverer(image, executable, sysroot).run();
}

}  // namespace inquest::process
