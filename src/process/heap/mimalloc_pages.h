// The record of a page of mimalloc: which of the known forms it has in this process.
#pragma once

#include "process/heap/mimalloc_layout.h"

namespace inquest::process::mimalloc {

// Completes `found.layout` with what pages of all segments agree on. Answers the number of pages
// that vouch for it; 0 when no form fits them.
uint64_t derive_page_layout(const HeapInput& input, Found& found);

}  // namespace inquest::process::mimalloc
