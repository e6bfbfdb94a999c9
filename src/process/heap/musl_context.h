// Finding musl's mallocng (musl 1.2.1 and later) by its structure: a context in writable data
// begins with a random secret, and the page-aligned areas that hold its records begin with the same
// secret.
//
// Source of the structures: musl 1.2.1 - 1.2.6 src/malloc/mallocng/meta.h (struct malloc_context,
// meta_area, meta, group).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "process/heap/heap.h"

namespace inquest::process::musl {

inline constexpr uint64_t kUnit = 16, kPage = 4096;
// What stands behind the last byte of a slot: the check byte and the next slot's header.
inline constexpr uint64_t kInBand = 4;
inline constexpr uint32_t kClasses = 48, kMapped = 63;  // sizeclass of a block mapped on its own
inline constexpr uint32_t kMaxSlots = 32;
inline constexpr uint64_t kMaxAreas = uint64_t{1} << 20;

// Slot sizes by sizeclass, in units. Part of the allocator's binary interface with itself: the same
// in every version.
std::span<const uint16_t> slot_units();

struct Context {
  Address at;
  uint64_t secret = 0;
  Address first_area, last_area;
  Address active;  // active[48]: the rings of groups with free slots
  const Module* module = nullptr;
};

// struct meta: the record of one group, kept apart from it.
struct Meta {
  Address at;
  Address prev, next;
  Address group;
  uint32_t avail = 0, freed = 0;  // slots to be handed out next; slots given back since
  uint32_t last = 0;              // index of the last slot
  uint32_t sizeclass = 0;
  bool freeable = false;
  uint64_t map_pages =
      0;  // 0: the group lies in a slot of another one, or in spare data of a module

  uint32_t slots() const { return last + 1; }
  uint64_t map_bytes() const { return map_pages * kPage; }
  uint64_t stride() const;
  Address slot(uint32_t index) const { return group + kUnit + stride() * index; }
  // From the group's header to the end of its mapping or of its last slot's check byte.
  AddressRange extent() const;
  bool is_free(uint32_t index) const { return ((avail | freed) >> index & 1) != 0; }
};

// One for each musl in the process whose malloc was used.
std::vector<Context> find_contexts(const HeapInput& input);

// The record at `at`, when its area carries the secret and its fields can be; nullopt for one that
// is in no use.
std::optional<Meta> read_meta(const HeapInput& input, const Context& context, Address at);

// What was met on the way through the areas of records.
struct AreaScan {
  uint64_t areas = 0;
  std::optional<Address> broken;  // an area whose secret is wrong, or that is not in the core
  bool absent = false;            // then: it is not in the core
};
// Every record in use, in the order of their making.
AreaScan each_meta(const HeapInput& input, const Context& context,
                   const std::function<void(const Meta&)>& visit);

}  // namespace inquest::process::musl
