#include "vault/catalog.h"

#include <algorithm>

namespace inquest::vault {
namespace {

using json::JsonValue;
using json::JsonWriter;

JsonWriter record_of(std::string_view kind, const CaseId& id) {
  JsonWriter json(JsonWriter::Style::kCompact);
  json.begin_object().field("record", kind).field("id", id);
  return json;
}

std::string finished(JsonWriter& json) {
  json.end_object();
  return std::move(json).take();
}

const std::string* text_of(const JsonValue& record, std::string_view name) {
  const JsonValue* value = record.find(name);
  return value == nullptr ? nullptr : value->string();
}

Error nonsense(std::string_view what) { return {ErrorCode::kCorrupt, std::string(what)}; }

void update(CaseHeader& header, const JsonValue& record, const CaseHeader& changes) {
  if (record.find("signature") != nullptr) header.signature = changes.signature;
  if (record.find("title") != nullptr) header.title = changes.title;
  if (record.find("headline") != nullptr) header.headline = changes.headline;
  if (record.find("fidelity") != nullptr) header.fidelity = changes.fidelity;
  if (record.find("missing") != nullptr) header.missing = changes.missing;
}

}  // namespace

const Case* Catalog::find(const CaseId& id) const {
  const auto place = places_.find(id);
  return place == places_.end() ? nullptr : &cases_[place->second];
}

Case* Catalog::find_for_update(const JsonValue& record) {
  const std::string* id = text_of(record, "id");
  if (id == nullptr) return nullptr;
  const auto place = places_.find(*id);
  return place == places_.end() ? nullptr : &cases_[place->second];
}

Status Catalog::apply(std::string_view record) {
  Status applied = try_apply(record);
  if (!applied.ok()) ++senseless_;
  return applied;
}

void Catalog::settle() {
  if (!any_removed_) return;
  any_removed_ = false;
  std::erase_if(cases_, [](const Case& one) { return one.id.empty(); });
  for (size_t i = 0; i < cases_.size(); ++i) places_[cases_[i].id] = i;
}

Status Catalog::try_apply(std::string_view text) {
  INQ_TRY(const JsonValue record,
          json::parse_json(text, {.max_size = text.size(), .max_depth = 8}));
  const std::string* kind = text_of(record, "record");
  if (kind == nullptr) return nonsense("no kind of record");
  if (*kind == "begin") {
    const std::string* id = text_of(record, "id");
    const JsonValue* header = record.find("case");
    if (id == nullptr || header == nullptr || !is_case_id(*id)) return nonsense("no case");
    if (places_.contains(*id) || cases_.size() >= kMaxCases) return nonsense("one case too many");
    INQ_TRY(CaseHeader read, read_header(*header));
    places_.emplace(*id, cases_.size());
    cases_.push_back({.id = *id, .header = std::move(read), .attachments = {}});
    return {};
  }
  Case* found = find_for_update(record);
  if (found == nullptr) return nonsense("a record of a case that is not there");
  if (*kind == "attach") return attach(*found, record);
  if (*kind == "update") {
    INQ_TRY(const CaseHeader changes, read_header(record));
    update(found->header, record, changes);
  } else if (*kind == "finish") {
    const std::string* state = text_of(record, "state");
    const auto parsed = state == nullptr ? std::nullopt : state_of(*state);
    if (!parsed) return nonsense("no state");
    found->state = *parsed;
  } else if (*kind == "pin") {
    const JsonValue* pinned = record.find("pinned");
    if (pinned == nullptr || pinned->boolean() == nullptr) return nonsense("not said");
    found->pinned = *pinned->boolean();
  } else if (*kind == "remove") {
    places_.erase(found->id);
    *found = {};
    any_removed_ = true;
  } else if (*kind == "evict") {
    const JsonValue* names = record.find("names");
    const std::string* why = text_of(record, "why");
    if (names == nullptr || names->array() == nullptr || names->array()->size() > kMaxAttachments) {
      return nonsense("no names");
    }
    for (const JsonValue& name : *names->array()) {
      for (Attachment& attachment : found->attachments) {
        if (name.string() == nullptr || *name.string() != attachment.name) continue;
        attachment.kept = false;
        attachment.why = why == nullptr ? "" : *why;
      }
    }
  } else {
    return nonsense("of a kind that is not known");
  }
  return {};
}

Status Catalog::attach(Case& into, const JsonValue& record) {
  const JsonValue* list = record.find("attachments");
  if (list == nullptr || list->array() == nullptr) return nonsense("no attachments");
  for (const JsonValue& entry : *list->array()) {
    INQ_TRY(Attachment attachment, read_attachment(entry));
    const auto same = std::find_if(into.attachments.begin(), into.attachments.end(),
                                   [&](const auto& old) { return old.name == attachment.name; });
    if (same != into.attachments.end()) {
      *same = std::move(attachment);
    } else {
      if (into.attachments.size() >= kMaxAttachments)
        return nonsense("too many parts for one case");
      into.attachments.push_back(std::move(attachment));
    }
  }
  return {};
}

std::vector<std::string> Catalog::records() const {
  std::vector<std::string> all;
  for (const Case& one : cases_) {
    all.push_back(begin_record(one.id, one.header));
    // In parts: a frame has a largest size.
    constexpr size_t kPart = 1024;
    const std::span<const Attachment> attachments = one.attachments;
    for (size_t i = 0; i < attachments.size(); i += kPart) {
      all.push_back(
          attach_record(one.id, attachments.subspan(i, std::min(kPart, attachments.size() - i))));
    }
    if (one.state != State::kReceiving) all.push_back(finish_record(one.id, one.state));
    if (one.pinned) all.push_back(pin_record(one.id, true));
  }
  return all;
}

std::string begin_record(const CaseId& id, const CaseHeader& header) {
  JsonWriter json = record_of("begin", id);
  json.key("case").begin_object();
  write_header_fields(json, header);
  json.end_object();
  return finished(json);
}

std::string attach_record(const CaseId& id, std::span<const Attachment> attachments) {
  JsonWriter json = record_of("attach", id);
  json.key("attachments").begin_array();
  for (const Attachment& attachment : attachments) write_attachment(json, attachment);
  json.end_array();
  return finished(json);
}

std::string update_record(const CaseId& id, const CaseUpdate& update) {
  JsonWriter json = record_of("update", id);
  if (update.signature) json.field("signature", *update.signature);
  if (update.title) json.field("title", *update.title);
  if (update.headline) json.field("headline", *update.headline);
  if (update.fidelity) json.field("fidelity", to_string(*update.fidelity));
  if (update.missing) {
    json.key("missing").begin_array();
    for (const std::string& reason : *update.missing) json.value(reason);
    json.end_array();
  }
  return finished(json);
}

std::string finish_record(const CaseId& id, State state) {
  JsonWriter json = record_of("finish", id);
  json.field("state", to_string(state));
  return finished(json);
}

std::string pin_record(const CaseId& id, bool pinned) {
  JsonWriter json = record_of("pin", id);
  json.field("pinned", pinned);
  return finished(json);
}

std::string remove_record(const CaseId& id) {
  JsonWriter json = record_of("remove", id);
  return finished(json);
}

std::string evict_record(const CaseId& id, std::span<const std::string> names,
                         std::string_view why) {
  JsonWriter json = record_of("evict", id);
  json.field("why", why).key("names").begin_array();
  for (const std::string& name : names) json.value(name);
  json.end_array();
  return finished(json);
}

}  // namespace inquest::vault
