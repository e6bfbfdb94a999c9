// What an object holds, as Python's repr() would tell it: bounded, without running any of the
// program's own code, and without what looks like a secret.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "process/runtime/cpython/dicts.h"
#include "process/runtime/cpython/objects.h"
#include "process/runtime/cpython/types.h"
#include "process/runtime/runtime.h"

namespace inquest::process::cpython {

inline constexpr size_t kMaxValueText = 500;        // bytes, about: what is begun is ended
inline constexpr size_t kMaxShownCharacters = 120;  // of one text
inline constexpr uint64_t kMaxTextRead = 1024;      // … and what is looked at for secrets
inline constexpr size_t kMaxShownItems = 12;        // of one container or instance
inline constexpr size_t kMaxNesting = 3;
inline constexpr uint64_t kMaxDigits = 100;      // of an int: 3000 bits
inline constexpr size_t kMaxAllValues = 60'000;  // objects read for all that is shown

class Values {
 public:
  Values(const Objects& objects, const Types& types, const Version& version)
      : objects_(objects), types_(types), version_(version) {}

  // Sets type and text of the variable, or why_not. Of one whose name says that it holds a secret
  // only the type is read.
  void show(Address object, RuntimeVariable& variable);

 private:
  // Each appends to the text. An error: the object itself cannot be read; of what is inside of it
  // the text says so.
  Status write(Address object, std::string& text);
  Status write_as(const Type& type, Address object, std::string& text);
  Status write_int(Address object, std::string& text) const;
  Status write_text(Address object, std::string& text) const;
  Status write_bytes(Address object, const Type& type, std::string& text) const;
  Status write_sequence(Address object, const Type& type, std::string& text);
  Status write_dict(Address object, std::string& text);
  Status write_set(Address object, const Type& type, std::string& text);
  Status write_exception(Address object, const Type& type, std::string& text);
  Status write_instance(Address object, const Type& type, std::string& text);
  void write_named(Address object, const Type& type, std::string& text) const;
  Status write_array(Address object, const Type& type, std::string& text) const;
  void write_inner(Address object, std::string& text);  // an item, which may be unreadable
  void write_items(Address items, uint64_t count, std::string& text);
  bool is_secret_key(Address key) const;
  std::string text_of(Address key) const;

  const Objects& objects_;
  const Types& types_;
  Version version_;
  size_t left_ = kMaxAllValues;
  std::vector<Address> inside_;  // the containers that are being written
};

}  // namespace inquest::process::cpython
