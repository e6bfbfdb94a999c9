// Call frame information: how to get from one frame to its caller, by pc (.eh_frame, .debug_frame).
//
// Sources: DWARF 5 section 6.4; Linux Standard Base Core 5.0 chapter 10.6 (.eh_frame,
// .eh_frame_hdr); AADWARF64 section 4.7. All addresses are link-time. Register numbers are those of
// DWARF; rules for registers from kMaxCfiRegister on (vectors, flags) are read over.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "binary/elf/file.h"

namespace inquest::dwarf {

inline constexpr uint16_t kMaxCfiRegister = 33;

// How to compute the canonical frame address, the caller's stack pointer.
struct CfaRule {
  enum class Kind : uint8_t { kNone, kRegister, kExpression };
  Kind kind = Kind::kNone;
  uint16_t reg = 0;  // kRegister: CFA = reg + offset
  int64_t offset = 0;
  ByteView expression;  // kExpression: CFA = its value
};

// How to get one register of the caller.
struct RegisterRule {
  enum class Kind : uint8_t {
    kUnspecified,  // the architecture's default: callee-saved registers kept, others lost
    kUndefined,    // lost; of the return address: this is the outermost frame
    kSameValue,
    kAtCfa,         // stored at CFA + offset
    kIsCfa,         // is CFA + offset
    kRegister,      // is in register `offset`
    kAtExpression,  // stored at the value of `expression`, with the CFA pushed first
    kIsExpression,  // is the value of `expression`, with the CFA pushed first
  };
  Kind kind = Kind::kUnspecified;
  uint16_t reg = 0;
  int64_t offset = 0;
  ByteView expression;
};

// The rules that hold at every pc of [start, end).
struct CfiRow {
  uint64_t start = 0, end = 0;
  uint64_t function_start = 0, function_end = 0;  // what the FDE covers
  CfaRule cfa;
  std::vector<RegisterRule> rules;  // by register, the unspecified ones left out
  uint16_t return_register = 0;
  bool signal_frame = false;  // augmentation 'S': what it returns to was interrupted, not calling
  bool return_address_signed = false;  // AArch64: the stored return address carries a PAC

  const RegisterRule* rule_for(uint16_t reg) const;
};

// Limits on hostile tables.
inline constexpr uint64_t kMaxCfaInstructions = 1 << 16;       // one row
inline constexpr uint64_t kMaxTotalCfaInstructions = 1 << 27;  // all rows of one table
inline constexpr size_t kMaxRememberedStates = 64;
inline constexpr size_t kMaxAugmentation = 16;

// Not thread-safe: indexes are built on first demand.
class CfiTable {
 public:
  struct Sections {
    ByteView eh_frame;
    uint64_t eh_frame_address = 0;
    ByteView eh_frame_hdr;  // its search table is used when it is whole; else .eh_frame is read
                            // through once
    uint64_t eh_frame_hdr_address = 0;
    ByteView debug_frame;
  };
  // What the sections view must outlive the table.
  explicit CfiTable(const Sections& sections);
  // .eh_frame_hdr, .eh_frame and .debug_frame of a binary or debug file, found by section or, when
  // section headers are stripped, by PT_GNU_EH_FRAME. Compressed sections are unpacked. `file` must
  // outlive the table. nullptr when the file holds no call frame information.
  static std::unique_ptr<CfiTable> from_file(const elf::File& file);
  // .debug_frame alone, as of a separate debug file, whose .eh_frame has no contents.
  static std::unique_ptr<CfiTable> debug_frame_of(const elf::File& file);
  ~CfiTable();

  // nullopt: no entry covers `pc`, or the one that does is malformed.
  std::optional<CfiRow> row_at(uint64_t pc);

  struct Function {
    uint64_t start = 0, end = 0;
  };
  // What the entry that covers `pc` covers, without running its program.
  std::optional<Function> function_at(uint64_t pc);
  // Was the search table of .eh_frame_hdr missing or found to be damaged?
  bool reads_eh_frame_linearly() const;

 private:
  struct Impl;
  static std::unique_ptr<CfiTable> from_sections(const elf::File& file, bool with_eh_frame);
  std::unique_ptr<Impl> impl_;
};

}  // namespace inquest::dwarf
