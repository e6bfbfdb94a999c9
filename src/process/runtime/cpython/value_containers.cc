// What holds other objects: containers, exceptions and instances.
#include <fmt/format.h>

#include <utility>

#include "base/scrub.h"
#include "base/utf8.h"
#include "process/runtime/cpython/values.h"

namespace inquest::process::cpython {
namespace {

constexpr uint32_t kVariableSize = 16;  // ob_size
constexpr uint32_t kListItems = 24;

bool is_full(const std::string& text) { return text.size() >= kMaxValueText; }

}  // namespace

void Values::write_inner(Address object, std::string& text) {
  const size_t before = text.size(), depth = inside_.size();
  const Status status = write(object, text);
  if (status.ok()) return;
  text.resize(before);
  inside_.resize(depth);
  text += fmt::format("<{}>", status.error().message());
}

void Values::write_items(Address items, uint64_t count, std::string& text) {
  for (uint64_t i = 0; i < count; ++i) {
    if (i != 0) text += ", ";
    if (i == kMaxShownItems || is_full(text)) {
      text += fmt::format("… {} more", count - i);
      return;
    }
    const auto item = objects_.pointer(items, static_cast<uint32_t>(i * 8));
    if (!item.ok()) {
      text += fmt::format("<{}>", item.error().message());
    } else if (item->is_null()) {
      text += "<NULL>";
    } else {
      write_inner(*item, text);
    }
  }
}

Status Values::write_sequence(Address object, const Type& type, std::string& text) {
  const bool is_list = type.kind == Kind::kList;
  INQ_TRY(const int64_t count, objects_.field<int64_t>(object, kVariableSize));
  if (count < 0 || count >> 48 != 0) {
    return Error(ErrorCode::kCorrupt, fmt::format("the {} at {} has no size",
                                                  is_list ? "list" : "tuple", to_hex(object)));
  }
  Address items = object + objects_.layout().tuple_items;
  if (is_list) {
    INQ_TRY(items, objects_.pointer(object, kListItems));
    if (items.is_null() && count != 0) {
      return Error(ErrorCode::kCorrupt, fmt::format("the list at {} has no items", to_hex(object)));
    }
  }
  text += is_list ? "[" : "(";
  write_items(items, static_cast<uint64_t>(count), text);
  text += is_list ? "]" : count == 1 ? ",)" : ")";
  return {};
}

bool Values::is_secret_key(Address key) const { return is_secret_name(text_of(key)); }

// Of a str or of bytes, else empty.
std::string Values::text_of(Address key) const {
  const auto type = types_.of(key);
  if (!type.ok()) return {};
  std::string name;
  if ((*type)->kind == Kind::kText) {
    const auto all = objects_.characters(key, kMaxTextRead);
    if (!all.ok()) return {};
    for (const uint32_t code : all->codes) append_utf8(name, code);
  } else if ((*type)->kind == Kind::kBytes && (*type)->is_exact) {
    const auto bytes = objects_.bytes(key);
    if (bytes.ok()) name.assign(bytes->begin(), bytes->end());
  }
  return name;
}

Status Values::write_dict(Address object, std::string& text) {
  INQ_TRY(const DictEntries entries, entries_of(objects_, version_, object, kMaxShownItems));
  text += "{";
  for (size_t i = 0; i < entries.list.size(); ++i) {
    if (i != 0) text += ", ";
    if (is_full(text)) {
      text += fmt::format("… {} more", entries.total - i);
      break;
    }
    write_inner(entries.list[i].key, text);
    text += ": ";
    if (is_secret_key(entries.list[i].key)) {
      text += kScrubbed;
    } else {
      write_inner(entries.list[i].value, text);
    }
  }
  if (!is_full(text) && entries.total > entries.list.size())
    text += fmt::format("{}… {} more", entries.list.empty() ? "" : ", ",
                        entries.total - entries.list.size());
  text += "}";
  return {};
}

Status Values::write_set(Address object, const Type& type, std::string& text) {
  INQ_TRY(const SetItems items, items_of(objects_, object, kMaxShownItems));
  const bool is_plain = type.name == "set";
  if (items.total == 0) {
    text += type.name + "()";
    return {};
  }
  text += is_plain ? "{" : type.name + "({";
  for (size_t i = 0; i < items.total; ++i) {
    if (i != 0) text += ", ";
    if (i >= items.list.size() || is_full(text)) {
      text += fmt::format("… {} more", items.total - i);
      break;
    }
    write_inner(items.list[i], text);
  }
  text += is_plain ? "}" : "})";
  return {};
}

Status Values::write_exception(Address object, const Type& type, std::string& text) {
  INQ_TRY(const Address arguments, objects_.pointer(object, objects_.layout().exception_arguments));
  text += type.name + "(";
  if (!arguments.is_null()) {
    INQ_TRY_STATUS(objects_.check_type(arguments, "tuple"));
    INQ_TRY(const int64_t count, objects_.field<int64_t>(arguments, kVariableSize));
    if (count < 0 || count >> 48 != 0) {
      return Error(ErrorCode::kCorrupt,
                   fmt::format("the tuple at {} has no size", to_hex(arguments)));
    }
    write_items(arguments + objects_.layout().tuple_items, static_cast<uint64_t>(count), text);
  }
  text += ")";
  return {};
}

// Type(field=…): what __slots__ and the instance's own dict hold. Nothing of the program runs: what
// a property would answer is not told.
Status Values::write_instance(Address object, const Type& type, std::string& text) {
  if (!type.is_heap) {
    text += type.at_address(object);
    return {};
  }
  INQ_TRY(const Types::Fields place, types_.fields_of(object, type));
  if (!place.has_place && type.slots.empty()) {
    text += type.at_address(object);
    return {};
  }
  INQ_TRY(const DictEntries entries, entries_of(objects_, version_, place, kMaxShownItems));
  std::vector<std::pair<std::string, Address>> fields;
  for (const Slot& slot : type.slots) {
    INQ_TRY(const Address value, objects_.pointer(object, slot.offset));
    if (!value.is_null()) fields.emplace_back(slot.name, value);
  }
  for (const DictEntry& entry : entries.list) fields.emplace_back(text_of(entry.key), entry.value);
  const size_t total = fields.size() + entries.total - entries.list.size();
  text += type.name + "(";
  for (size_t i = 0; i < total; ++i) {
    if (i != 0) text += ", ";
    if (i >= fields.size() || i == kMaxShownItems || is_full(text)) {
      text += fmt::format("… {} more", total - i);
      break;
    }
    const auto& [name, value] = fields[i];
    text += (name.empty() ? "?" : name) + "=";
    if (is_secret_name(name)) {
      text += kScrubbed;
    } else {
      write_inner(value, text);
    }
  }
  text += ")";
  return {};
}

}  // namespace inquest::process::cpython
