#include "process/symbols/containers.h"

#include <fmt/format.h>

#include <algorithm>

namespace inquest::process {

bool print_container(ValuePrinter& printer, const dwarf::Type& type, const Place& place,
                     int depth) {
  ContainerQuestion q{printer, type, place, depth, plain_type_name(type.name)};
  if (q.name.starts_with("std::") &&
      (print_sequence(q) || print_tree(q) || print_hash(q) || print_owner(q) || print_sum(q)))
    return true;
  return print_rust(q);
}

std::optional<uint64_t> ContainerReader::number(
    std::initializer_list<std::string_view> path) const {
  const auto found = field(path);
  return found ? q_.printer.scalar(*found, q_.place) : std::nullopt;
}

bool ContainerReader::plausible(uint64_t data, uint64_t count, uint64_t size) const {
  if (count == 0) return true;
  const auto bytes = checked_multiply(count, std::max<uint64_t>(size, 1));
  if (!bytes || *bytes > kMaxPlausibleBytes) {
    corrupt(fmt::format("size {} is not plausible", count));
    return false;
  }
  if (data == 0) {
    corrupt(fmt::format("size {}, but its data pointer is null", count));
    return false;
  }
  for (const Address end : {Address(data), Address(data + *bytes - 1)}) {
    if (q_.printer.memory().why_missing(end) != Missing::kUnmapped) continue;
    corrupt(fmt::format("size {}, but {} is not mapped", count, to_hex(end)));
    return false;
  }
  return true;
}

void ContainerReader::corrupt(std::string_view what) const {
  q_.printer.emit(fmt::format("<{}: {}: corrupt or uninitialised>", q_.name, what));
}

void ContainerReader::unreadable() const {
  const auto size = q_.printer.types().size(q_.type.die).value_or(1);
  const auto read = q_.place.read(q_.printer.memory(), size);
  if (read.state == ValueState::kPresent) return q_.printer.emit("{…}");
  q_.printer.missing(read);
}

void ContainerReader::open(uint64_t length) const {
  q_.printer.emit(fmt::format("{} of length {} = {{", q_.name, length));
}

uint64_t ContainerReader::shown(uint64_t length) const {
  return std::min<uint64_t>(length, q_.printer.options().max_elements);
}

void ContainerReader::close(uint64_t shown_count, uint64_t length) const {
  if (shown_count < length)
    q_.printer.emit(fmt::format("{}… {} more", shown_count > 0 ? ", " : "", length - shown_count));
  q_.printer.emit("}");
}

}  // namespace inquest::process
