// MemoryMap: what the mappings of the process are for. Cores name neither stacks nor the heap; both
// are found from registers, the auxiliary vector and neighbourhood.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "process/image/process_image.h"
#include "process/modules/modules.h"

namespace inquest::diagnosis {

struct ThreadStack {
  size_t thread = 0;  // index into ProcessImage::threads
  int32_t tid = 0;
  bool is_main = false;
  AddressRange range;  // of the mapping
  AddressRange guard;  // no-access mapping or unmapped gap directly below; empty when something
                       // usable lies there
  std::optional<Address> sp;
};

class MemoryMap {
 public:
  MemoryMap(const process::ProcessImage& image, const process::ModuleSet& modules);

  const process::ProcessImage& image() const { return image_; }
  const std::vector<ThreadStack>& stacks() const { return stacks_; }
  const ThreadStack* stack_of(size_t thread) const;    // nullptr when not found
  const ThreadStack* stack_at(Address address) const;  // the stack that holds it
  const ThreadStack* guard_at(Address address) const;  // the stack whose guard holds it
  // The brk heap and glibc's arenas of other threads.
  const std::vector<AddressRange>& heaps() const { return heaps_; }
  bool in_heap(Address address) const;
  // "[heap]", "stack of thread 17", "/usr/lib/libc.so.6 r--p", "anonymous memory rw-p"
  std::string describe(const process::Mapping& mapping) const;

  const process::Mapping* before(Address address) const;  // last mapping that ends at or below it
  const process::Mapping* after(Address address) const;   // first mapping that starts above it

  // Bytes that a kernel leaves free below the main stack, and the least gap that we take for a
  // guard.
  static constexpr uint64_t kMainStackGap = uint64_t{1} << 20;

 private:
  void find_stacks();
  void find_heaps(const process::ModuleSet& modules);
  bool is_arena(const process::Mapping& mapping) const;
  std::optional<ThreadStack> find_stack(size_t thread) const;
  const process::Mapping* stack_mapping(size_t thread, bool is_main) const;
  AddressRange refused_below(const AddressRange& stack) const;
  AddressRange guard_below(const AddressRange& stack, bool is_main) const;

  const process::ProcessImage& image_;
  std::vector<ThreadStack> stacks_;
  std::vector<AddressRange> heaps_;
};

// "rw-p"-like text; "????" when the producer did not say.
std::string protection_text(const process::Mapping& mapping);

}  // namespace inquest::diagnosis
