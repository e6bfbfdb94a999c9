#include "base/address.h"

#include <fmt/format.h>

namespace inquest {

std::string to_hex(uint64_t value) { return fmt::format("{:#x}", value); }
std::string to_hex(Address address) { return to_hex(address.value); }

}  // namespace inquest
