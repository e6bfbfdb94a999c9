#include "capture/record/dump_policy.h"

#include <string_view>

namespace inquest::capture {
namespace {

constexpr uint32_t kAnonymousPrivate = 1, kAnonymousShared = 2, kFilePrivate = 4, kFileShared = 8,
                   kHugePrivate = 32, kHugeShared = 64;

bool is_device(const LiveMapping& mapping) {
  const std::string_view path = mapping.path;
  return path.starts_with("/dev/") && !path.starts_with("/dev/shm/") &&
         !path.starts_with("/dev/zero") && !path.starts_with("/dev/hugepages/");
}

}  // namespace

KeepRule keep_rule(const LiveMapping& mapping, uint32_t filter, const MappingFlags* flags) {
  if (mapping.path == "[vdso]") return {};
  if (mapping.path.starts_with("[vvar") || mapping.path == "[vsyscall]") {
    return {Keep::kNothing, "data of the kernel"};
  }
  if (flags != nullptr && flags->dont_dump) return {Keep::kNothing, "MADV_DONTDUMP"};
  if ((flags != nullptr && flags->device) || is_device(mapping)) {
    return {Keep::kNothing, "memory of a device"};
  }
  const auto by_filter = [&](uint32_t bit, Keep otherwise) {
    return (filter & bit) != 0 ? KeepRule{} : KeepRule{otherwise, "coredump_filter"};
  };
  if (flags != nullptr && flags->huge_pages) {
    return by_filter(mapping.shared ? kHugeShared : kHugePrivate, Keep::kNothing);
  }
  if (mapping.shared) {
    return by_filter(mapping.is_deleted() || !mapping.is_file() ? kAnonymousShared : kFileShared,
                     Keep::kNothing);
  }
  if (!mapping.is_file()) return by_filter(kAnonymousPrivate, Keep::kNothing);
  if ((filter & kFilePrivate) != 0) return {};
  const Keep written = (filter & kAnonymousPrivate) != 0 ? Keep::kWritten : Keep::kNothing;
  return {written, "as in the file"};
}

}  // namespace inquest::capture
