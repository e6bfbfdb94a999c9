// The program's code looked through byte by byte for what may be a store, a call or an address that
// is made, without decoding it: what is found here may be no instruction at all.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/address.h"
#include "diagnosis/facts/site.h"

namespace inquest::diagnosis {

// The executable parts of the module around `near`. A part of too large a program would be an
// arbitrary one: then there are none.
std::vector<AddressRange> searched_code(const Site& site, Address near);

// One byte sequence that may be a store at a displacement.
struct CodeShape {
  Address pc;
  int64_t displacement = 0;
  std::optional<Address> address;  // relative to the instruction: a global
  bool is_address_only = false;    // lea
  bool is_byte = false;
};

void for_each_shape(const Site& site, Address near,
                    const std::function<void(const CodeShape&)>& visit);

// Calls, and jumps that may be tail calls.
void for_each_direct_call(const Site& site, Address near,
                          const std::function<void(Address pc, Address target)>& visit);

// Instructions that make the address of a place on the stack, until `visit` answers false.
void for_each_stack_address(const Site& site, Address near,
                            const std::function<bool(Address pc)>& visit);

}  // namespace inquest::diagnosis
