#include "process/runtime/cpython/dicts.h"

#include <fmt/format.h>

#include <algorithm>

namespace inquest::process::cpython {
namespace {

// PyDictObject: the same from 3.6 to 3.15.
constexpr uint32_t kUsed = 16, kKeys = 32, kValues = 40;
// Places that are looked at for so many entries; one that lost most of its own is told in part.
uint64_t places_for(size_t max) {
  return std::min<uint64_t>(kMaxEntriesScanned, uint64_t{max} * 8 + 1024);
}

constexpr uint64_t kMaxShared = 256;  // values of one instance; CPython shares at most 30 keys

// PyDictKeysObject (Objects/dict-common.h, Include/internal/pycore_dict.h).
struct Keys {
  Address entries;
  uint64_t count = 0;       // of entries, holes too
  uint32_t entry_size = 0;  // bytes
  uint32_t key_at = 0;      // within an entry; the value follows
};

Error broken(Address keys) {
  return {ErrorCode::kCorrupt, fmt::format("the keys at {} contradict themselves", to_hex(keys))};
}

// Up to 3.10: count of references, size, look-up function, usable, entries, then the index.
Result<Keys> read_old_keys(const Objects& objects, Address keys) {
  INQ_TRY(const uint64_t size, objects.field<uint64_t>(keys, 8));
  INQ_TRY(const uint64_t count, objects.field<uint64_t>(keys, 32));
  const bool is_power = size != 0 && (size & (size - 1)) == 0 && size <= uint64_t{1} << 40;
  if (!is_power || count > size) return broken(keys);
  const uint64_t width = size <= 0xff ? 1 : size <= 0xffff ? 2 : size <= 0xffffffff ? 4 : 8;
  return Keys{.entries = keys + 40 + size * width, .count = count, .entry_size = 24, .key_at = 8};
}

// From 3.11 on: count of references, three bytes (log2 of size and of the index' bytes, kind).
Result<Keys> read_new_keys(const Objects& objects, Address keys) {
  INQ_TRY(const uint8_t log2_size, objects.field<uint8_t>(keys, 8));
  INQ_TRY(const uint8_t log2_index, objects.field<uint8_t>(keys, 9));
  INQ_TRY(const uint8_t kind, objects.field<uint8_t>(keys, 10));
  INQ_TRY(const uint64_t count, objects.field<uint64_t>(keys, 24));
  if (log2_size > 40 || log2_index > log2_size + 3 || kind > 2 || count > uint64_t{1} << log2_size)
    return broken(keys);
  const bool has_hashes = kind == 0;
  return Keys{.entries = keys + 32 + (uint64_t{1} << log2_index),
              .count = count,
              .entry_size = has_hashes ? 24u : 16u,
              .key_at = has_hashes ? 8u : 0u};
}

Result<Keys> read_keys(const Objects& objects, const Version& version, Address keys) {
  if (!may_be_object(keys)) return broken(keys);
  return version.is_at_least(11) ? read_new_keys(objects, keys) : read_old_keys(objects, keys);
}

Result<DictEntries> own_entries(const Objects& objects, const Keys& keys, uint64_t used,
                                size_t max) {
  DictEntries entries{.list = {}, .total = used};
  for (uint64_t i = 0; i < keys.count && i < places_for(max); ++i) {
    if (entries.list.size() >= std::min<uint64_t>(max, used)) break;
    const Address at = keys.entries + i * keys.entry_size + keys.key_at;
    INQ_TRY(const Address key, objects.pointer(at, 0));
    INQ_TRY(const Address value, objects.pointer(at, 8));
    if (!key.is_null() && !value.is_null()) entries.list.push_back({key, value});
  }
  return entries;
}

// Where the values of shared keys lie, and in which order they came.
struct Shared {
  Address values;
  uint64_t count = 0;
  std::optional<Address> order;  // a byte each: the number of the key …
  bool order_descends = false;   // … at ever lower addresses (3.11, 3.12)
};

Result<Shared> read_shared(const Objects& objects, const Version& version, Address values,
                           const Keys& keys) {
  if (!version.is_at_least(11)) return Shared{.values = values, .count = keys.count, .order = {}};
  if (!version.is_at_least(13)) {
    INQ_TRY(const uint8_t count, objects.field<uint8_t>(Address(values.value - 2), 0));
    return Shared{.values = values,
                  .count = count,
                  .order = Address(values.value - 3),
                  .order_descends = true};
  }
  INQ_TRY(const uint8_t capacity, objects.field<uint8_t>(values, 0));
  INQ_TRY(const uint8_t count, objects.field<uint8_t>(values, 1));
  if (count > capacity) return broken(values);
  return Shared{.values = values + 8,
                .count = count,
                .order = values + 8 + uint64_t{capacity} * 8,
                .order_descends = false};
}

Result<DictEntries> shared_entries(const Objects& objects, const Version& version, const Keys& keys,
                                   Address values, size_t max) {
  INQ_TRY(const Shared shared, read_shared(objects, version, values, keys));
  if (shared.count > kMaxShared || keys.count > kMaxShared) return broken(values);
  DictEntries entries;
  for (uint64_t i = 0; i < shared.count; ++i) {
    uint64_t number = i;
    if (shared.order) {
      const Address at(shared.order_descends ? shared.order->value - i : shared.order->value + i);
      INQ_TRY(number, objects.field<uint8_t>(at, 0));
    }
    if (number >= keys.count) return broken(values);
    INQ_TRY(const Address key,
            objects.pointer(keys.entries + number * keys.entry_size + keys.key_at, 0));
    INQ_TRY(const Address value, objects.pointer(shared.values + number * 8, 0));
    if (key.is_null() || value.is_null()) continue;
    ++entries.total;
    if (entries.list.size() < max) entries.list.push_back({key, value});
  }
  return entries;
}

Result<std::optional<Address>> look_for(const Objects& objects, const DictEntries& entries,
                                        std::string_view key) {
  for (const DictEntry& entry : entries.list) {
    const auto text = objects.text(entry.key);
    if (text.ok() && *text == key) return std::optional(entry.value);
  }
  return std::optional<Address>();
}

}  // namespace

Result<DictEntries> entries_of(const Objects& objects, const Version& version, Address dict,
                               size_t max) {
  INQ_TRY(const uint64_t used, objects.field<uint64_t>(dict, kUsed));
  INQ_TRY(const Address at, objects.pointer(dict, kKeys));
  INQ_TRY(const Address values, objects.pointer(dict, kValues));
  INQ_TRY(const Keys keys, read_keys(objects, version, at));
  if (used > keys.count) {
    return Error(ErrorCode::kCorrupt, fmt::format("the dict at {} has {} entries and {} keys",
                                                  to_hex(dict), used, keys.count));
  }
  if (!values.is_null()) return shared_entries(objects, version, keys, values, max);
  return own_entries(objects, keys, used, max);
}

Result<DictEntries> entries_of(const Objects& objects, const Version& version,
                               const Types::Fields& fields, size_t max) {
  if (!fields.dict.is_null()) {
    INQ_TRY_STATUS(objects.check_type(fields.dict, "dict"));
    return entries_of(objects, version, fields.dict, max);
  }
  if (fields.values.is_null()) return DictEntries{};
  INQ_TRY(const Keys keys, read_keys(objects, version, fields.keys));
  return shared_entries(objects, version, keys, fields.values, max);
}

Result<std::optional<Address>> value_under(const Objects& objects, const Version& version,
                                           Address dict, std::string_view key) {
  INQ_TRY_STATUS(objects.check_type(dict, "dict"));
  INQ_TRY(const DictEntries entries, entries_of(objects, version, dict, kMaxEntriesScanned));
  return look_for(objects, entries, key);
}

Result<std::optional<Address>> field_under(const Objects& objects, const Types& types,
                                           const Version& version, Address object,
                                           std::string_view name) {
  INQ_TRY(const Type* type, types.of(object));
  for (const Slot& slot : type->slots) {
    if (slot.name != name) continue;
    INQ_TRY(const Address value, objects.pointer(object, slot.offset));
    return value.is_null() ? std::optional<Address>() : std::optional(value);
  }
  INQ_TRY(const Types::Fields fields, types.fields_of(object, *type));
  INQ_TRY(const DictEntries entries, entries_of(objects, version, fields, kMaxShared));
  return look_for(objects, entries, name);
}

// PySetObject (Include/cpython/setobject.h): entries of a key and its hash.
Result<SetItems> items_of(const Objects& objects, Address set, size_t max) {
  constexpr uint32_t kSetUsed = 24, kMask = 32, kTable = 40, kEntry = 16;
  INQ_TRY(const uint64_t used, objects.field<uint64_t>(set, kSetUsed));
  INQ_TRY(const uint64_t mask, objects.field<uint64_t>(set, kMask));
  INQ_TRY(const Address table, objects.pointer(set, kTable));
  if (table.is_null() || (mask & (mask + 1)) != 0 || mask >> 48 != 0 || used > mask) {
    return Error(ErrorCode::kCorrupt, fmt::format("the set at {} contradicts itself", to_hex(set)));
  }
  SetItems items{.list = {}, .total = used};
  for (uint64_t i = 0; i <= mask && i < places_for(max); ++i) {
    if (items.list.size() >= std::min<uint64_t>(max, used)) break;
    const Address entry = table + i * kEntry;
    INQ_TRY(const Address key, objects.pointer(entry, 0));
    INQ_TRY(const int64_t hash, objects.field<int64_t>(entry, 8));
    // What was taken out left a key that has no hash.
    if (!key.is_null() && hash != -1) items.list.push_back(key);
  }
  return items;
}

}  // namespace inquest::process::cpython
