// Stacks as Go's runtime prints them:
//
//   goroutine 7 [running, locked to thread]:
//   main.(*Cart).price(0xc000012345, 0x7)
//   	/src/app/cart.go:18 +0x6e fp=0xc0000a sp=0xc0000b pc=0x484540
//   created by main.main in goroutine 1
//   	/src/app/main.go:9 +0x1f
#pragma once

#include <cstddef>
#include <string_view>

#include "diagnosis/text/format.h"

namespace inquest::diagnosis {

// "goroutine 7 [running]:" or "runtime stack:"; `state` is what stands in brackets.
bool is_go_stack_header(std::string_view line, std::string_view* state = nullptr);

// The stack whose header is lines[0]. Returns the lines it takes, 0 when there is no header.
size_t read_go_stack(TextLines lines, StackFacts& stack);

}  // namespace inquest::diagnosis
