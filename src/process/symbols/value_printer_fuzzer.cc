// Containers full of hostile bytes: printing them ends, stays within its limits, and never reads
// what is not there.
//
// The types are those of this very program, from its own debug information (build with -g).
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

#include "platform/os/mapped_file.h"
#include "process/symbols/value_printer.h"

// One of each, so that the compiler describes them.
struct FuzzedContainers {
  std::string text;
  std::vector<int> numbers;
  std::vector<std::string> words;
  std::vector<bool> bits;
  std::map<int, std::string> map;
  std::set<int> set;
  std::unordered_map<int, int> hash;
  std::list<int> list;
  std::deque<int> deque;
  std::optional<std::string> optional;
  std::variant<int, std::string> variant;
  std::tuple<int, char, double> tuple;
  std::unique_ptr<FuzzedContainers> owner;
  std::shared_ptr<int> shared;
  std::function<void()> function;
  FuzzedContainers* self;
  const char* c_string;
  double number;
  unsigned flag : 3;
};
volatile size_t fuzzed_containers_size = sizeof(FuzzedContainers);
FuzzedContainers* fuzzed_containers = nullptr;

namespace inquest::process {
namespace {

constexpr uint64_t kMemoryStart = 0x10000;

// The input, again and again, so that most small pointers lead somewhere.
class FuzzedMemory final : public MemoryReader {
 public:
  explicit FuzzedMemory(ByteView bytes) : bytes_(bytes) {}
  ByteView view(Address address, uint64_t max) const override {
    if (address.value < kMemoryStart || address.value - kMemoryStart >= bytes_.size()) return {};
    const uint64_t offset = address.value - kMemoryStart;
    return bytes_.subspan(offset, std::min<uint64_t>(max, bytes_.size() - offset));
  }
  Missing why_missing(Address address) const override {
    return view(address, 1).empty() ? Missing::kUnmapped : Missing::kNone;
  }

 private:
  ByteView bytes_;
};

// This program's own debug information.
struct OwnTypes {
  os::MappedFile mapped;
  std::optional<elf::File> file;
  std::unique_ptr<dwarf::DebugInfo> info;
  std::optional<Types> types;
  std::optional<dwarf::DieRef> containers;

  OwnTypes() {
    auto opened = os::MappedFile::open("/proc/self/exe", os::MappedFile::Access::kRandom);
    if (!opened.ok()) __builtin_trap();
    mapped = std::move(opened).value();
    auto parsed = elf::File::parse(mapped.bytes());
    if (!parsed.ok()) __builtin_trap();
    file = std::move(parsed).value();
    auto debug = dwarf::DebugInfo::open(*file, &*file, nullptr, "/proc/self/exe");
    if (!debug.ok()) __builtin_trap();
    info = std::move(debug).value();
    types.emplace(*info);
    containers = info->find_type("FuzzedContainers");
    if (!containers) __builtin_trap();
  }
};

void print_all(ByteView bytes) {
  static OwnTypes own;
  static const ProcessImage image = [] {
    ProcessImage empty;
    empty.memory = std::make_unique<FuzzedMemory>(ByteView{});
    return empty;
  }();
  static const ModuleSet modules = ModuleSet::resolve(image, ModuleOptions{});
  DebugFiles files(nullptr);
  CodeNames names(image, modules, files);
  const FuzzedMemory memory(bytes);
  ValueOptions options;
  options.max_depth = 8;
  options.max_elements = 20;
  ValuePrinter printer(*own.types, memory, names, options);
  const Value value = printer.print(*own.containers, Place::in_memory(Address(kMemoryStart)));
  if (value.text.size() > options.max_text + 8) __builtin_trap();
}

}  // namespace
}  // namespace inquest::process

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 1 << 16) return 0;
  inquest::process::print_all({data, size});
  return 0;
}
