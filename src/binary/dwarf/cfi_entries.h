// CIEs and FDEs, and the pointer encodings they use. Internal to cfi.cc.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/cursor.h"

namespace inquest::dwarf {

enum class FrameFormat : uint8_t { kEhFrame, kDebugFrame };

// One section of call frame information.
struct FrameSection {
  ByteView bytes;
  uint64_t address = 0;  // link-time; matters for .eh_frame only
  FrameFormat format = FrameFormat::kEhFrame;
};

// Reads one DW_EH_PE_* encoded pointer. `section_address` is that of the cursor's first byte;
// `data_base` is what DW_EH_PE_datarel counts from. nullopt: omitted, indirect, relative to
// something unknown, or cut off.
std::optional<uint64_t> read_encoded(Cursor& cursor, uint8_t encoding, uint64_t section_address,
                                     std::optional<uint64_t> data_base = std::nullopt);
// Bytes of one such pointer when that does not depend on its value.
std::optional<uint64_t> encoded_size(uint8_t encoding);

struct Cie {
  uint64_t code_alignment = 1;
  int64_t data_alignment = 1;
  uint16_t return_register = 0;
  uint8_t pointer_encoding = 0;  // of FDE addresses
  bool has_augmentation_size = false;
  bool signal_frame = false;
  ByteView instructions;
};

struct Fde {
  uint64_t start = 0, end = 0;
  uint64_t cie_offset = 0;
  ByteView instructions;
  uint64_t instructions_address = 0;  // link-time, for DW_CFA_set_loc
};

// One entry of the section, told apart but not yet read.
struct EntryHeader {
  bool is_cie = false;
  uint64_t cie_offset = 0;     // of an FDE: where its CIE starts
  uint64_t body = 0, end = 0;  // section offsets
};

// nullopt at a terminator (then *next is behind it) or when the length runs out of the section
// (*next at its end).
std::optional<EntryHeader> read_entry_header(const FrameSection& section, uint64_t offset,
                                             uint64_t* next);
std::optional<Cie> read_cie(const FrameSection& section, uint64_t offset);
std::optional<Fde> read_fde(const FrameSection& section, const EntryHeader& header, const Cie& cie);

}  // namespace inquest::dwarf
