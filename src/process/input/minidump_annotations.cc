// Layouts: MinidumpCrashpadInfo and what hangs on it, of Crashpad's minidump_extensions.h.
#include "process/input/minidump_annotations.h"

#include <algorithm>

#include "base/cursor.h"
#include "base/utf8.h"

namespace inquest::process {
namespace {

using minidump::Location;

constexpr uint64_t kSimpleAt = 36, kModulesAt = 44;
constexpr uint64_t kModuleListAt = 4, kModuleSimpleAt = 12, kModuleObjectsAt = 20;
constexpr uint16_t kString = 1;
constexpr size_t kMaxListed = 1 << 16;  // entries of one list

class Reader {
 public:
  explicit Reader(const MinidumpFile& file) : file_(file) {}

  void read_dictionary(Location location) {
    Cursor cursor(file_.at(location));
    const uint32_t count = cursor.u32();
    for (uint32_t i = 0; i < std::min<size_t>(count, kMaxListed) && cursor.ok(); ++i) {
      const uint32_t key = cursor.u32();
      const uint32_t value = cursor.u32();
      if (cursor.ok()) add(file_.utf8(key), file_.utf8(value));
    }
  }

  void read_list(Location location) {
    Cursor cursor(file_.at(location));
    const uint32_t count = cursor.u32();
    for (uint32_t i = 0; i < std::min<size_t>(count, kMaxListed) && cursor.ok(); ++i) {
      const uint32_t text = cursor.u32();
      if (cursor.ok()) add({}, file_.utf8(text));
    }
  }

  void read_objects(Location location) {
    Cursor cursor(file_.at(location));
    const uint32_t count = cursor.u32();
    for (uint32_t i = 0; i < std::min<size_t>(count, kMaxListed) && cursor.ok(); ++i) {
      const uint32_t name = cursor.u32();
      const uint16_t type = cursor.u16();
      cursor.skip(2);
      const uint32_t value = cursor.u32();
      // A byte array: a length, then bytes, as a string has them.
      if (cursor.ok() && type == kString) add(file_.utf8(name), file_.utf8(value));
    }
  }

  void read_modules(Location location) {
    Cursor cursor(file_.at(location));
    const uint32_t count = cursor.u32();
    for (uint32_t i = 0; i < std::min<size_t>(count, kMaxListed) && cursor.ok(); ++i) {
      cursor.skip(4);  // its place in the module list
      const Location where{.size = cursor.u32(), .rva = cursor.u32()};
      if (!cursor.ok()) return;
      const ByteView module = file_.at(where);
      read_list(location_at(module, kModuleListAt));
      read_dictionary(location_at(module, kModuleSimpleAt));
      read_objects(location_at(module, kModuleObjectsAt));
    }
  }

  std::vector<Annotation> annotations;

 private:
  void add(std::string name, std::string value) {
    if (value.empty() || annotations.size() >= kMaxAnnotations) return;
    const bool known = std::any_of(
        annotations.begin(), annotations.end(),
        [&](const Annotation& other) { return other.name == name && other.value == value; });
    if (!known) annotations.push_back({std::move(name), std::move(value)});
  }

  const MinidumpFile& file_;
};

}  // namespace

std::vector<Annotation> read_annotations(const MinidumpFile& file) {
  Reader reader(file);
  const ByteView info = file.stream(minidump::kCrashpadInfo);
  reader.read_dictionary(location_at(info, kSimpleAt));
  reader.read_modules(location_at(info, kModulesAt));
  return std::move(reader.annotations);
}

}  // namespace inquest::process
