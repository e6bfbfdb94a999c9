// What a type says of its instances: which built-in they are at heart, and where their fields lie.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "process/runtime/cpython/objects.h"
#include "process/runtime/cpython/version.h"

namespace inquest::process::cpython {

// The built-in type that rules how the object is laid out.
enum class Kind : uint8_t {
  kOther,
  kNone,
  kEllipsis,
  kNotImplemented,
  kBool,
  kInt,
  kFloat,
  kComplex,
  kText,
  kBytes,
  kByteArray,
  kList,
  kTuple,
  kDict,
  kSet,
  kException,
  kType,
  kCell,
  kModule,
  kFunction,
  kWeakReference,
  kGenerator,
  kCoroutine,
  kAsyncGenerator,
  kAsyncStep,  // of an asynchronous generator: what its __anext__() and asend() answer
  kCoroutineWrapper,
  kTask,    // _asyncio.Task
  kFuture,  // _asyncio.Future
  kArray,   // numpy.ndarray
};

struct Slot {
  std::string name;
  uint32_t offset = 0;  // of a pointer to its value, null when it has none
};

struct Type {
  std::string name;
  Kind kind = Kind::kOther;
  bool is_exact = false;  // it is that built-in itself, not a class made from it
  bool is_heap = false;   // made by a class statement, or by a module that makes its types so
  uint64_t flags = 0;
  int64_t basic_size = 0, item_size = 0, dict_offset = 0;
  uint64_t cached_keys = 0;  // of instances whose values lie with them; 0: none
  std::vector<Slot> slots;   // of __slots__, the base's first

  std::string at_address(Address object) const;  // "<Order at 0x7f…>"
};

inline constexpr size_t kMaxBases = 64;
inline constexpr size_t kMaxSlots = 64;  // of one class

class Types {
 public:
  Types(const Objects& objects, const Version& version) : objects_(objects), version_(version) {}

  // Of the object at `object`.
  Result<const Type*> of(Address object) const;
  // What lies at `type` itself.
  Result<const Type*> at(Address type) const;

  // Where the instance keeps its fields.
  struct Fields {
    Address dict;            // null: none, or …
    Address keys, values;    // … keys of the class and values that lie with the instance
    bool has_place = false;  // it could have fields; when both are null it has none
  };
  Result<Fields> fields_of(Address object, const Type& type) const;

 private:
  Result<Type> read(Address type) const;
  void add_slots(Address type, Type& result) const;
  Result<Fields> managed_fields(Address object, const Type& type) const;

  const Objects& objects_;
  Version version_;
  mutable std::map<Address, Type> known_;
};

}  // namespace inquest::process::cpython
