// Objects of CPython in the memory of the dead process: read as what they should be, or not at all.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/bytes.h"
#include "base/result.h"
#include "process/image/memory.h"
#include "process/runtime/cpython/layout.h"

namespace inquest::process::cpython {

inline constexpr uint64_t kMaxText = 4096;      // characters of a name
inline constexpr uint64_t kMaxBytes = 1 << 20;  // of a line table
inline constexpr uint64_t kMaxTypeName = 256;
inline constexpr uint64_t kMaxCopied = 128 << 20;  // bytes of texts and tables in all

// Can an object lie at `address`, by the address alone?
bool may_be_object(Address address);

// A word of a frame or of its stack. From 3.14 on its lowest bits say who counts the reference.
uint64_t without_mark(uint64_t word, const Version& version);

class Objects {
 public:
  Objects(const MemoryReader& memory, const Layout& layout) : memory_(memory), layout_(layout) {}

  const Layout& layout() const { return layout_; }

  // Fields. An error says why the bytes are not there: "0x7f… was not dumped".
  template <typename T>
  Result<T> field(Address object, uint32_t offset) const {
    const auto value = memory_.load<T>(object + offset);
    if (!value) return missing(object + offset);
    return *value;
  }
  // A pointer, which may be null, but not one that cannot point to an object.
  Result<Address> pointer(Address object, uint32_t offset) const;

  // Is `object` of the built-in type `name` ("code")? Its type's name is compared when it can be
  // read, else only whether the type is a type.
  Status check_type(Address object, std::string_view name) const;
  // The name of the type of `object`.
  Result<std::string> type_of(Address object) const;
  Result<std::string> name_of_type(Address type) const;
  // What to call the type where its name cannot be read.
  void learn_type(Address type, std::string_view name);

  Result<std::string> text(Address object) const;  // of a str, as UTF-8; cut at kMaxText
  Result<Bytes> bytes(Address object) const;       // of a bytes

  // Likewise of what is known to be a str, or of a class that is made from it: at most `max`
  // characters.
  struct Characters {
    std::vector<uint32_t> codes;
    uint64_t length = 0;  // of the whole
  };
  Result<Characters> characters(Address object, uint64_t max = kMaxText) const;
  std::string c_text(Address at) const;  // a C string; empty when it cannot be read
  Result<Bytes> copy(Address at, uint64_t size) const;

 private:
  Error missing(Address at) const;

  const MemoryReader& memory_;
  Layout layout_;
  mutable uint64_t copied_ = 0;
  // Names of types by address; empty: unreadable, but a type.
  mutable std::map<Address, std::string> types_;
  std::map<Address, std::string> learned_;
};

}  // namespace inquest::process::cpython
