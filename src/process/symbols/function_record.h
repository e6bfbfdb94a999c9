// FunctionRecord: all that is worth knowing about one function's code: its inline tree and its
// lines.
//
// The unit of the symbol index: one look into DWARF answers every pc of the function for ever.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "process/symbols/symbols.h"

namespace inquest::process {

struct FunctionRecord {
  struct Scope {
    std::string name;          // qualified DW_AT_name; may be empty when there is a linkage name
    std::string linkage_name;  // as the linker saw it
    std::string call_file;     // of inlined scopes
    uint32_t call_line = 0, call_column = 0;
    int32_t parent = -1;  // parents stand before their children; scope 0 is the physical function
    uint64_t start = 0;   // link-time address of the entry
    std::vector<std::pair<uint64_t, uint64_t>> ranges;
  };
  struct Line {
    uint64_t address = 0;
    uint32_t file = 0;  // index into files; kNoFile ends a stretch of code
    uint32_t line = 0, column = 0;
  };
  static constexpr uint32_t kNoFile = 0xffffffff;

  NameSource source = NameSource::kNone;
  // Not 0: holds only as long as the files that were searched are the same ones (see
  // module_identity).
  uint64_t identity = 0;
  std::vector<std::pair<uint64_t, uint64_t>> ranges;  // the addresses it answers for
  std::vector<Scope> scopes;                          // empty: nothing is known here
  std::vector<std::string> files;
  std::vector<Line> lines;  // by address

  // The functions at `pc`, innermost first; at least one.
  std::vector<SourceFrame> frames_at(uint64_t pc) const;
};

// docs/formats/symbol-index.md, "Function record".
Bytes encode(const FunctionRecord& record);
Result<FunctionRecord> decode_function_record(ByteView bytes);

}  // namespace inquest::process
