#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "platform/codec/codec.h"
#include "platform/json/value.h"
#include "platform/os/directories.h"
#include "platform/os/fs.h"
#include "vault/archive.h"

namespace inquest::vault {
namespace {

constexpr std::string_view kFolder = "inquest-case-";
constexpr uint64_t kMaxDescription = 16 << 20;

Error corrupt(std::string_view what) { return {ErrorCode::kCorrupt, std::string(what)}; }

// Puts the files of an archive into a directory.
class Unpacker final : public TarVisitor {
 public:
  Unpacker(std::string directory, const ArchiveLimits& limits)
      : directory_(std::move(directory)), limits_(limits) {}

  Status begin(const std::string& name, uint64_t size) override;
  Status data(ByteView bytes) override;
  Status hole(uint64_t size) override;
  Status end() override;
  Result<Unpacked> finish();

 private:
  enum class Part : uint8_t { kNone, kDescription, kEvidence };

  Status describe();
  Status begin_evidence(const std::string& name, Role role, const std::string& path);
  const Attachment* described(const std::string& name) const;

  std::string directory_;
  ArchiveLimits limits_;
  std::string folder_;
  Part part_ = Part::kNone;
  uint64_t position_ = 0, size_ = 0, data_ = 0;
  Bytes description_;
  bool is_described_ = false;
  std::vector<Attachment> attachments_;
  std::set<std::string> seen_;
  os::Fd file_;
  Unpacked result_;
};

Status Unpacker::begin(const std::string& name, uint64_t size) {
  const size_t slash = name.find('/');
  if (slash == std::string::npos || !name.starts_with(kFolder)) {
    return corrupt("it is no exported case");
  }
  const std::string folder = name.substr(0, slash + 1);
  if (folder_.empty()) folder_ = folder;
  if (folder != folder_) return corrupt("it holds more than one case");
  if (!seen_.insert(name).second) return corrupt("it holds one name twice");
  position_ = 0;
  size_ = size;
  part_ = Part::kNone;
  const std::string inner = name.substr(slash + 1);
  if (inner == "case.json") {
    if (size > kMaxDescription) return Error(ErrorCode::kTooLarge, "its case.json is too large");
    part_ = Part::kDescription;
    return {};
  }
  const std::string below = directory_ + "/" + std::to_string(result_.files.size());
  if (inner.starts_with("evidence/")) {
    const std::string attachment = inner.substr(9);
    if (attachment.find('/') != std::string::npos) return corrupt("it holds an odd name");
    return begin_evidence(attachment, Role::kOther, below);
  }
  if (inner.starts_with("root/")) {
    result_.root = directory_ + "/root";
    const std::string path = directory_ + "/" + inner;
    // Nothing but directories and files of ours can be there: no link is ever made.
    INQ_TRY_STATUS(os::make_directories(path.substr(0, path.rfind('/'))));
    return begin_evidence(inner.substr(4), Role::kFile, path);
  }
  return {};  // for people: not read
}

const Attachment* Unpacker::described(const std::string& name) const {
  const auto found = std::find_if(attachments_.begin(), attachments_.end(),
                                  [&](const Attachment& one) { return one.name == name; });
  return found == attachments_.end() ? nullptr : &*found;
}

Status Unpacker::begin_evidence(const std::string& name, Role role, const std::string& path) {
  if (!is_described_) return corrupt("its case.json does not come first");
  const Attachment* known = described(name);
  if (known != nullptr && (known->role == Role::kFile) != (role == Role::kFile)) {
    return corrupt("its case.json says something else about its files");
  }
  Attachment about;
  about.name = name;
  about.role = known != nullptr ? known->role : role;
  about.truncated = known != nullptr && known->truncated;
  about.size = size_;
  os::Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return Error::io("cannot unpack a file", errno);
  file_ = std::move(fd);
  part_ = Part::kEvidence;
  result_.files.push_back({std::move(about), path});
  return {};
}

Status Unpacker::data(ByteView bytes) {
  data_ += bytes.size();
  if (data_ > limits_.max_bytes) {
    return Error(ErrorCode::kTooLarge, "it unpacks to more than is allowed");
  }
  if (part_ == Part::kDescription) {
    description_.insert(description_.end(), bytes.begin(), bytes.end());
  } else if (part_ == Part::kEvidence) {
    INQ_TRY_STATUS(os::real_fs().write_at(file_.get(), bytes, position_));
  }
  position_ += bytes.size();
  return {};
}

Status Unpacker::hole(uint64_t size) {
  if (part_ == Part::kDescription) return corrupt("its case.json has holes");
  position_ += size;
  return {};
}

Status Unpacker::end() {
  if (part_ == Part::kDescription) return describe();
  if (part_ == Part::kEvidence) {
    INQ_TRY_STATUS(os::real_fs().truncate(file_.get(), size_));
    file_.reset();
  }
  return {};
}

Status Unpacker::describe() {
  const std::string_view text(reinterpret_cast<const char*>(description_.data()),
                              description_.size());
  auto parsed = json::parse_json(text, {.max_size = kMaxDescription, .max_depth = 8});
  if (!parsed.ok()) return std::move(parsed).error().with_context("case.json");
  const json::JsonValue* schema = parsed->find("schema");
  const json::JsonValue* version = parsed->find("schema_version");
  if (schema == nullptr || schema->string() == nullptr || *schema->string() != "inquest-case") {
    return corrupt("its case.json is none");
  }
  if (version == nullptr || version->natural() != 1) {
    return Error(ErrorCode::kUnsupported, "it was exported by a later version of inquest");
  }
  const json::JsonValue* id = parsed->find("id");
  const json::JsonValue* header = parsed->find("case");
  if (id == nullptr || id->string() == nullptr || !is_case_id(*id->string()) || header == nullptr) {
    return corrupt("its case.json has no case");
  }
  result_.id = *id->string();
  INQ_TRY(result_.header, read_header(*header));
  clamp(result_.header);
  if (const std::string name = parsed->text("state"); !name.empty()) {
    const auto state = state_of(name);
    if (!state) return corrupt("its case.json tells of an unknown state");
    result_.state = *state;
  }
  const json::JsonValue* list = parsed->find("attachments");
  if (list != nullptr && list->array() != nullptr) {
    for (const json::JsonValue& entry : *list->array()) {
      if (attachments_.size() >= limits_.tar.max_entries) break;
      INQ_TRY(Attachment attachment, read_attachment(entry));
      attachments_.push_back(std::move(attachment));
    }
  }
  is_described_ = true;
  return {};
}

Result<Unpacked> Unpacker::finish() {
  if (!is_described_) return corrupt("it has no case.json");
  std::set<std::string> there;
  for (const Unpacked::File& file : result_.files) there.insert(file.about.name);
  for (Attachment& attachment : attachments_) {
    if (there.contains(attachment.name)) continue;
    if (attachment.kept) attachment.why = "not in the exported file";
    attachment.kept = false;
    result_.missing.push_back(std::move(attachment));
  }
  return std::move(result_);
}

}  // namespace

bool is_archive(ByteView start) {
  if (codec::sniff(start) != codec::Codec::kZstd) return false;
  const auto decoded = codec::decompress_partial(codec::Codec::kZstd, start, 4 * kTarBlock);
  if (!decoded.ok()) return false;
  return c_string(decoded->bytes).starts_with(kFolder);
}

Result<Unpacked> unpack_archive(int fd, const std::string& directory, const ArchiveLimits& limits) {
  Unpacker unpacker(directory, limits);
  TarReader reader(unpacker, limits.tar);
  const codec::Source source = [&](std::span<uint8_t> buffer) { return os::read_some(fd, buffer); };
  const codec::Sink sink = [&](ByteView bytes) { return reader.feed(bytes); };
  // Headers and maps come on top of the data.
  const uint64_t most = limits.max_bytes + limits.max_bytes / 4 + (64 << 20);
  INQ_TRY(const codec::StreamResult decoded,
          codec::decompress_stream(codec::Codec::kZstd, source, sink, most));
  if (decoded.ending != codec::Ending::kComplete) {
    return Error(ErrorCode::kCorrupt, "it is cut short, damaged or too large: " + decoded.note);
  }
  INQ_TRY_STATUS(reader.finish());
  return unpacker.finish();
}

}  // namespace inquest::vault
