// Containers and other library types that deserve better than their innards, recognised by type
// name and by the members that the library's layout has. What does not look as it should is said to
// be corrupt and not walked.
#pragma once

#include "process/symbols/value_printer.h"

namespace inquest::process {

// Prints `type` at `place` when it is a type known here; false (and nothing printed) when it is
// not.
bool print_container(ValuePrinter& printer, const dwarf::Type& type, const Place& place, int depth);

// One family a file; each answers as print_container does. `name` is plain_type_name(type.name).
struct ContainerQuestion {
  ValuePrinter& printer;
  const dwarf::Type& type;
  const Place& place;
  int depth;
  std::string name;
};
bool print_sequence(const ContainerQuestion& q);  // strings, views, vector, array, deque, lists
bool print_tree(const ContainerQuestion& q);      // set, map and their multi forms
bool print_hash(const ContainerQuestion& q);      // unordered forms
bool print_owner(const ContainerQuestion& q);     // smart pointers, function, atomic
bool print_sum(const ContainerQuestion& q);       // optional, variant, pair, tuple
bool print_rust(const ContainerQuestion& q);

// Reading members and saying what is wrong, shared by the families.
class ContainerReader {
 public:
  explicit ContainerReader(const ContainerQuestion& q) : q_(q) {}

  std::optional<Field> field(std::initializer_list<std::string_view> path) const {
    return q_.printer.types().find_path(q_.type, path);
  }
  // Of the first path that the structure has; nullopt when none does, or when it cannot be read.
  std::optional<uint64_t> number(std::initializer_list<std::string_view> path) const;
  // Does `data` hold `count` elements of `size` bytes? If not, prints why and answers false. An
  // empty range always does.
  bool plausible(uint64_t data, uint64_t count, uint64_t size) const;
  void corrupt(std::string_view what) const;  // "<what: corrupt or uninitialised>"
  void unreadable() const;                    // its own members cannot be read: why
  // "std::vector of length 3 = {"
  void open(uint64_t length) const;
  void close(uint64_t shown, uint64_t length) const;
  uint64_t shown(uint64_t length) const;

 private:
  const ContainerQuestion& q_;
};

inline constexpr uint64_t kMaxPlausibleBytes = uint64_t{1} << 44;  // of one container

}  // namespace inquest::process
