#include "capture/record/core_writer.h"

#include <elf.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>

namespace inquest::capture {
namespace {

#if defined(__x86_64__)
constexpr uint16_t kMachine = EM_X86_64;
constexpr size_t kRegistersSize = 216, kPrstatusSize = 336;
constexpr uint32_t kExtendedType = NT_X86_XSTATE;
#else
constexpr uint16_t kMachine = EM_AARCH64;
constexpr size_t kRegistersSize = 272, kPrstatusSize = 392;
constexpr uint32_t kExtendedType = NT_ARM_SVE;
#endif

// Fields of struct elf_prstatus and elf_prpsinfo, the same on both architectures.
constexpr size_t kRegistersAt = 112;
constexpr int kZstdLevel = 3;

template <typename T>
void put(Bytes& bytes, size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

void append(Bytes& bytes, ByteView more) { bytes.insert(bytes.end(), more.begin(), more.end()); }

template <typename T>
void append_value(Bytes& bytes, T value) {
  append(bytes, {reinterpret_cast<const uint8_t*>(&value), sizeof value});
}

ByteView bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

void add_note(Bytes& notes, std::string_view owner, uint32_t type, ByteView description) {
  append_value(notes, static_cast<uint32_t>(owner.size() + 1));
  append_value(notes, static_cast<uint32_t>(description.size()));
  append_value(notes, type);
  append(notes, bytes_of(owner));
  notes.push_back(0);
  notes.resize((notes.size() + 3) & ~size_t{3});
  append(notes, description);
  notes.resize((notes.size() + 3) & ~size_t{3});
}

Bytes prpsinfo(const Circumstances& facts) {
  constexpr size_t kSize = 136, kNameAt = 40, kNameSize = 16, kArgumentsAt = 56,
                   kArgumentsSize = 80;
  Bytes note(kSize);
  const std::string_view states = "RSDTZW";
  const size_t state = states.find(facts.status.state);
  put(note, 0, static_cast<uint8_t>(state == std::string_view::npos ? 0 : state));
  put(note, 1, facts.status.state);
  put(note, 16, facts.status.uid.value_or(0));
  put(note, 20, facts.status.gid.value_or(0));
  put(note, 24, facts.status.thread_group);
  put(note, 28, facts.stat.parent);
  put(note, 32, facts.stat.group);
  put(note, 36, facts.stat.session);
  std::memcpy(note.data() + kNameAt, facts.status.name.data(),
              std::min(facts.status.name.size(), kNameSize - 1));
  const size_t size = std::min(facts.command_line.size(), kArgumentsSize - 1);
  for (size_t i = 0; i < size; ++i) {
    const char c = facts.command_line[i];
    note[kArgumentsAt + i] = static_cast<uint8_t>(c == '\0' ? ' ' : c);
  }
  return note;
}

Bytes prstatus(const Circumstances& facts, const ThreadState& thread, int signal) {
  Bytes note(kPrstatusSize);
  put(note, 0, static_cast<int32_t>(signal));
  put(note, 12, static_cast<int16_t>(signal));
  put(note, 24, facts.status.blocked);
  put(note, 32, static_cast<int32_t>(thread.tid));
  put(note, 36, facts.stat.parent);
  put(note, 40, facts.stat.group);
  put(note, 44, facts.stat.session);
  std::memcpy(note.data() + kRegistersAt, thread.registers.data(),
              std::min(thread.registers.size(), kRegistersSize));
  put(note, kRegistersAt + kRegistersSize, static_cast<int32_t>(!thread.float_registers.empty()));
  return note;
}

Bytes mapped_files(const std::vector<LiveMapping>& mappings) {
  Bytes ranges, names;
  uint64_t count = 0;
  for (const LiveMapping& mapping : mappings) {
    if (!mapping.is_file() || mapping.path.empty()) continue;
    ++count;
    append_value(ranges, mapping.range.start.value);
    append_value(ranges, mapping.range.end.value);
    append_value(ranges, mapping.file_offset / kPage);
    append(names, bytes_of(mapping.path));
    names.push_back(0);
  }
  Bytes note;
  append_value(note, count);
  append_value(note, kPage);
  append(note, ranges);
  append(note, names);
  return note;
}

void add_thread(Bytes& notes, const Circumstances& facts, const ThreadState& thread, int signal,
                bool is_crashed) {
  add_note(notes, "CORE", NT_PRSTATUS, prstatus(facts, thread, signal));
  if (is_crashed) {
    add_note(notes, "CORE", NT_PRPSINFO, prpsinfo(facts));
    if (!thread.siginfo.empty() && signal != 0) {
      add_note(notes, "CORE", NT_SIGINFO, thread.siginfo);
    }
    add_note(notes, "CORE", NT_AUXV, bytes_of(facts.auxv));
  }
  if (!thread.float_registers.empty()) add_note(notes, "CORE", NT_FPREGSET, thread.float_registers);
  if (!thread.extended.empty()) add_note(notes, "LINUX", kExtendedType, thread.extended);
  if (!thread.tls.empty()) add_note(notes, "LINUX", NT_ARM_TLS, thread.tls);
}

}  // namespace

Bytes core_notes(const Circumstances& circumstances, const std::vector<ThreadState>& threads,
                 int signal, const std::vector<LiveMapping>& mappings, std::string_view json) {
  Bytes notes;
  bool first = true;
  for (const ThreadState& thread : threads) {
    if (thread.registers.empty()) continue;
    add_thread(notes, circumstances, thread, signal, first);
    if (first) add_note(notes, "CORE", NT_FILE, mapped_files(mappings));
    first = false;
  }
  add_note(notes, "INQUEST", kNoteMaps, bytes_of(circumstances.maps));
  add_note(notes, "INQUEST", kNoteJson, bytes_of(json));
  return notes;
}

std::vector<CoreRange> ranges_of(const PageStore& pages, const std::vector<LiveMapping>& mappings) {
  std::vector<CoreRange> ranges;
  const LiveMapping* mapping = nullptr;
  for (const Address page : pages.addresses()) {
    const LiveMapping* before = mapping;
    if (mapping == nullptr || !mapping->range.contains(page))
      mapping = find_mapping(mappings, page);
    if (mapping == nullptr) continue;
    if (!ranges.empty() && mapping == before && ranges.back().range.end == page) {
      ranges.back().range.end = page + kPage;
      continue;
    }
    ranges.push_back({{page, page + kPage}, mapping->read, mapping->write, mapping->execute});
  }
  return ranges;
}

Bytes core_head(ByteView notes, const std::vector<CoreRange>& ranges) {
  const size_t count = ranges.size() + 1;
  const size_t notes_at = sizeof(Elf64_Ehdr) + count * sizeof(Elf64_Phdr);
  // More headers than the field can tell: their number goes into the first section header.
  const bool many = count >= PN_XNUM;
  const size_t notes_end = notes_at + notes.size();
  const size_t section_at = (notes_end + 7) & ~size_t{7};
  const size_t end = many ? section_at + sizeof(Elf64_Shdr) : notes_end;
  const size_t memory_at = (end + kPage - 1) & ~size_t{kPage - 1};

  Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_CORE;
  header.e_machine = kMachine;
  header.e_version = EV_CURRENT;
  header.e_phoff = sizeof header;
  header.e_ehsize = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = many ? PN_XNUM : static_cast<uint16_t>(count);
  Elf64_Shdr section = {};
  if (many) {
    header.e_shoff = section_at;
    header.e_shentsize = sizeof section;
    header.e_shnum = 1;
    section.sh_info = static_cast<uint32_t>(count);
    section.sh_size = 1;
  }

  Bytes head;
  head.reserve(memory_at);
  append_value(head, header);
  Elf64_Phdr segment = {};
  segment.p_type = PT_NOTE;
  segment.p_offset = notes_at;
  segment.p_filesz = notes.size();
  segment.p_align = 4;
  append_value(head, segment);
  uint64_t offset = memory_at;
  for (const CoreRange& range : ranges) {
    segment = {};
    segment.p_type = PT_LOAD;
    segment.p_flags =
        (range.read ? PF_R : 0u) | (range.write ? PF_W : 0u) | (range.execute ? PF_X : 0u);
    segment.p_offset = offset;
    segment.p_vaddr = range.range.start.value;
    segment.p_filesz = segment.p_memsz = range.range.size();
    segment.p_align = kPage;
    append_value(head, segment);
    offset += range.range.size();
  }
  append(head, notes);
  if (many) {
    head.resize(section_at);
    append_value(head, section);
  }
  head.resize(memory_at);
  return head;
}

Bytes core_of(ByteView notes, const PageStore& pages, const std::vector<LiveMapping>& mappings) {
  const std::vector<CoreRange> ranges = ranges_of(pages, mappings);
  Bytes core = core_head(notes, ranges);
  core.reserve(core.size() + pages.bytes());
  for (const CoreRange& range : ranges) {
    for (Address page = range.range.start; page < range.range.end; page = page + kPage) {
      append(core, pages.page(page));
    }
  }
  return core;
}

Result<Bytes> compress_record(ByteView bytes) {
  Bytes packed(ZSTD_compressBound(bytes.size()));
  ZSTD_CCtx* context = ZSTD_createCCtx();
  if (context == nullptr) return Error(ErrorCode::kUnavailable, "no memory to compress a record");
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, kZstdLevel);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  const size_t size =
      ZSTD_compress2(context, packed.data(), packed.size(), bytes.data(), bytes.size());
  ZSTD_freeCCtx(context);
  if (ZSTD_isError(size) != 0) return Error(ErrorCode::kIo, ZSTD_getErrorName(size));
  packed.resize(size);
  return packed;
}

}  // namespace inquest::capture
