// Address: a place in the crashed process. Never a raw integer, never a pointer of ours.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace inquest {

struct Address {
  uint64_t value = 0;

  constexpr Address() = default;
  constexpr explicit Address(uint64_t v) : value(v) {}

  constexpr auto operator<=>(const Address&) const = default;
  // Wraps around as the processor's own address arithmetic does.
  constexpr Address operator+(uint64_t offset) const { return Address(value + offset); }
  constexpr Address operator-(uint64_t offset) const { return Address(value - offset); }
  constexpr uint64_t operator-(Address other) const { return value - other.value; }
  constexpr bool is_null() const { return value == 0; }
  // The start of the 4 KiB page that holds this address.
  constexpr Address page() const { return Address(value & ~uint64_t{0xfff}); }
};

// A half-open range [start, end) of the crashed process.
struct AddressRange {
  Address start;
  Address end;

  constexpr bool contains(Address a) const { return start <= a && a < end; }
  constexpr uint64_t size() const { return end - start; }
  constexpr bool operator==(const AddressRange&) const = default;
};

// "0x7ffd12345678"
std::string to_hex(Address address);
std::string to_hex(uint64_t value);

}  // namespace inquest

template <>
struct std::hash<inquest::Address> {
  size_t operator()(inquest::Address a) const noexcept { return std::hash<uint64_t>{}(a.value); }
};
