// The entries of dicts and sets: of dicts of all layouts, also of those
// whose keys many share.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "process/runtime/cpython/objects.h"
#include "process/runtime/cpython/types.h"

namespace inquest::process::cpython {

struct DictEntry {
  Address key, value;
};

struct DictEntries {
  std::vector<DictEntry> list;  // in their order
  uint64_t total = 0;           // how many the dict has
};

// Entries that are looked at; most dicts have no holes.
inline constexpr uint64_t kMaxEntriesScanned = 100'000;

// Of a dict, or of a class made from it; at most `max`.
Result<DictEntries> entries_of(const Objects& objects, const Version& version, Address dict,
                               size_t max);
// Of an instance, wherever its class keeps them.
Result<DictEntries> entries_of(const Objects& objects, const Version& version,
                               const Types::Fields& fields, size_t max);

// The value under a key that is a str; nullopt: it has none, or not among those scanned.
Result<std::optional<Address>> value_under(const Objects& objects, const Version& version,
                                           Address dict, std::string_view key);
// Likewise of the fields of an instance.
Result<std::optional<Address>> field_under(const Objects& objects, const Types& types,
                                           const Version& version, Address object,
                                           std::string_view name);

// The items of a set or a frozenset, in the order of its table.
struct SetItems {
  std::vector<Address> list;
  uint64_t total = 0;
};
Result<SetItems> items_of(const Objects& objects, Address set, size_t max);

}  // namespace inquest::process::cpython
