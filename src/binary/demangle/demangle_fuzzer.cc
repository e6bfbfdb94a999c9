// Any bytes are a symbol name: output stays within its limit, and the text helpers take what comes
// out.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "binary/demangle/demangle.h"
#include "binary/demangle/names.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace demangle = inquest::demangle;
  const std::string_view symbol(reinterpret_cast<const char*>(data), size);
  const size_t limit = demangle::kMaxDemangledSize + symbol.size() + 64;
  const auto split = demangle::split_suffix(symbol);
  INQ_CHECK(split.name.size() <= symbol.size());
  for (const std::string& name :
       {demangle::demangle(symbol), demangle::demangle_name_only(symbol), std::string(symbol)}) {
    INQ_CHECK(name.size() <= limit);
    INQ_CHECK(demangle::simplify_cxx(name).size() <= 2 * name.size() + 2);
    INQ_CHECK(demangle::shorten_template_arguments(name, 80).size() <= 2 * name.size() + 2);
  }
  return 0;
}
