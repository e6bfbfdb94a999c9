// classify: what an address (or a value used as one) tells by itself and by the mappings around it.
#pragma once

#include <cstdint>

#include "base/address.h"
#include "diagnosis/facts/facts.h"
#include "diagnosis/facts/memory_map.h"
#include "process/modules/modules.h"
#include "process/symbols/symbols.h"

namespace inquest::diagnosis {

struct AddressQuestion {
  Address address;
  AccessKind access = AccessKind::kNone;
  uint32_t required_alignment = 1;
  size_t thread = 0;          // whose "own" stack is meant, index into ProcessImage::threads
  std::optional<Address> sp;  // of the frame that used it; the thread's own when nullopt
};

// Bytes from a mapping's edge within which an address counts as just past or before it.
inline constexpr uint64_t kNearMapping = 64 * 1024;
inline constexpr uint64_t kNullPages = 64 * 1024;  // vm.mmap_min_addr
inline constexpr uint64_t kSmallInteger = 1024 * 1024;

class AddressClassifier {
 public:
  // All must outlive it. `symbols` may be nullptr.
  AddressClassifier(const MemoryMap& map, const process::ModuleSet& modules,
                    process::Symbolizer* symbols);

  AddressFacts classify(const AddressQuestion& question) const;
  // The chunk whose freed list link this value is, as glibc 2.32 and later mangle it; nullopt when
  // it is not one.
  std::optional<Address> demangle_free_link(uint64_t value) const;

 private:
  void add_shape(const AddressQuestion& question, AddressFacts& facts) const;
  void add_mapped(const AddressQuestion& question, const process::Mapping& mapping,
                  AddressFacts& facts) const;
  void add_unmapped(const AddressQuestion& question, AddressFacts& facts) const;
  bool is_known_unmapped(Address address) const;
  void add_unknown(const AddressQuestion& question, AddressFacts& facts) const;
  void add_neighbours(Address address, AddressFacts& facts) const;
  void add_patterns(uint64_t value, AddressFacts& facts) const;
  void add_damage(uint64_t value, AddressFacts& facts) const;
  bool is_plausible_target(Address address) const;

  const MemoryMap& map_;
  const process::ModuleSet& modules_;
  process::Symbolizer* symbols_;
  std::optional<uint8_t> perturb_;
};

}  // namespace inquest::diagnosis
