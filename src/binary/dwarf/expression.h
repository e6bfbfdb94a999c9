// DWARF expressions (DWARF 5 section 2.5 and 2.6): the little stack machine behind CFI and variable
// locations.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/bytes.h"
#include "base/result.h"

namespace inquest::dwarf {

// A DW_TAG_base_type, as far as typed operations need it.
struct BaseType {
  enum class Kind : uint8_t { kUnsigned, kSigned, kFloat, kOther };
  Kind kind = Kind::kOther;
  uint64_t size = 0;  // bytes
};

// What an expression may ask of its frame. Every answer may be "unknown": then evaluation stops
// with a reason.
class ExpressionContext {
 public:
  virtual ~ExpressionContext() = default;
  virtual std::optional<uint64_t> dwarf_register(uint64_t number) const = 0;
  // The low 64 bits of a register, vector registers included: for DW_OP_regval_type.
  virtual std::optional<uint64_t> low_bits(uint64_t number) const { return dwarf_register(number); }
  // `size` bytes (1..8), zero-extended.
  virtual std::optional<uint64_t> memory(Address address, uint64_t size) const = 0;
  virtual std::optional<uint64_t> frame_base() const { return std::nullopt; }
  virtual std::optional<Address> call_frame_cfa() const { return std::nullopt; }
  virtual std::optional<uint64_t> tls_address(uint64_t offset) const;  // DW_OP_form_tls_address
  virtual std::optional<uint64_t> link_to_process(
      uint64_t link_address) const;  // DW_OP_addr: add the load bias
  // DW_OP_addrx, constx: the entry of .debug_addr as stored, a link-time address.
  virtual std::optional<uint64_t> indexed_address(uint64_t index) const;
  // DW_OP_entry_value: what `expression` (a register, or a register and an offset to read at) had
  // at function entry, from the caller's call-site parameters.
  virtual std::optional<uint64_t> entry_value(ByteView expression) const;
  virtual std::optional<uint64_t> object_address() const { return std::nullopt; }
  // The expression bytes of DW_OP_call2/call4/call_ref: the DW_AT_location of the DIE at this
  // offset (into its unit for call2 and call4, into .debug_info for call_ref). Empty when the DIE
  // has none: then the call does nothing.
  virtual std::optional<ByteView> called_expression(uint64_t die_offset, bool in_unit) const;
  // The base type at this offset into the unit, for DW_OP_convert, regval_type and the like. When
  // it is unknown, values keep the size that the operation itself states and conversions fail as
  // kUnsupported.
  virtual std::optional<BaseType> base_type(uint64_t unit_offset) const;
  // Bytes of a section offset: 4, or 8 in the 64-bit DWARF format.
  virtual unsigned offset_size() const { return 4; }
};

// Where (a piece of) a value is.
struct Piece {
  enum class Kind : uint8_t {
    kMemory,           // at `value` in the process
    kRegister,         // in DWARF register `value`
    kValue,            // is `value` itself (DW_OP_stack_value)
    kBytes,            // is `bytes` (DW_OP_implicit_value)
    kImplicitPointer,  // points at a thing with no address: DIE `value`, offset `offset`
    kEmpty,            // optimised out
  };
  Kind kind = Kind::kEmpty;
  uint64_t value = 0;
  int64_t offset = 0;
  ByteView bytes;
  std::optional<uint64_t> bit_size;  // of this piece; nullopt: the whole value
  uint64_t bit_offset = 0;
};

struct Location {
  std::vector<Piece> pieces;  // one unless DW_OP_piece was used; empty: optimised out
};

// Why an expression gave no location.
enum class EvalFailure : uint8_t {
  kUnknownRegister,  // lost by a callee
  kMissingMemory,    // not in the core
  kNoEntryValue,     // the caller did not record it
  kNoFrameBase,
  kNoTls,
  kUnsupported,  // an operation that we do not know
  kMalformed,    // stack underflow, endless loop, bad operand
};
std::string_view to_string(EvalFailure failure);  // for people

struct Evaluated {
  std::optional<Location> location;
  EvalFailure failure = EvalFailure::kMalformed;  // when there is no location
};

inline constexpr int kMaxExpressionSteps = 4096;
inline constexpr int kMaxCfiExpressionSteps =
    256;  // CFI is evaluated for each frame, and is never so long
inline constexpr size_t kMaxExpressionStack = 256;
inline constexpr int kMaxExpressionNesting = 16;  // DW_OP_call*

// Evaluates a location description. An empty expression is an empty Location (optimised out).
Evaluated evaluate(ByteView expression, const ExpressionContext& context);

// Evaluates to a plain number, as CFI and frame bases need; `initial` is pushed first when given
// (CFI pushes the CFA). A register location counts as that register's contents.
std::optional<uint64_t> evaluate_to_value(ByteView expression, const ExpressionContext& context,
                                          std::optional<uint64_t> initial = std::nullopt,
                                          int max_steps = kMaxExpressionSteps);

}  // namespace inquest::dwarf
