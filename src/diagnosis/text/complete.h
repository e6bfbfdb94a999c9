// What all readers of reports share once the stacks are read.
#pragma once

#include <cstdint>
#include <optional>

#include "diagnosis/facts/facts.h"

namespace inquest::diagnosis {

// Fills in what follows from the stacks, by the same rules as for a core: whose code each function
// is, the frame to open first, the modules, the program's name and language.
// Call it once, last. From `crash_frame` on, the machinery of an abort is passed over.
void complete_facts(Facts& facts);

// The signal that ended the process, with its name and that of `code`.
void set_signal(Facts& facts, int number, std::optional<int> code = std::nullopt,
                std::optional<Address> address = std::nullopt);

// "SIGSEGV", "SEGV": its number; 0 when it is none.
int signal_number_of(std::string_view name);

// What an address tells without a map of the memory: null, the shape of a pointer, fill patterns.
AddressFacts bare_address_facts(Address address);

// A data access that the processor refused, as far as a text tells it: kind, access, address, pc.
// An access of unknown kind to its own pc is a jump to a place without code.
void set_fault(Facts& facts, AccessKind access, std::optional<Address> address,
               std::optional<Address> pc);

}  // namespace inquest::diagnosis
