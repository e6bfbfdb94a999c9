#include "process/modules/opened_file.h"

#include <fmt/format.h>

namespace inquest::process {

Result<std::unique_ptr<OpenedFile>> OpenedFile::open(const std::string& path, uint64_t offset) {
  std::unique_ptr<OpenedFile> opened(new OpenedFile);
  opened->path_ = path;
  INQ_TRY(opened->file_, os::MappedFile::open(path));
  const ByteView bytes = opened->file_.bytes();
  if (offset >= bytes.size()) {
    return Error(ErrorCode::kTruncated, fmt::format("{}: shorter than when it was mapped", path));
  }
  auto parsed = elf::File::parse(bytes.subspan(offset));
  if (!parsed.ok()) return std::move(parsed).error().with_context(path);
  opened->elf_ = std::move(*parsed);
  opened->build_id_ = opened->elf_->build_id();
  return opened;
}

Result<std::unique_ptr<OpenedFile>> OpenedFile::adopt(Bytes bytes, std::string name) {
  std::unique_ptr<OpenedFile> opened(new OpenedFile);
  opened->path_ = std::move(name);
  opened->bytes_ = std::move(bytes);
  INQ_TRY(opened->elf_, elf::File::parse(opened->bytes_));
  opened->build_id_ = opened->elf_->build_id();
  return opened;
}

}  // namespace inquest::process
