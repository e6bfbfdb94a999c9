#include "testing/minidump_builder.h"

namespace inquest::testing {
namespace {

template <typename T>
void put(Bytes& bytes, T value) {
  const auto* raw = reinterpret_cast<const uint8_t*>(&value);
  bytes.insert(bytes.end(), raw, raw + sizeof(T));
}

template <typename T>
void put_at(Bytes& bytes, size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(T));
}

void pad(Bytes& bytes, size_t alignment) {
  while (bytes.size() % alignment != 0) bytes.push_back(0);
}

Bytes amd64_context(const MinidumpBuilder::ThreadSpec& thread) {
  constexpr size_t kFlags = 0x30, kRegisters = 0x78, kRsp = 4, kRbp = 5, kRip = 0xf8;
  Bytes context(1232, 0);
  put_at<uint32_t>(context, kFlags, 0x0010000f);
  for (const auto& [index, value] : thread.registers) {
    put_at<uint64_t>(context, kRegisters + index * 8, value);
  }
  put_at<uint64_t>(context, kRegisters + kRsp * 8, thread.sp);
  put_at<uint64_t>(context, kRegisters + kRbp * 8, thread.fp);
  put_at<uint64_t>(context, kRip, thread.pc);
  return context;
}

Bytes arm64_context(const MinidumpBuilder::ThreadSpec& thread, bool old) {
  constexpr size_t kRegisters = 8, kFp = 29, kSp = 31, kPc = 32;
  Bytes context(old ? 796 : 912, 0);
  if (old) {
    put_at<uint64_t>(context, 0, 0x80000006);
  } else {
    put_at<uint32_t>(context, 0, 0x00400007);
  }
  for (const auto& [index, value] : thread.registers) {
    put_at<uint64_t>(context, kRegisters + index * 8, value);
  }
  put_at<uint64_t>(context, kRegisters + kFp * 8, thread.fp);
  put_at<uint64_t>(context, kRegisters + kSp * 8, thread.sp);
  put_at<uint64_t>(context, kRegisters + kPc * 8, thread.pc);
  return context;
}

}  // namespace

MinidumpBuilder::MinidumpBuilder(uint16_t processor, uint32_t system, const std::string& version)
    : processor_(processor), file_(32, 0) {
  const uint32_t text = add_utf16(version);
  Bytes info(56, 0);
  put_at<uint16_t>(info, 0, processor);
  put_at<uint32_t>(info, 20, system);
  put_at<uint32_t>(info, 24, text);
  add_stream(7, info);
}

uint32_t MinidumpBuilder::add_bytes(const Bytes& bytes) {
  pad(file_, 8);
  const auto rva = static_cast<uint32_t>(file_.size());
  file_.insert(file_.end(), bytes.begin(), bytes.end());
  return rva;
}

uint32_t MinidumpBuilder::add_utf16(const std::string& ascii) {
  Bytes bytes;
  put<uint32_t>(bytes, static_cast<uint32_t>(2 * ascii.size()));
  for (const char c : ascii) put<uint16_t>(bytes, static_cast<uint8_t>(c));
  put<uint16_t>(bytes, 0);
  return add_bytes(bytes);
}

uint32_t MinidumpBuilder::add_utf8(const std::string& text) {
  Bytes bytes;
  put<uint32_t>(bytes, static_cast<uint32_t>(text.size()));
  bytes.insert(bytes.end(), text.begin(), text.end());
  bytes.push_back(0);
  return add_bytes(bytes);
}

void MinidumpBuilder::add_stream(uint32_t type, const Bytes& contents) {
  const uint32_t rva = add_bytes(contents);
  streams_.push_back({type, static_cast<uint32_t>(contents.size()), rva});
}

void MinidumpBuilder::add_text_stream(uint32_t type, const std::string& text) {
  add_stream(type, Bytes(text.begin(), text.end()));
}

Bytes MinidumpBuilder::context(const ThreadSpec& thread) const {
  return processor_ == kArm64 || processor_ == kArm64Old
             ? arm64_context(thread, processor_ == kArm64Old)
             : amd64_context(thread);
}

void MinidumpBuilder::add_thread(const ThreadSpec& thread) {
  const Bytes registers = thread.without_context ? Bytes() : context(thread);
  const uint32_t context_rva = add_bytes(registers);
  const uint32_t stack_rva = add_bytes(thread.stack);
  Bytes entry;
  put<uint32_t>(entry, thread.tid);
  entry.resize(16);
  put<uint64_t>(entry, thread.thread_block);
  put<uint64_t>(entry, thread.stack_start);
  put<uint32_t>(entry, static_cast<uint32_t>(thread.stack.size()));
  put<uint32_t>(entry, stack_rva);
  put<uint32_t>(entry, static_cast<uint32_t>(registers.size()));
  put<uint32_t>(entry, context_rva);
  threads_.push_back(std::move(entry));
}

void MinidumpBuilder::add_thread_name(uint32_t tid, const std::string& name) {
  const uint32_t rva = add_utf16(name);
  Bytes entry;
  put<uint32_t>(entry, tid);
  put<uint64_t>(entry, rva);
  names_.push_back(std::move(entry));
}

void MinidumpBuilder::add_module(uint64_t base, uint32_t size, const std::string& path,
                                 const Bytes& code_view) {
  const uint32_t name = add_utf16(path);
  const uint32_t record = add_bytes(code_view);
  Bytes entry(108, 0);
  put_at<uint64_t>(entry, 0, base);
  put_at<uint32_t>(entry, 8, size);
  put_at<uint32_t>(entry, 20, name);
  put_at<uint32_t>(entry, 76, static_cast<uint32_t>(code_view.size()));
  put_at<uint32_t>(entry, 80, record);
  modules_.push_back(std::move(entry));
}

Bytes MinidumpBuilder::build_id_record(const Bytes& build_id) {
  Bytes record = {'L', 'E', 'p', 'B'};
  record.insert(record.end(), build_id.begin(), build_id.end());
  return record;
}

Bytes MinidumpBuilder::guid_record(const Bytes& guid) {
  Bytes record = {'R', 'S', 'D', 'S'};
  record.insert(record.end(), guid.begin(), guid.end());
  record.insert(record.end(), {0, 0, 0, 0, 'a', 0});  // age, name
  return record;
}

void MinidumpBuilder::add_memory(uint64_t start, const Bytes& contents) {
  add_raw_memory(start, static_cast<uint32_t>(contents.size()), add_bytes(contents));
}

void MinidumpBuilder::add_raw_memory(uint64_t start, uint32_t size, uint32_t rva) {
  Bytes entry;
  put<uint64_t>(entry, start);
  put<uint32_t>(entry, size);
  put<uint32_t>(entry, rva);
  memory_.push_back(std::move(entry));
}

void MinidumpBuilder::add_memory64(uint64_t start, const Bytes& contents) {
  memory64_.emplace_back(start, contents);
}

void MinidumpBuilder::set_exception(uint32_t tid, uint32_t code, uint32_t flags, uint64_t address,
                                    const ThreadSpec& at, const std::vector<uint64_t>& parameters) {
  const Bytes registers = context(at);
  const uint32_t context_rva = add_bytes(registers);
  Bytes record(168, 0);
  put_at<uint32_t>(record, 0, tid);
  put_at<uint32_t>(record, 8, code);
  put_at<uint32_t>(record, 12, flags);
  put_at<uint64_t>(record, 24, address);
  put_at<uint32_t>(record, 32, static_cast<uint32_t>(parameters.size()));
  for (size_t i = 0; i < parameters.size(); ++i) {
    put_at<uint64_t>(record, 40 + i * 8, parameters[i]);
  }
  put_at<uint32_t>(record, 160, static_cast<uint32_t>(registers.size()));
  put_at<uint32_t>(record, 164, context_rva);
  add_stream(6, record);
}

Bytes MinidumpBuilder::list(const std::vector<Bytes>& entries) const {
  Bytes bytes;
  put<uint32_t>(bytes, static_cast<uint32_t>(entries.size()));
  if (align_lists_) put<uint32_t>(bytes, 0);
  for (const Bytes& entry : entries) bytes.insert(bytes.end(), entry.begin(), entry.end());
  return bytes;
}

Bytes MinidumpBuilder::build() const {
  MinidumpBuilder whole = *this;
  if (!threads_.empty()) whole.add_stream(3, list(threads_));
  if (!modules_.empty()) whole.add_stream(4, list(modules_));
  if (!memory_.empty()) whole.add_stream(5, list(memory_));
  if (!names_.empty()) whole.add_stream(24, list(names_));
  if (!memory64_.empty()) {
    Bytes contents, entries;
    for (const auto& [start, bytes] : memory64_) {
      contents.insert(contents.end(), bytes.begin(), bytes.end());
      put<uint64_t>(entries, start);
      put<uint64_t>(entries, bytes.size());
    }
    const uint32_t rva = whole.add_bytes(contents);
    Bytes stream;
    put<uint64_t>(stream, memory64_.size());
    put<uint64_t>(stream, rva);
    stream.insert(stream.end(), entries.begin(), entries.end());
    whole.add_stream(9, stream);
  }
  Bytes directory;
  for (const Stream& stream : whole.streams_) {
    put<uint32_t>(directory, stream.type);
    put<uint32_t>(directory, stream.size);
    put<uint32_t>(directory, stream.rva);
  }
  const uint32_t rva = whole.add_bytes(directory);
  Bytes file = std::move(whole.file_);
  put_at<uint32_t>(file, 0, 0x504d444d);
  put_at<uint32_t>(file, 4, 0x0000a793);
  put_at<uint32_t>(file, 8, static_cast<uint32_t>(whole.streams_.size()));
  put_at<uint32_t>(file, 12, rva);
  put_at<uint32_t>(file, 20, 1700000000);
  return file;
}

}  // namespace inquest::testing
