#include "cli/case_files.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>

#include "cli/evidence.h"
#include "cli/vault_access.h"
#include "cli/worker.h"
#include "platform/codec/codec.h"
#include "platform/os/fd.h"
#include "platform/os/file.h"
#include "vault/archive.h"

namespace inquest::cli {
namespace {

constexpr size_t kLeastDigits = 4;
constexpr size_t kMagic = 64, kSniffed = 512 << 10;  // bytes

// Half of what the temporary directory has left, for one archive.
uint64_t room_for_archive(const std::string& directory) {
  struct statvfs info = {};
  if (::statvfs(directory.c_str(), &info) != 0) return vault::ArchiveLimits().max_bytes;
  return std::min<uint64_t>(vault::ArchiveLimits().max_bytes,
                            uint64_t{info.f_bavail} * info.f_frsize / 2);
}

Error no_evidence(const vault::Case& from) {
  std::string why = fmt::format("case {} has no evidence left to read", short_id(from.id));
  for (const std::string& reason : from.reasons()) why += "; " + reason;
  return {ErrorCode::kNotFound, why};
}

Status write_part(vault::Vault& vault, const vault::Case& from, const std::string& name,
                  const std::string& path) {
  INQ_TRY_STATUS(os::make_directories(path.substr(0, path.rfind('/'))));
  INQ_TRY(const os::Fd fd, os::create_file(path, 0600));
  return vault.read(from, name, fd.get());
}

// Writes the best evidence that can be had to `path`, and says what was worse than it should be;
// answers its name.
Result<std::string> write_best(vault::Vault& vault, const vault::Case& from,
                               const std::string& path) {
  std::optional<Error> first;
  for (const vault::Attachment* part : from.evidence()) {
    const Status written = write_part(vault, from, part->name, path);
    if (written.ok()) {
      if (first) std::fprintf(stderr, "inquest: using %s instead\n", part->name.c_str());
      return part->name;
    }
    if (first) continue;
    first = written.error();
    refuse(*first);
  }
  return Error(ErrorCode::kCorrupt, "");  // it was said
}

// The same files of an exported case.
Result<CaseFiles> unpack(const std::string& path) {
  INQ_TRY(CaseArchive archive, open_archive(path));
  vault::Case as_case;
  as_case.id = archive.content.id;
  as_case.header = archive.content.header;
  as_case.attachments = archive.content.missing;
  for (const auto& file : archive.content.files) as_case.attachments.push_back(file.about);
  const vault::Attachment* best = as_case.best_evidence();
  if (best == nullptr) return no_evidence(as_case);
  CaseFiles files{.directory = std::move(archive.directory),
                  .evidence = {},
                  .part = best->name,
                  .root = archive.content.root,
                  .lease = {}};
  for (const auto& file : archive.content.files) {
    if (file.about.name == best->name) files.evidence = file.path;
  }
  return files;
}

Result<CaseFiles> check_out_by_id(const std::string& id, const std::string& directory) {
  INQ_TRY(vault::Vault vault, open_vault_to_look(directory));
  INQ_TRY(const vault::Case found, vault.find(id));
  return check_out(vault, found);
}

}  // namespace

Result<CaseFiles> check_out(vault::Vault& vault, const vault::Case& from) {
  auto lease = vault.lease(from.id);
  // What was there before the lease may have been given up since.
  INQ_TRY(const vault::Case now, vault.find(from.id));
  if (now.best_evidence() == nullptr) return no_evidence(now);
  INQ_TRY(os::TempDirectory directory, os::TempDirectory::create("inquest-case-"));
  CaseFiles files{
      .directory = std::move(directory), .evidence = {}, .part = {}, .root = {}, .lease = {}};
  if (lease.ok()) files.lease = std::move(*lease);
  files.evidence = files.directory.file("core");
  INQ_TRY(files.part, write_best(vault, now, files.evidence));
  for (const vault::Attachment& attachment : now.attachments) {
    if (!attachment.kept || attachment.role != vault::Role::kFile) continue;
    files.root = files.directory.file("root");
    INQ_TRY_STATUS(write_part(vault, now, attachment.name, files.root + attachment.name));
  }
  return files;
}

bool is_archive_file(const std::string& path) {
  const auto fd = os::open_regular_file(path);
  if (!fd.ok()) return false;
  // Nearly all input is none, which its first bytes tell.
  Bytes start(kMagic);
  for (const size_t size : {kMagic, kSniffed}) {
    start.resize(size);
    const auto got = os::pread_some(fd->get(), start, 0);
    if (!got.ok()) return false;
    start.resize(*got);
    if (codec::sniff(start) != codec::Codec::kZstd) return false;
  }
  return vault::is_archive(start);
}

Result<CaseArchive> open_archive(const std::string& path) {
  INQ_TRY(os::TempDirectory directory, os::TempDirectory::create("inquest-case-"));
  const vault::ArchiveLimits limits{.max_bytes = room_for_archive(directory.path()), .tar = {}};
  // Somebody else wrote it: a worker unpacks it, and tells what there is now.
  const auto told = text_of_worker(path, {}, [&]() -> Result<std::string> {
    INQ_TRY(const os::Fd fd, os::open_regular_file(path));
    auto unpacked = vault::unpack_archive(fd.get(), directory.path(), limits);
    if (!unpacked.ok()) return std::move(unpacked).error().with_context(path);
    return to_json(*unpacked);
  });
  if (!told) return Error(ErrorCode::kCorrupt, "");  // the worker said why
  INQ_TRY(vault::Unpacked content, vault::read_unpacked(*told));
  return CaseArchive{.directory = std::move(directory), .content = std::move(content)};
}

bool names_a_case(const std::string& input) {
  const bool looks = input.size() >= kLeastDigits && input.size() <= vault::kCaseIdDigits &&
                     input.find_first_not_of("0123456789abcdef") == std::string::npos;
  return looks && !os::is_regular_file(input) && !os::is_directory(input);
}

int with_input(diagnosis::DiagnoseOptions& options, const std::string& vault_directory,
               const std::function<int()>& work) {
  const bool is_id = names_a_case(options.input);
  if (!is_id && !is_archive_file(options.input)) return work();
  auto files = is_id ? check_out_by_id(options.input, vault_directory) : unpack(options.input);
  if (!files.ok()) {
    if (!is_id || files.error().code() != ErrorCode::kNotFound) return refuse(files.error());
    // A number may be meant for a process; its refusal says what to do.
    if (os::is_directory("/proc/" + options.input)) return work();
    return refuse(std::move(files).error().with_context(options.input));
  }
  options.input_name = options.input;
  options.input = files->evidence;
  options.input_root = files->root;
  return work();
}

}  // namespace inquest::cli
