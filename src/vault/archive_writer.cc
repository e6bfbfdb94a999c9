#include <algorithm>

#include "platform/json/writer.h"
#include "vault/archive.h"

namespace inquest::vault {
namespace {

// Compressed by itself: a part of the archive is no longer than this in memory.
constexpr size_t kFrameBytes = 4 << 20;
constexpr int kSchemaVersion = 1;
constexpr size_t kShownDigits = 12;

ByteView view(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string description(const Case& about) {
  json::JsonWriter json;
  json.begin_object()
      .field("schema", "inquest-case")
      .field("schema_version", kSchemaVersion)
      .field("id", about.id)
      .field("state", to_string(about.state));
  json.key("case").begin_object();
  write_header_fields(json, about.header);
  json.end_object();
  json.key("attachments").begin_array();
  for (const Attachment& attachment : about.attachments) write_attachment(json, attachment);
  json.end_array().end_object();
  return std::move(json).take();
}

}  // namespace

ArchiveWriter::ArchiveWriter(int fd, const Case& about)
    : fd_(fd),
      folder_("inquest-case-" + about.id.substr(0, kShownDigits) + "/"),
      time_(about.header.time_ns / 1'000'000'000),
      compressor_(3) {}

Result<ArchiveWriter> ArchiveWriter::create(int fd, const Case& about, std::string_view read_me) {
  ArchiveWriter writer(fd, about);
  INQ_TRY_STATUS(writer.add_text("README.txt", read_me));
  INQ_TRY_STATUS(writer.add_text("case.json", description(about)));
  return writer;
}

Status ArchiveWriter::write(ByteView bytes) {
  while (!bytes.empty()) {
    const size_t take = std::min(bytes.size(), kFrameBytes - buffer_.size());
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(take));
    bytes = bytes.subspan(take);
    if (buffer_.size() == kFrameBytes) INQ_TRY_STATUS(flush());
  }
  return {};
}

Status ArchiveWriter::flush() {
  Bytes frame;
  compressor_.compress(buffer_, frame);
  buffer_.clear();
  return os::write_all(fd_, frame);
}

Status ArchiveWriter::add(const Attachment& attachment, int from_fd) {
  const std::string name =
      attachment.role == Role::kFile ? "root" + attachment.name : "evidence/" + attachment.name;
  TarWriter tar([&](ByteView bytes) { return write(bytes); });
  return tar.add_file(folder_ + name, from_fd, time_);
}

Status ArchiveWriter::add_text(const std::string& name, std::string_view text) {
  TarWriter tar([&](ByteView bytes) { return write(bytes); });
  return tar.add(folder_ + name, view(text), time_);
}

Status ArchiveWriter::finish() {
  TarWriter tar([&](ByteView bytes) { return write(bytes); });
  INQ_TRY_STATUS(tar.finish());
  return flush();
}

}  // namespace inquest::vault
