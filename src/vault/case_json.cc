// Cases as JSON: what the index and an exported file hold.
#include <fmt/format.h>

#include <algorithm>

#include "vault/case.h"

namespace inquest::vault {
namespace {

using json::JsonValue;
using json::JsonWriter;
using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr size_t kMaxEntries = 256;     // of one list of a header
constexpr size_t kMaxText = 16 * 1024;  // bytes of one text
constexpr uint64_t kMaxSize = uint64_t{1} << 48;

void write_text(JsonWriter& json, std::string_view name, const std::string& text) {
  if (!text.empty()) json.field(name, text);
}

void write_pairs(JsonWriter& json, std::string_view name, const Pairs& pairs) {
  if (pairs.empty()) return;
  json.key(name).begin_array();
  for (const auto& [key, value] : pairs) json.begin_array().value(key).value(value).end_array();
  json.end_array();
}

// Reads the members of an object; the first that is not what it should be is remembered.
class Reader {
 public:
  explicit Reader(const JsonValue& object) : object_(object) {
    if (object.object() == nullptr) fail("it is no object");
  }

  void text(std::string_view name, std::string& into) {
    const JsonValue* value = object_.find(name);
    if (value == nullptr) return;
    if (const std::string* found = as_text(*value, name)) into = *found;
  }
  template <typename Integer>
  bool number(std::string_view name, Integer& into, int64_t least, int64_t most) {
    const JsonValue* value = object_.find(name);
    if (value == nullptr) return false;
    const auto found = value->integer();
    if (!found || *found < least || *found > most) {
      fail(name);
      return false;
    }
    into = static_cast<Integer>(*found);
    return true;
  }
  void flag(std::string_view name, bool& into) {
    const JsonValue* value = object_.find(name);
    if (value == nullptr) return;
    const bool* found = value->boolean();
    if (found == nullptr) return fail(name);
    into = *found;
  }
  template <typename Enum>
  void word(std::string_view name, Enum& into, std::optional<Enum> (*parse)(std::string_view)) {
    std::string text;
    this->text(name, text);
    if (text.empty()) return;
    const auto found = parse(text);
    if (!found) return fail(name);
    into = *found;
  }
  void texts(std::string_view name, std::vector<std::string>& into) {
    for_each(name, [&](const JsonValue& entry) {
      if (const std::string* found = as_text(entry, name)) into.push_back(*found);
    });
  }
  void pairs(std::string_view name, Pairs& into) {
    for_each(name, [&](const JsonValue& entry) {
      const auto* both = entry.array();
      if (both == nullptr || both->size() != 2) return fail(name);
      const std::string* key = as_text((*both)[0], name);
      const std::string* value = as_text((*both)[1], name);
      if (key != nullptr && value != nullptr) into.emplace_back(*key, *value);
    });
  }
  void fail(std::string_view name) {
    if (problem_.empty()) problem_ = fmt::format("a case has no proper \"{}\"", name);
  }
  Status status() const {
    if (problem_.empty()) return {};
    return Error(ErrorCode::kCorrupt, problem_);
  }

 private:
  const std::string* as_text(const JsonValue& value, std::string_view name) {
    const std::string* found = value.string();
    if (found != nullptr && found->size() <= kMaxText) return found;
    fail(name);
    return nullptr;
  }
  template <typename Each>
  void for_each(std::string_view name, const Each& each) {
    const JsonValue* value = object_.find(name);
    if (value == nullptr) return;
    const auto* entries = value->array();
    if (entries == nullptr || entries->size() > kMaxEntries) return fail(name);
    std::for_each(entries->begin(), entries->end(), each);
  }

  const JsonValue& object_;
  std::string problem_;
};

std::optional<codec::Sha256Digest> digest_of(std::string_view hex) {
  codec::Sha256Digest digest;
  if (hex.size() != 2 * digest.size()) return std::nullopt;
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  for (size_t i = 0; i < digest.size(); ++i) {
    const int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest[i] = static_cast<uint8_t>(high * 16 + low);
  }
  return digest;
}

}  // namespace

void write_header_fields(JsonWriter& json, const CaseHeader& header) {
  json.field("time_ns", header.time_ns).field("pid", header.pid).field("signal", header.signal);
  write_text(json, "executable", header.executable);
  write_text(json, "command_line", header.command_line);
  write_text(json, "signature", header.signature);
  write_text(json, "title", header.title);
  json.field("fidelity", to_string(header.fidelity));
  if (!header.missing.empty()) {
    json.key("missing").begin_array();
    for (const std::string& reason : header.missing) json.value(reason);
    json.end_array();
  }
  write_text(json, "headline", header.headline);
  write_text(json, "host", header.host);
  write_text(json, "kernel", header.kernel);
  write_text(json, "unit", header.unit);
  write_text(json, "container", header.container);
  write_text(json, "cgroup", header.cgroup);
  if (header.uptime_ms) json.field("uptime_ms", *header.uptime_ms);
  write_pairs(json, "annotations", header.annotations);
  write_pairs(json, "labels", header.labels);
}

void write_attachment(JsonWriter& json, const Attachment& attachment) {
  json.begin_object()
      .field("name", attachment.name)
      .field("role", to_string(attachment.role))
      .field("size", attachment.size)
      .field("data", attachment.data)
      .field("stored", attachment.stored);
  if (attachment.truncated) json.field("truncated", true);
  if (attachment.kept) {
    json.field("manifest", codec::to_hex(attachment.manifest));
  } else {
    json.field("kept", false).field("why", attachment.why);
  }
  json.end_object();
}

Result<CaseHeader> read_header(const JsonValue& object) {
  CaseHeader header;
  Reader reader(object);
  reader.number("time_ns", header.time_ns, 0, INT64_MAX);
  reader.number("pid", header.pid, 0, kMaxPid);
  reader.number("signal", header.signal, 0, kMaxSignal);
  reader.text("executable", header.executable);
  reader.text("command_line", header.command_line);
  reader.text("signature", header.signature);
  reader.text("title", header.title);
  reader.word("fidelity", header.fidelity, fidelity_of);
  reader.texts("missing", header.missing);
  reader.text("headline", header.headline);
  reader.text("host", header.host);
  reader.text("kernel", header.kernel);
  reader.text("unit", header.unit);
  reader.text("container", header.container);
  reader.text("cgroup", header.cgroup);
  uint64_t uptime = 0;
  if (reader.number("uptime_ms", uptime, 0, kMaxUptime)) header.uptime_ms = uptime;
  reader.pairs("annotations", header.annotations);
  reader.pairs("labels", header.labels);
  INQ_TRY_STATUS(reader.status());
  return header;
}

Result<Attachment> read_attachment(const JsonValue& object) {
  Attachment attachment;
  Reader reader(object);
  reader.text("name", attachment.name);
  if (attachment.name.empty()) reader.fail("name");
  reader.word("role", attachment.role, role_of);
  reader.number("size", attachment.size, 0, kMaxSize);
  reader.number("data", attachment.data, 0, kMaxSize);
  reader.number("stored", attachment.stored, 0, kMaxSize);
  reader.flag("truncated", attachment.truncated);
  reader.flag("kept", attachment.kept);
  reader.text("why", attachment.why);
  std::string manifest;
  reader.text("manifest", manifest);
  if (const auto digest = digest_of(manifest)) {
    attachment.manifest = *digest;
  } else if (attachment.kept) {
    reader.fail("manifest");
  }
  INQ_TRY_STATUS(reader.status());
  return attachment;
}

}  // namespace inquest::vault
