#include "binary/breakpad/symbol_file.h"

#include <fmt/format.h>

#include "binary/breakpad/fields.h"

namespace inquest::breakpad {
namespace {

constexpr size_t kMaxHeader = 64 << 10;   // bytes in which MODULE and INFO stand
constexpr size_t kMaxHeaderField = 4096;  // bytes
constexpr size_t kMaxInfoRecords = 16;

std::string field(std::string_view text) { return std::string(text.substr(0, kMaxHeaderField)); }

std::string_view text_of_bytes(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Result<Header> read_header(std::string_view text) {
  text = text.substr(0, kMaxHeader);
  uint64_t next = 0;
  const std::string_view line = line_at(text, 0, &next);
  if (!line.starts_with("MODULE ")) {
    return Error(ErrorCode::kCorrupt, "no symbol file of Breakpad: it has no MODULE record");
  }
  Fields fields(line.substr(7));
  Header header;
  header.system = field(fields.word());
  header.arch = field(fields.word());
  header.id = field(fields.word());
  header.name = field(fields.rest());
  if (header.id.empty()) return Error(ErrorCode::kCorrupt, "its MODULE record holds no id");
  for (size_t i = 0; i < kMaxInfoRecords; ++i) {
    const std::string_view info = line_at(text, next, &next);
    if (!info.starts_with("INFO ")) break;
    Fields words(info.substr(5));
    if (words.word() == "CODE_ID") header.code_id = field(words.word());
  }
  return header;
}

Result<std::unique_ptr<SymbolFile>> SymbolFile::open(const std::string& path) {
  std::unique_ptr<SymbolFile> opened(new SymbolFile);
  opened->path_ = path;
  INQ_TRY(opened->file_, os::MappedFile::open(path, os::MappedFile::Access::kSequential));
  const os::MappedFile& file = opened->file_;
  opened->text_ = text_of_bytes(file.bytes());
  file.prefetch(0, file.size());
  const Status status =
      opened->index([&file](uint64_t offset, uint64_t size) { file.release(offset, size); });
  if (!status.ok()) return Error(status.error()).with_context(path);
  return opened;
}

Result<std::unique_ptr<SymbolFile>> SymbolFile::parse(ByteView bytes, std::string path) {
  std::unique_ptr<SymbolFile> opened(new SymbolFile);
  opened->path_ = std::move(path);
  opened->text_ = text_of_bytes(bytes);
  const Status status = opened->index([](uint64_t, uint64_t) {});
  if (!status.ok()) return Error(status.error()).with_context(opened->path_);
  return opened;
}

Status SymbolFile::index(const std::function<void(uint64_t, uint64_t)>& done_with) {
  INQ_TRY(header_, read_header(text_));
  INQ_TRY(index_, RecordIndex::build(text_, done_with));
  return {};
}

std::string_view SymbolFile::text_of(const RecordIndex::Places& places, uint64_t number) const {
  const RecordIndex::Place* place = RecordIndex::exactly(places, number);
  if (place == nullptr) return {};
  uint64_t next = 0;
  Fields fields(line_at(text_, place->offset, &next));
  fields.word();  // FILE, INLINE_ORIGIN
  fields.word();  // the number
  return fields.rest();
}

std::string_view SymbolFile::file_name(uint32_t number) const {
  return text_of(index_.files, number);
}

}  // namespace inquest::breakpad
