#include "process/input/reject.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "process/input/load.h"
#include "process/input/minidump_file.h"

namespace inquest::process {
namespace {

constexpr uint16_t kEtRel = 1, kEtExec = 2, kEtDyn = 3, kEtCore = 4;
constexpr uint16_t kEmX86_64 = 62, kEmAArch64 = 183;

std::string machine_name(uint16_t machine) {
  switch (machine) {
    case 2:
      return "SPARC";
    case 3:
      return "i386";
    case 8:
      return "MIPS";
    case 20:
      return "PowerPC";
    case 21:
      return "ppc64";
    case 22:
      return "s390x";
    case 40:
      return "ARM (32-bit)";
    case 43:
      return "SPARC v9";
    case kEmX86_64:
      return "x86_64";
    case kEmAArch64:
      return "aarch64";
    case 243:
      return "RISC-V";
    case 258:
      return "LoongArch";
    default:
      return fmt::format("machine {}", machine);
  }
}

bool starts_with(ByteView bytes, std::string_view magic) {
  return bytes.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin(),
                    [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

std::optional<Error> reject_elf(ByteView start) {
  if (start.size() < 20) {
    return Error(ErrorCode::kTruncated,
                 fmt::format("it begins like an ELF file and ends after {} bytes", start.size()));
  }
  const bool wide = start[4] == 2, big = start[5] == 2;
  const auto half = [&](size_t at) {
    return static_cast<uint16_t>(big ? start[at] << 8 | start[at + 1]
                                     : start[at + 1] << 8 | start[at]);
  };
  const uint16_t type = half(16), machine = half(18);
  const std::string name = machine_name(machine);
  if (type == kEtExec || type == kEtDyn) {
    return Error(
        ErrorCode::kInvalidArgument,
        fmt::format("this is an executable or library ({}), not a core: pass the core that "
                    "the crash left behind, and this file with --exe",
                    name));
  }
  if (type == kEtRel) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("this is an object file ({}), not a core", name));
  }
  if (type != kEtCore) {
    return Error(ErrorCode::kCorrupt, fmt::format("an ELF file of type {}, not a core", type));
  }
  if (big) {
    return Error(ErrorCode::kUnsupported,
                 fmt::format("{} core (big-endian): only x86_64 and aarch64 are read", name));
  }
  if (!wide && machine == kEmX86_64) {
    return Error(ErrorCode::kUnsupported, "x32 core: only x86_64 and aarch64 are read");
  }
  if (!wide || (machine != kEmX86_64 && machine != kEmAArch64)) {
    return Error(ErrorCode::kUnsupported,
                 fmt::format("{} core: only x86_64 and aarch64 are read", name));
  }
  return std::nullopt;
}

struct Kind {
  std::string_view magic;
  std::string_view name;
};
constexpr Kind kKinds[] = {
    {"PAGEDU", "a Windows kernel dump"},
    {"MZ", "a Windows executable"},
    {"!<arch>\n", "a static library or .deb archive"},
    {"PK\x03\x04", "a zip archive"},
    {"LPKSHHRH", "a systemd journal file (coredumpctl dump writes the core itself)"},
    {"KDUMP   ", "a kernel crash dump (kdump)"},
    {"makedumpfile", "a kernel crash dump (makedumpfile)"},
    {"\xcf\xfa\xed\xfe", "a Mach-O file (macOS)"},
    {"BZh", "a bzip2-compressed file: unpack it first"},
    {"SQLite format 3", "an SQLite database"},
};

std::string first_line(ByteView bytes) {
  constexpr size_t kMax = 60;
  std::string line;
  for (const uint8_t byte : bytes) {
    if (byte == '\n' || byte == '\r' || line.size() == kMax) break;
    if (byte < 0x20 || byte >= 0x7f) continue;
    line += static_cast<char>(byte);
  }
  return line;
}

// UTF-16 with its mark, as Windows tools write logs: of ASCII every other byte is zero.
bool is_utf16_text(ByteView start) {
  const bool little = starts_with(start, "\xff\xfe");
  if (!little && !starts_with(start, "\xfe\xff")) return false;
  size_t ascii = 0;
  for (size_t at = 2; at + 1 < start.size(); at += 2) {
    const uint8_t low = start[little ? at : at + 1], high = start[little ? at + 1 : at];
    ascii += high == 0 && (low >= 0x20 || low == '\n' || low == '\r' || low == '\t') ? 1 : 0;
  }
  return ascii != 0 && 4 * ascii >= start.size();
}

}  // namespace

// At least half of it ASCII: what has none is no text that anybody could recognise by a quotation.
// A log may hold a few control characters, as bells or from a disk that lost its power.
bool is_text(ByteView start) {
  constexpr size_t kWhole = 16;  // of so many bytes one may be a control character
  if (MinidumpFile::is_minidump(start)) return false;
  for (const Kind& kind : kKinds) {
    if (starts_with(start, kind.magic)) return false;
  }
  if (is_utf16_text(start)) return true;
  size_t ascii = 0, control = 0;
  for (const uint8_t byte : start) {
    const bool is_space =
        byte == '\n' || byte == '\r' || byte == '\t' || byte == 0x1b || byte == '\f';
    if ((byte < 0x20 && !is_space) || byte == 0x7f) {
      ++control;
    } else if (byte < 0x7f) {
      ++ascii;
    }
  }
  return ascii != 0 && control * kWhole <= start.size() && 2 * ascii >= start.size();
}

std::optional<Error> reject_input(ByteView start, uint64_t size) {
  if (size == 0) {
    return Error(
        ErrorCode::kTruncated,
        "the file is empty: the core was created but nothing could be written, because the "
        "disk was full or the core size limit (ulimit -c, LimitCORE=) too small");
  }
  if (starts_with(start,
                  "\x7f"
                  "ELF"))
    return reject_elf(start);
  if (MinidumpFile::is_minidump(start)) return std::nullopt;
  for (const Kind& kind : kKinds) {
    if (starts_with(start, kind.magic)) {
      return Error(
          ErrorCode::kUnsupported,
          fmt::format("this is {}; this version reads ELF cores, minidumps and text", kind.name));
    }
  }
  if (start.size() > 262 && starts_with(start.subspan(257), "ustar")) {
    return Error(ErrorCode::kUnsupported, "this is a tar archive: unpack it and pass the core");
  }
  if (std::all_of(start.begin(), start.end(), [](uint8_t byte) { return byte == 0; })) {
    return Error(ErrorCode::kCorrupt,
                 "the file begins with zeros only: it was preallocated and never written, or lost "
                 "its first blocks");
  }
  if (is_text(start)) {
    return Error(ErrorCode::kUnsupported,
                 fmt::format("this is text (\"{}\"), neither an ELF core nor a minidump",
                             first_line(start)));
  }
  std::string bytes;
  for (const uint8_t byte : start.first(std::min<size_t>(start.size(), 8))) {
    bytes += fmt::format("{}{:02x}", bytes.empty() ? "" : " ", byte);
  }
  return Error(ErrorCode::kCorrupt,
               fmt::format("not an ELF core, nor a minidump (it begins with {})", bytes));
}

}  // namespace inquest::process
