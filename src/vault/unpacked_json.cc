// What was unpacked, told by the worker that did it.
#include "platform/json/value.h"
#include "platform/json/writer.h"
#include "vault/archive.h"

namespace inquest::vault {
namespace {

constexpr uint64_t kMaxTold = 64 << 20;

Error odd() { return {ErrorCode::kCorrupt, "what was unpacked was not told properly"}; }

Result<std::vector<Attachment>> attachments_of(const json::JsonValue& told, std::string_view name) {
  const json::JsonValue* list = told.find(name);
  if (list == nullptr || list->array() == nullptr) return odd();
  std::vector<Attachment> attachments;
  for (const json::JsonValue& entry : *list->array()) {
    INQ_TRY(Attachment attachment, read_attachment(entry));
    attachments.push_back(std::move(attachment));
  }
  return attachments;
}

}  // namespace

std::string to_json(const Unpacked& unpacked) {
  json::JsonWriter json(json::JsonWriter::Style::kCompact);
  json.begin_object()
      .field("id", unpacked.id)
      .field("state", to_string(unpacked.state))
      .field("root", unpacked.root);
  json.key("case").begin_object();
  write_header_fields(json, unpacked.header);
  json.end_object().key("files").begin_array();
  for (const Unpacked::File& file : unpacked.files) write_attachment(json, file.about);
  json.end_array().key("paths").begin_array();
  for (const Unpacked::File& file : unpacked.files) json.value(file.path);
  json.end_array().key("missing").begin_array();
  for (const Attachment& attachment : unpacked.missing) write_attachment(json, attachment);
  json.end_array().end_object();
  return std::move(json).take();
}

Result<Unpacked> read_unpacked(std::string_view text) {
  INQ_TRY(const json::JsonValue told,
          json::parse_json(text, {.max_size = kMaxTold, .max_depth = 8}));
  Unpacked unpacked;
  unpacked.id = told.text("id");
  unpacked.root = told.text("root");
  const json::JsonValue* header = told.find("case");
  const json::JsonValue* paths = told.find("paths");
  const auto state = state_of(told.text("state"));
  if (!is_case_id(unpacked.id) || !state || header == nullptr || paths == nullptr ||
      paths->array() == nullptr) {
    return odd();
  }
  unpacked.state = *state;
  INQ_TRY(unpacked.header, read_header(*header));
  INQ_TRY(std::vector<Attachment> files, attachments_of(told, "files"));
  INQ_TRY(unpacked.missing, attachments_of(told, "missing"));
  if (paths->array()->size() != files.size()) return odd();
  for (size_t i = 0; i < files.size(); ++i) {
    const std::string* path = (*paths->array())[i].string();
    if (path == nullptr) return odd();
    unpacked.files.push_back({std::move(files[i]), *path});
  }
  return unpacked;
}

}  // namespace inquest::vault
