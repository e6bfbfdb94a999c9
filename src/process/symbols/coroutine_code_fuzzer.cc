// Any text as a symbol: the function that a coroutine's part is named after lies in it.
#include "process/symbols/coroutine_code.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view symbol(reinterpret_cast<const char*>(data), size);
  const auto found = inquest::process::coroutine_symbol(symbol);
  if (!found) return 0;
  const size_t start = static_cast<size_t>(found->function.data() - symbol.data());
  if (found->function.empty() || start + found->function.size() >= symbol.size()) __builtin_trap();
  return 0;
}
