// DebugInfo: what the compiler wrote down about one binary.
//
// Only the pages that are needed are read, and compressed sections are inflated only as far as
// somebody looks. All addresses are link-time. DIEs are named by offset: plain values that can be
// kept and compared. What hostile data contradicts or hides is left out of answers; one question
// costs about a second at most, then the answer is cut.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "binary/dwarf/expression.h"
#include "binary/dwarf/section_memory.h"
#include "binary/elf/file.h"

namespace inquest::dwarf {

// A DIE: which DIE space (0 .debug_info of the debug file, 1 that of its dwz file, from 2 on
// .debug_types and split units in the order they were met by this DebugInfo), and its offset there.
struct DieRef {
  uint32_t file = 0;
  uint64_t offset = 0;
  auto operator<=>(const DieRef&) const = default;
};

struct LineRow {
  std::string_view file;  // absolute where the unit has a compilation directory
  uint32_t line = 0;
  uint32_t column = 0;
};

// A function, or an inlined instance of one, that covers a pc.
struct FunctionScope {
  DieRef die;                // DW_TAG_subprogram or DW_TAG_inlined_subroutine
  std::string name;          // DW_AT_name, with namespaces and classes: "shop::quote"
  std::string linkage_name;  // may be empty
  bool is_inlined = false;
  uint64_t low_pc = 0;     // entry of this instance
  uint64_t code_size = 0;  // bytes of code; only of the physical function, from scopes_at
  std::string call_file;   // of an inlined instance: where it was inlined
  uint32_t call_line = 0, call_column = 0;
  std::string decl_file;
  uint32_t decl_line = 0;
};

struct VariableInfo {
  DieRef die;
  std::string name;
  std::optional<DieRef> type;
  bool is_parameter = false;
  bool is_artificial = false;  // `this`, compiler temporaries
  std::string decl_file;
  uint32_t decl_line = 0;
  size_t scope = 0;  // index into the scopes that were asked about (0 = innermost function)
  std::optional<ByteView> location;  // expression valid at the pc; nullopt: optimised out there
  std::optional<int64_t> constant;   // DW_AT_const_value, integers
  std::optional<ByteView> constant_bytes;  // DW_AT_const_value, block or string
  bool is_external_declaration = false;
};

enum class TypeKind : uint8_t {
  kVoid,
  kBool,
  kChar,
  kSigned,
  kUnsigned,
  kFloat,
  kComplex,  // two floats
  kPointer,
  kReference,
  kRvalueReference,
  kMemberPointer,
  kStruct,
  kClass,
  kUnion,
  kEnum,
  kArray,
  kFunction,
  kTypedef,
  kConst,
  kVolatile,
  kOther,
};

struct Member {
  std::string name;  // empty for anonymous structs and bases
  DieRef type;
  uint64_t offset = 0;           // bytes from the start of the structure
  bool is_base = false;          // DW_TAG_inheritance
  bool is_virtual_base = false;  // then offset is not known here
  bool is_static = false;
  uint32_t bit_size = 0;    // bit fields; else 0
  uint32_t bit_offset = 0;  // from `offset`, least significant first
  std::optional<uint64_t>
      discriminant;  // Rust enum variants: selected by this value of the discriminant member
  std::vector<std::pair<uint64_t, uint64_t>> discriminant_ranges;  // first to last, inclusive
  bool is_default_variant = false;                                 // selected when no other one is
};

struct Type {
  DieRef die;
  TypeKind kind = TypeKind::kOther;
  std::string name;              // qualified, as in source; empty for anonymous
  std::optional<uint64_t> size;  // bytes
  uint64_t alignment = 0;        // bytes, where the source asks for more than its parts; else 0
  std::optional<DieRef> target;  // pointee, element, aliased or underlying type, or return type
  std::vector<Member>
      members;  // kStruct, kClass, kUnion; bases first. Rust variants are members too
  std::optional<DieRef> discriminant_type;
  std::optional<uint64_t> discriminant_offset;      // Rust enums (DW_TAG_variant_part)
  std::vector<std::optional<uint64_t>> dimensions;  // kArray: element counts, outermost first
  std::vector<std::pair<std::string, int64_t>> enumerators;
  std::vector<std::pair<std::string, DieRef>> template_types;  // DW_TAG_template_type_parameter
  bool is_declaration = false;  // incomplete here; resolve_declaration may find the definition
};

struct CallSiteParameter {
  ByteView location;  // where the callee finds it (DW_AT_location): usually DW_OP_regN
  ByteView value;     // expression in the caller (DW_AT_call_value)
};

struct CallSite {
  std::optional<DieRef> callee;  // DW_AT_call_origin
  bool is_tail_call = false;
  std::vector<CallSiteParameter> parameters;
};

enum class Language : uint8_t { kC, kCxx, kRust, kGo, kOther };

// Not thread-safe. Views and string_views live as long as the DebugInfo.
class DebugInfo {
 public:
  // `debug` holds .debug_info; `binary` may be the same. `alt` is the dwz file or nullptr. All must
  // outlive this. `binary_path` helps finding .dwo and .dwp files. kNotFound when there is no
  // .debug_info. `memory` (may be nullptr, must outlive this) recalls compressed sections.
  static Result<std::unique_ptr<DebugInfo>> open(const elf::File& debug, const elf::File* binary,
                                                 const elf::File* alt,
                                                 const std::string& binary_path,
                                                 SectionMemory* memory = nullptr);
  ~DebugInfo();

  // Finds the units of all these in one pass over .debug_aranges. Only saves time.
  void prepare(std::span<const uint64_t> pcs);

  // The compilation unit that covers `pc`, as an opaque key; nullopt when none does.
  std::optional<uint64_t> unit_at(uint64_t pc);
  Language language(uint64_t unit);
  std::string producer(uint64_t unit);  // "GNU C++17 12.2.0 -O2 …"

  // The functions at `pc`, innermost (inlined) first, the physical one last. Empty when none covers
  // it. Without `qualified`, `name` is DW_AT_name alone where there is a linkage_name: cheaper.
  std::vector<FunctionScope> scopes_at(uint64_t pc, bool qualified = true);
  std::optional<LineRow> line_at(uint64_t pc);

  // The whole physical function at `pc`, for the index: its scopes, parents before children, and
  // its line rows.
  struct UnitScope {
    FunctionScope scope;
    std::vector<std::pair<uint64_t, uint64_t>> ranges;
    int32_t parent;
  };
  std::vector<UnitScope> function_tree(uint64_t pc, bool qualified = true);

  // All line rows and function ranges of one unit.
  struct UnitLine {
    uint64_t address;
    std::string_view file;
    uint32_t line, column;
    bool end_sequence;
  };
  std::vector<UnitLine> unit_lines(uint64_t unit);
  // The rows in force inside [low, high) in the unit at `pc`.
  std::vector<UnitLine> lines_between(uint64_t low, uint64_t high);
  std::vector<UnitScope> unit_scopes(
      uint64_t unit);  // parents before children; parent -1: a physical function
  std::vector<std::pair<uint64_t, uint64_t>> unit_ranges(uint64_t unit);

  // Variables of all scopes at `pc` (lexical blocks that cover it included), in the order of
  // scopes_at.
  std::vector<VariableInfo> variables_at(uint64_t pc);
  // All location-list entries of a variable, to find which variable a register held where.
  struct LocationRange {
    uint64_t low, high;
    ByteView expression;
  };
  std::vector<LocationRange> locations(DieRef variable);
  std::optional<ByteView> frame_base(uint64_t pc);
  std::optional<CallSite> call_site(uint64_t return_pc);

  Type type(DieRef ref);
  // Follows typedef, const, volatile (and resolves declarations by name in the same unit or file).
  Type strip(DieRef ref);
  std::string type_name(DieRef ref);  // "const shop::Order*"
  std::optional<DieRef> find_type(
      std::string_view qualified_name);  // slow path: index of global names

  struct GlobalInfo {
    std::string name;
    DieRef die;
    std::optional<DieRef> type;
    uint64_t address;
    uint64_t size;
  };
  std::optional<GlobalInfo> global_at(uint64_t link_address);

  // Hands what was read of compressed sections to the memory.
  void keep_sections();

  // What could not be found and what to do about it (split units), for people.
  const std::vector<std::string>& notes() const;

  // For DWARF expressions of this unit.
  std::optional<uint64_t> indexed_address(uint64_t unit, uint64_t index);
  // `in_unit`: the offset counts from the unit, not from the section.
  std::optional<ByteView> location_of_die(uint64_t unit, uint64_t die_offset, bool in_unit);
  std::optional<BaseType> base_type(uint64_t unit, uint64_t offset_in_unit);
  unsigned offset_size(uint64_t unit);
  // The variable at this offset of the section that `unit` is in, as it is at `pc`: what
  // DW_OP_implicit_pointer points at.
  std::optional<VariableInfo> variable(uint64_t unit, uint64_t section_offset, uint64_t pc);

  struct Impl;

 private:
  explicit DebugInfo(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace inquest::dwarf
