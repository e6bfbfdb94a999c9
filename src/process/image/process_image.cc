#include "process/image/process_image.h"

#include <algorithm>

namespace inquest::process {

std::string_view to_string(Producer producer) {
  switch (producer) {
    case Producer::kKernel:
      return "kernel";
    case Producer::kGcore:
      return "gcore";
    case Producer::kQemuUser:
      return "qemu-user";
    case Producer::kKernelLog:
      return "kernel log";
    case Producer::kInquest:
      return "inquest";
    case Producer::kBreakpad:
      return "breakpad";
    case Producer::kCrashpad:
      return "crashpad";
    case Producer::kMinidump:
      return "minidump";
    case Producer::kUnknown:
      return "unknown";
  }
  return "unknown";
}

std::string_view evidence_word(Producer producer) {
  switch (producer) {
    case Producer::kBreakpad:
    case Producer::kCrashpad:
    case Producer::kMinidump:
      return "minidump";
    case Producer::kKernelLog:
      return "log";
    case Producer::kInquest:
      return "record";
    default:
      return "core";
  }
}

const Mapping* ProcessImage::mapping_at(Address address) const {
  auto after =
      std::upper_bound(mappings.begin(), mappings.end(), address,
                       [](Address a, const Mapping& mapping) { return a < mapping.range.start; });
  if (after == mappings.begin()) return nullptr;
  const Mapping& candidate = *std::prev(after);
  return candidate.range.contains(address) ? &candidate : nullptr;
}

}  // namespace inquest::process
