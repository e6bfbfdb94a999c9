#include "process/input/core_findings.h"

#include <fmt/format.h>

#include <algorithm>

namespace inquest::process {
namespace {

constexpr size_t kMaxNames = 6;

std::string in_units(uint64_t bytes) {
  if (bytes < 10'000) return fmt::format("{} bytes", bytes);
  if (bytes < (10u << 20)) return fmt::format("{} KiB", bytes >> 10);
  if (bytes < (uint64_t{10} << 30)) return fmt::format("{} MiB", bytes >> 20);
  return fmt::format("{} GiB", bytes >> 30);
}

std::string base_name(const std::string& path) {
  if (path.starts_with('[')) return path;
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

std::string advice_on_truncation(const std::string& source) {
  if (source.find("/systemd/coredump/") != std::string::npos) {
    return "raise ProcessSizeMax= and ExternalSizeMax= in /etc/systemd/coredump.conf (2 GiB by "
           "default in older versions)";
  }
  return "raise the core size limit (ulimit -c unlimited, LimitCORE=infinity in the unit; "
         "ProcessSizeMax= and ExternalSizeMax= in /etc/systemd/coredump.conf), check for a full "
         "disk, and that the copy of the core is whole";
}

void note_truncation(const elf::File& core, ProcessImage& image) {
  const uint64_t lost = core.truncated();
  if (lost == 0) return;
  size_t count = 0;
  std::vector<std::string> names;
  for (const Mapping& mapping : image.mappings) {
    if (!mapping.truncated) continue;
    ++count;
    const std::string name = base_name(mapping.path);
    if (name == "[vsyscall]" || name == "[vvar]") continue;  // nothing is lost with them
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) {
      names.push_back(name);
    }
  }
  std::string text = fmt::format("the core is cut short: {} of it are there, {} are lost",
                                 in_units(core.bytes().size()), in_units(lost));
  if (count > 0) {
    text +=
        fmt::format("; memory of {} of {} mappings is incomplete", count, image.mappings.size());
  }
  // What is highest in memory goes first: it is written last.
  std::reverse(names.begin(), names.end());
  if (!names.empty()) {
    const size_t shown = std::min(names.size(), kMaxNames);
    text += fmt::format(", among them {}", fmt::join(names.begin(), names.begin() + shown, ", "));
    if (names.size() > shown) text += fmt::format(" and {} more", names.size() - shown);
  }
  image.notes.push_back({std::move(text), advice_on_truncation(image.source)});
}

// Anonymous memory that the process could write: never in a file, so lost for good when it was not
// dumped. The kernel also leaves out what was never written to (fs/coredump.c, vma_dump_size), and
// where it dumped other such memory that is the likely reason.
void note_left_out(ProcessImage& image) {
  size_t count = 0;
  uint64_t size = 0;
  bool all_untouched = image.producer == Producer::kKernel;
  bool is_any_dumped = false;
  for (const Mapping& mapping : image.mappings) {
    const bool anonymous =
        mapping.path.empty() || mapping.path == "[stack]" || mapping.path == "[heap]";
    if (!anonymous || !mapping.protection || !mapping.protection->write) continue;
    is_any_dumped = is_any_dumped || mapping.dumped > 0;
    if (mapping.dumped >= mapping.range.size()) continue;
    all_untouched = all_untouched && mapping.dumped == 0;
    ++count;
    size += mapping.range.size() - mapping.dumped;
  }
  if (count == 0) return;
  const std::string what =
      fmt::format("{} writable mapping{} ({})", count, count == 1 ? "" : "s", in_units(size));
  if (all_untouched && is_any_dumped) {
    image.notes.push_back({fmt::format("{} {} not in the core: never written to, or excluded with "
                                       "MADV_DONTDUMP",
                                       what, count == 1 ? "is" : "are"),
                           ""});
    return;
  }
  image.notes.push_back(
      {fmt::format("{} {} left out of the core by its producer", what, count == 1 ? "was" : "were"),
       "see /proc/PID/coredump_filter (0x33 is usual; man 5 core) and "
       "MADV_DONTDUMP in the program"});
}

void note_oddities(const CoreNotes& notes, const CoreMappings& crossed, ProcessImage& image) {
  if (notes.cut) {
    image.notes.push_back(
        {"the core's notes end early: threads, mapped files or the signal may be "
         "missing",
         ""});
  }
  if (notes.unreadable > 0) {
    image.notes.push_back({fmt::format("{} note{} of the core could not be read", notes.unreadable,
                                       notes.unreadable == 1 ? "" : "s"),
                           ""});
  }
  if (crossed.overlapping > 0) {
    image.notes.push_back({fmt::format("{} of the core's mappings overlap others or wrap around: "
                                       "they were clipped",
                                       crossed.overlapping),
                           "the core is damaged or was made by hand"});
  }
  if (!notes.has_files && image.producer != Producer::kQemuUser) {
    image.notes.push_back({"the core does not say which files were mapped (no NT_FILE)",
                           "give the program with --exe"});
  }
  if (image.command.starts_with("qemu-") && image.arch == isa::Arch::kX86_64) {
    image.notes.push_back({"this is the core of the emulator, not of the program that it ran",
                           "the guest's core is called qemu_PROGRAM_DATE_PID.core"});
  }
}

}  // namespace

void note_findings(const elf::File& core, const CoreNotes& notes, const CoreMappings& crossed,
                   ProcessImage& image) {
  note_truncation(core, image);
  if (image.producer != Producer::kInquest) note_left_out(image);  // it says so itself
  note_oddities(notes, crossed, image);
}

}  // namespace inquest::process
