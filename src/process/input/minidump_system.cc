// MINIDUMP_SYSTEM_INFO, with the numbers that Breakpad added for systems and processors.
#include "process/input/minidump_system.h"

#include <fmt/format.h>

#include <string_view>

namespace inquest::process {
namespace {

constexpr uint64_t kArchitectureAt = 0, kMajorAt = 8, kMinorAt = 12, kBuildAt = 16, kSystemAt = 20,
                   kVersionAt = 24;
constexpr uint16_t kAmd64 = 9, kArm64 = 12, kArm64Old = 0x8003;
constexpr uint32_t kLinux = 0x8201, kAndroid = 0x8203;

std::string architecture_name(uint16_t number) {
  switch (number) {
    case 0:
      return "x86 (32-bit)";
    case 1:
      return "MIPS";
    case 3:
    case 0x8002:
      return "PowerPC";
    case 5:
      return "ARM (32-bit)";
    case 6:
      return "Itanium";
    case kAmd64:
      return "x86_64";
    case 10:
      return "x86 (32-bit, under WoW64)";
    case kArm64:
    case kArm64Old:
      return "aarch64";
    case 0x8001:
      return "SPARC";
    case 0x8004:
      return "MIPS64";
    case 0x8005:
    case 0x8006:
      return "RISC-V";
    default:
      return fmt::format("processor {:#x}", number);
  }
}

std::string system_name(uint32_t number) {
  switch (number) {
    case 0:
    case 1:
    case 2:
    case 3:
      return "Windows";
    case 0x8000:
      return "Unix";
    case 0x8101:
      return "macOS";
    case 0x8102:
      return "iOS";
    case kLinux:
      return "Linux";
    case 0x8202:
      return "Solaris";
    case kAndroid:
      return "Android";
    case 0x8205:
      return "Native Client";
    case 0x8206:
      return "Fuchsia";
    default:
      return fmt::format("system {:#x}", number);
  }
}

std::string_view reader_for(uint32_t system) {
  return system <= 3 ? "open it with WinDbg or Visual Studio, or with minidump-stackwalk"
                     : "minidump-stackwalk (rust-minidump or Breakpad) reads it";
}

}  // namespace

Result<MinidumpSystem> read_minidump_system(const MinidumpFile& file) {
  const ByteView info = file.stream(minidump::kSystemInfo);
  const auto architecture = load<uint16_t>(info, kArchitectureAt);
  const auto system = load<uint32_t>(info, kSystemAt);
  if (!architecture || !system) {
    if (file.lost() != 0) {
      return Error(ErrorCode::kTruncated,
                   fmt::format("the minidump is cut off before it says which system it is from ({} "
                               "of at least {} bytes are there): copy it again",
                               file.bytes().size(), file.bytes().size() + file.lost()));
    }
    return Error(ErrorCode::kCorrupt,
                 "the minidump does not say which system it is from (no SystemInfo stream)");
  }
  const std::string name = architecture_name(*architecture);
  if (*system != kLinux && *system != kAndroid) {
    return Error(ErrorCode::kUnsupported,
                 fmt::format("a minidump of {} ({}): only those of Linux and Android are read; {}",
                             system_name(*system), name, reader_for(*system)));
  }
  const bool a64 = *architecture == kArm64 || *architecture == kArm64Old;
  if (*architecture != kAmd64 && !a64) {
    return Error(ErrorCode::kUnsupported,
                 fmt::format("a minidump of {} on {}: only x86_64 and aarch64 are read; {}",
                             system_name(*system), name, reader_for(*system)));
  }
  MinidumpSystem result;
  result.arch = a64 ? isa::Arch::kAArch64 : isa::Arch::kX86_64;
  result.is_android = *system == kAndroid;
  const std::string version = file.utf16(load<uint32_t>(info, kVersionAt).value_or(0));
  const uint32_t major = load<uint32_t>(info, kMajorAt).value_or(0);
  // Breakpad has all of uname in the text, Crashpad the numbers apart.
  if (version.starts_with("Linux ") || version.empty() || major == 0) {
    result.kernel = version;
  } else {
    result.kernel = fmt::format("{} {}.{}.{} {}", system_name(*system), major,
                                load<uint32_t>(info, kMinorAt).value_or(0),
                                load<uint32_t>(info, kBuildAt).value_or(0), version);
  }
  return result;
}

}  // namespace inquest::process
