#include "testing/core_builder.h"

#include <algorithm>
#include <cstring>

#include "testing/elf_builder.h"

namespace inquest::testing {
namespace {

template <typename T>
void put(Bytes& bytes, size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(T));
}

void put_text(Bytes& bytes, size_t offset, size_t room, const std::string& text) {
  std::memcpy(bytes.data() + offset, text.data(), std::min(room - 1, text.size()));
}

constexpr size_t kRegisters = 112;  // pr_reg in elf_prstatus

}  // namespace

void CoreBuilder::add_note(const std::string& name, uint32_t type, ByteView description) {
  const Bytes note = make_note(name, type, description);
  notes_.insert(notes_.end(), note.begin(), note.end());
}

void CoreBuilder::add_thread(const ThreadSpec& thread) {
  const bool x86 = machine_ == kX86_64;
  Bytes status(x86 ? 336 : 392);
  put(status, 12, thread.current_signal);
  put(status, 32, thread.tid);
  const auto set = [&](size_t index, uint64_t value) {
    put(status, kRegisters + index * 8, value);
  };
  set(x86 ? 16 : 32, thread.pc);
  set(x86 ? 19 : 31, thread.sp);
  set(x86 ? 4 : 29, thread.fp);
  for (const auto& [index, value] : thread.registers) set(index, value);
  add_note("CORE", 1, status);
}

void CoreBuilder::add_siginfo(int32_t number, int32_t code, uint64_t address_or_pid,
                              uint32_t second_word) {
  Bytes info(128);
  put(info, 0, number);
  put(info, 8, code);
  put(info, 16, address_or_pid);
  if (second_word != 0) put(info, number == 31 ? 24 : 20, second_word);
  add_note("CORE", 0x53494749, info);
}

void CoreBuilder::add_process(int32_t pid, const std::string& command, const std::string& arguments,
                              uint32_t uid) {
  Bytes info(136);
  put(info, 16, uid);
  put(info, 20, uid);
  put(info, 24, pid);
  put_text(info, 40, 16, command);
  put_text(info, 56, 80, arguments);
  add_note("CORE", 3, info);
}

void CoreBuilder::add_auxv(const std::vector<std::pair<uint64_t, uint64_t>>& entries) {
  Bytes auxv;
  for (const auto& [type, value] : entries) {
    append(auxv, type);
    append(auxv, value);
  }
  append(auxv, uint64_t{0});
  append(auxv, uint64_t{0});
  add_note("CORE", 6, auxv);
}

void CoreBuilder::add_file(uint64_t start, uint64_t end, uint64_t file_offset,
                           const std::string& path) {
  files_.push_back({start, end, file_offset / 4096, path});
}

void CoreBuilder::add_memory(uint64_t start, uint64_t size, uint32_t flags, Bytes contents) {
  loads_.push_back({start, size, flags, std::move(contents), std::nullopt});
}

void CoreBuilder::add_raw_load(uint64_t start, uint64_t size, uint64_t offset, uint64_t file_size,
                               uint32_t flags) {
  loads_.push_back({start, size, flags, {}, std::pair(offset, file_size)});
}

Bytes CoreBuilder::file_note() const {
  Bytes table;
  append(table, uint64_t{files_.size()});
  append(table, uint64_t{4096});
  for (const File& file : files_) {
    append(table, file.start);
    append(table, file.end);
    append(table, file.page_offset);
  }
  for (const File& file : files_) append_text(table, file.path);
  return make_note("CORE", 0x46494c45, table);
}

Bytes CoreBuilder::build() const {
  Bytes notes = notes_;
  if (!omit_files_) {
    const Bytes files = file_note();
    notes.insert(notes.end(), files.begin(), files.end());
  }
  const size_t headers = 64 + 56 * (loads_.size() + 1);
  Bytes core(headers);
  put(core, 0, uint64_t{0x00010102464c457f});
  put(core, 16, uint16_t{4});
  put(core, 18, machine_);
  put(core, 20, uint32_t{1});
  put(core, 32, uint64_t{64});
  put(core, 52, uint16_t{64});
  put(core, 54, uint16_t{56});
  put(core, 56, static_cast<uint16_t>(loads_.size() + 1));
  const auto header = [&core](size_t index, uint32_t type, uint32_t flags, uint64_t offset,
                              uint64_t start, uint64_t file_size, uint64_t size, uint64_t align) {
    const size_t at = 64 + index * 56;
    put(core, at, type);
    put(core, at + 4, flags);
    put(core, at + 8, offset);
    put(core, at + 16, start);
    put(core, at + 32, file_size);
    put(core, at + 40, size);
    put(core, at + 48, align);
  };
  header(0, 4, 0, headers, 0, notes.size(), 0, 4);
  core.insert(core.end(), notes.begin(), notes.end());
  core.resize((core.size() + 4095) / 4096 * 4096);
  for (size_t i = 0; i < loads_.size(); ++i) {
    const Load& load = loads_[i];
    const auto [offset, size] = load.raw.value_or(std::pair(core.size(), load.contents.size()));
    header(i + 1, 1, load.flags, offset, load.start, size, load.size, 4096);
    core.insert(core.end(), load.contents.begin(), load.contents.end());
  }
  return core;
}

}  // namespace inquest::testing
