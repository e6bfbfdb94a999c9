// SymbolFile: one of Breakpad's text symbol files.
//
// Source: Breakpad's docs/symbol_files.md. Addresses are relative to where the binary's first
// segment is loaded. The file is hostile: every number is checked, every list is bounded.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "binary/breakpad/record_index.h"
#include "platform/os/mapped_file.h"

namespace inquest::breakpad {

// Limits on what one address can make us read.
inline constexpr size_t kMaxFunctionLines = 1 << 18;
inline constexpr size_t kMaxInlinedCalls = 1 << 16;
inline constexpr size_t kMaxInlinedRanges = 1 << 18;  // of all calls in a function
inline constexpr size_t kMaxFrameRows = 1 << 16;
inline constexpr size_t kMaxFrameRules = 64;  // registers

// MODULE and INFO, the first lines.
struct Header {
  std::string system, arch, id, name;  // "Linux", "x86_64", 33 digits, "libc.so.6"
  std::string code_id;                 // the whole build-id in hexadecimal; empty when not there
};

// All texts are views of the file.
struct SourceLine {
  uint64_t address = 0, size = 0;
  uint32_t line = 0;
  uint32_t file = 0;  // see file_name()
};

struct InlinedCall {
  uint32_t depth = 0;      // 0: called by the function itself
  uint32_t call_line = 0;  // where the call stands in the caller
  std::optional<uint32_t> call_file;
  std::string_view name;
  std::vector<std::pair<uint64_t, uint64_t>> ranges;  // [start, end)
};

struct Function {
  uint64_t start = 0, end = 0;
  std::string_view name;
  bool is_public = false;          // a linker's symbol: the end is where the next one begins
  std::vector<SourceLine> lines;   // by address
  std::vector<InlinedCall> calls;  // callers before what they call
};

// How to find the caller's registers: postfix expressions, by the name of the register.
struct FrameRule {
  std::string_view name;  // "$rbx", "x29", ".cfa", ".ra"
  std::string_view expression;
};
struct FrameRules {
  uint64_t start = 0, end = 0;  // addresses for which they hold
  uint64_t function_start = 0, function_end = 0;
  std::vector<FrameRule> rules;
};

// Reads the header alone; kCorrupt when `start` is not that of a symbol file.
Result<Header> read_header(std::string_view start);

// Not changed after it was opened: may be asked from several threads.
class SymbolFile {
 public:
  // Reads the file through once. It stays mapped.
  static Result<std::unique_ptr<SymbolFile>> open(const std::string& path);
  // The same of bytes that outlive it.
  static Result<std::unique_ptr<SymbolFile>> parse(ByteView bytes, std::string path);

  const std::string& path() const { return path_; }
  const Header& header() const { return header_; }

  std::optional<Function> function_at(uint64_t address) const;
  // The name of the FILE record with this number; empty when there is none.
  std::string_view file_name(uint32_t number) const;
  std::optional<FrameRules> rules_at(uint64_t address) const;

 private:
  SymbolFile() = default;
  Status index(const std::function<void(uint64_t, uint64_t)>& done_with);
  std::optional<Function> read_function(uint64_t offset, uint64_t address) const;
  std::optional<Function> public_at(uint64_t address) const;
  void read_body(uint64_t offset, Function& function) const;
  std::optional<InlinedCall> read_inlined(std::string_view fields, size_t* ranges_left) const;
  std::string_view text_of(const RecordIndex::Places& places, uint64_t number) const;

  std::string path_;
  os::MappedFile file_;
  std::string_view text_;
  Header header_;
  RecordIndex index_;
};

}  // namespace inquest::breakpad
