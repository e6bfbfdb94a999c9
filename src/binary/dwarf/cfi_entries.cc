#include "binary/dwarf/cfi_entries.h"

#include <dwarf.h>

#include <limits>

#include "binary/dwarf/cfi.h"

namespace inquest::dwarf {
namespace {

// LSB Core 5.0, table 10-1 and 10-2: the low half says the format, the next three bits what it is
// relative to.
constexpr uint8_t kFormatMask = 0x0f;
constexpr uint8_t kRelativeMask = 0x70;

std::optional<uint64_t> read_plain(Cursor& cursor, uint8_t format) {
  switch (format) {
    case DW_EH_PE_absptr:
    case DW_EH_PE_udata8:
    case DW_EH_PE_sdata8:
      return cursor.u64();
    case DW_EH_PE_uleb128:
      return cursor.uleb128();
    case DW_EH_PE_udata2:
      return cursor.u16();
    case DW_EH_PE_udata4:
      return cursor.u32();
    case DW_EH_PE_sleb128:
      return static_cast<uint64_t>(cursor.sleb128());
    case DW_EH_PE_sdata2:
      return static_cast<uint64_t>(int64_t{cursor.i16()});
    case DW_EH_PE_sdata4:
      return static_cast<uint64_t>(int64_t{cursor.i32()});
    default:
      return std::nullopt;
  }
}

// The augmentation string after 'z', one letter at a time; false for letters of unknown meaning.
bool read_augmentation(std::string_view letters, Cursor& data, Cie& cie) {
  for (const char letter : letters) {
    switch (letter) {
      case 'R':
        cie.pointer_encoding = data.u8();
        break;
      case 'L':
        data.u8();
        break;
      case 'S':
        cie.signal_frame = true;
        break;
      case 'B':
      case 'G':
        break;  // AArch64: signed with key B; memory tagging
      case 'P': {
        const uint8_t encoding = data.u8();
        if (encoding == DW_EH_PE_omit) break;
        if ((encoding & kRelativeMask) == DW_EH_PE_aligned) return false;
        if (!read_plain(data, encoding & kFormatMask)) return false;
        break;
      }
      default:
        return false;
    }
    if (!data.ok()) return false;
  }
  return true;
}

}  // namespace

std::optional<uint64_t> encoded_size(uint8_t encoding) {
  if (encoding == DW_EH_PE_omit) return std::nullopt;
  switch (encoding & kFormatMask) {
    case DW_EH_PE_absptr:
    case DW_EH_PE_udata8:
    case DW_EH_PE_sdata8:
      return 8;
    case DW_EH_PE_udata4:
    case DW_EH_PE_sdata4:
      return 4;
    case DW_EH_PE_udata2:
    case DW_EH_PE_sdata2:
      return 2;
    default:
      return std::nullopt;
  }
}

std::optional<uint64_t> read_encoded(Cursor& cursor, uint8_t encoding, uint64_t section_address,
                                     std::optional<uint64_t> data_base) {
  if (encoding == DW_EH_PE_omit || (encoding & DW_EH_PE_indirect) != 0) return std::nullopt;
  const uint64_t here = section_address + cursor.offset();
  uint64_t base = 0;
  switch (encoding & kRelativeMask) {
    case DW_EH_PE_absptr:
      break;
    case DW_EH_PE_pcrel:
      base = here;
      break;
    case DW_EH_PE_datarel:
      if (!data_base) return std::nullopt;
      base = *data_base;
      break;
    default:
      return std::nullopt;
  }
  const auto value = read_plain(cursor, encoding & kFormatMask);
  if (!value || !cursor.ok()) return std::nullopt;
  return base + *value;
}

std::optional<EntryHeader> read_entry_header(const FrameSection& section, uint64_t offset,
                                             uint64_t* next) {
  const uint64_t size = section.bytes.size();
  *next = size;
  Cursor cursor(section.bytes);
  cursor.seek(offset);
  uint64_t length = cursor.u32();
  const bool wide = length == std::numeric_limits<uint32_t>::max();  // 64-bit DWARF
  if (wide) length = cursor.u64();
  const uint64_t id_offset = cursor.offset();
  if (!cursor.ok() || length > size - id_offset) return std::nullopt;
  *next = id_offset + length;
  if (length == 0) return std::nullopt;

  const bool eh_frame = section.format == FrameFormat::kEhFrame;
  // In .eh_frame the id is 4 bytes in the wide format too, as every producer and consumer has it.
  const bool wide_id = wide && !eh_frame;
  const uint64_t id = wide_id ? cursor.u64() : cursor.u32();
  if (!cursor.ok() || cursor.offset() > *next) return std::nullopt;
  EntryHeader header{.body = cursor.offset(), .end = *next};
  if (eh_frame) {
    header.is_cie = id == 0;
    if (id > id_offset) return std::nullopt;
    header.cie_offset = id_offset - id;
  } else {
    header.is_cie = id == (wide_id ? std::numeric_limits<uint64_t>::max()
                                   : uint64_t{std::numeric_limits<uint32_t>::max()});
    header.cie_offset = id;
  }
  return header;
}

std::optional<Cie> read_cie(const FrameSection& section, uint64_t offset) {
  uint64_t next = 0;
  const auto header = read_entry_header(section, offset, &next);
  if (!header || !header->is_cie) return std::nullopt;
  Cursor cursor(section.bytes.subspan(header->body, header->end - header->body));
  Cie cie;
  const uint8_t version = cursor.u8();
  if (version != 1 && version != 3 && version != 4) return std::nullopt;

  const uint64_t letters_at = header->body + 1;
  const ByteView window = section.bytes.subspan(
      letters_at, std::min<uint64_t>(header->end - letters_at, kMaxAugmentation));
  const std::string_view augmentation = c_string(window);
  if (augmentation.size() == window.size()) return std::nullopt;
  cursor.skip(augmentation.size() + 1);
  if (version == 4) {
    const uint8_t address_size = cursor.u8();
    const uint8_t segment_size = cursor.u8();
    if (address_size != 8 || segment_size != 0) return std::nullopt;
  }
  const bool ancient = augmentation == "eh";  // gcc 2: a pointer to its exception table follows
  if (ancient) cursor.skip(8);
  cie.code_alignment = cursor.uleb128();
  cie.data_alignment = cursor.sleb128();
  const uint64_t return_register = version == 1 ? cursor.u8() : cursor.uleb128();
  if (return_register >= kMaxCfiRegister) return std::nullopt;
  cie.return_register = static_cast<uint16_t>(return_register);

  if (augmentation.starts_with('z')) {
    cie.has_augmentation_size = true;
    const uint64_t size = cursor.uleb128();
    Cursor data(cursor.bytes(size));
    if (!cursor.ok() || !read_augmentation(augmentation.substr(1), data, cie)) return std::nullopt;
  } else if (!augmentation.empty() && !ancient) {
    return std::nullopt;
  }
  cie.instructions = cursor.bytes(cursor.remaining());
  return cursor.ok() ? std::optional(cie) : std::nullopt;
}

std::optional<Fde> read_fde(const FrameSection& section, const EntryHeader& header,
                            const Cie& cie) {
  Cursor cursor(section.bytes.first(header.end));
  cursor.seek(header.body);
  Fde fde{.cie_offset = header.cie_offset};
  const auto start = read_encoded(cursor, cie.pointer_encoding, section.address);
  const auto size = read_plain(cursor, cie.pointer_encoding & kFormatMask);
  if (!start || !size || !cursor.ok()) return std::nullopt;
  const auto end = checked_add(*start, *size);
  if (!end) return std::nullopt;
  fde.start = *start;
  fde.end = *end;
  if (cie.has_augmentation_size) cursor.skip(cursor.uleb128());
  fde.instructions_address = section.address + cursor.offset();
  fde.instructions = cursor.bytes(cursor.remaining());
  return cursor.ok() ? std::optional(fde) : std::nullopt;
}

}  // namespace inquest::dwarf
