// FunctionCodes: functions that were decoded, kept for whoever asks next. One function is looked at
// from several sides: by name, by value, for its callers.
#pragma once

#include <map>
#include <memory>
#include <tuple>

#include "process/flow/function_code.h"

namespace inquest::process {

// Not thread-safe. The memory must outlive it. Whoever asks bounds how much is decoded.
class FunctionCodes {
 public:
  FunctionCodes(isa::Arch arch, const MemoryReader& memory) : arch_(arch), memory_(memory) {}

  // See FunctionCode::decode(). Stands as long as this does.
  const FunctionCode& at(AddressRange range, Address entry) {
    auto& code = decoded_[{range.start, range.end, entry}];
    if (!code)
      code = std::make_unique<FunctionCode>(FunctionCode::decode(arch_, memory_, range, entry));
    return *code;
  }

 private:
  isa::Arch arch_;
  const MemoryReader& memory_;
  std::map<std::tuple<Address, Address, Address>, std::unique_ptr<FunctionCode>> decoded_;
};

}  // namespace inquest::process
