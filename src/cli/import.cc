#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <span>

#include "cli/case_analysis.h"
#include "cli/case_files.h"
#include "cli/commands.h"
#include "cli/evidence.h"
#include "cli/vault_access.h"
#include "platform/os/fd.h"
#include "platform/term/text.h"
#include "vault/archive.h"

namespace inquest::cli {
namespace {

constexpr size_t kFilesAtOnce = 64;  // open, and in one pack

struct Options {
  std::string vault;
  std::vector<std::string> inputs;
  process::ModuleOptions modules;
  bool json = false;
};

struct Imported {
  vault::CaseId id;
  bool was_there = false;
  std::vector<std::string> notes;  // what could not be kept
};

void note_refused(const std::vector<vault::Attached>& attached, Imported& imported) {
  for (const vault::Attached& one : attached) {
    if (!one.kept) imported.notes.push_back(fmt::format("{} is not kept: {}", one.name, one.why));
  }
}

// What the case did not have when it was exported is missing here too. A header has room for some
// reasons: those of cores and reports come first.
vault::CaseHeader header_of(const vault::Unpacked& unpacked) {
  vault::CaseHeader header = unpacked.header;
  std::vector<std::string> reasons;
  const auto add = [&](bool files) {
    for (const vault::Attachment& part : unpacked.missing) {
      if ((part.role == vault::Role::kFile) != files) continue;
      reasons.push_back(fmt::format("{}: {}", part.name, part.why));
    }
  };
  add(false);
  reasons.insert(reasons.end(), header.missing.begin(), header.missing.end());
  add(true);
  header.missing = std::move(reasons);
  return header;
}

Status attach_some(vault::Vault& vault, std::span<const vault::Unpacked::File* const> files,
                   Imported& imported) {
  std::vector<os::Fd> fds;
  std::vector<vault::NewAttachment> evidence;
  for (const auto* file : files) {
    INQ_TRY(os::Fd fd, os::open_regular_file(file->path));
    evidence.push_back({.name = file->about.name,
                        .role = file->about.role,
                        .source = fd.get(),
                        .truncated = file->about.truncated});
    fds.push_back(std::move(fd));
  }
  INQ_TRY(const auto attached, vault.attach(imported.id, evidence));
  note_refused(attached, imported);
  return {};
}

Result<Imported> import_archive(vault::Vault& vault, const std::string& path) {
  INQ_TRY(const CaseArchive archive, open_archive(path));
  const vault::Unpacked& unpacked = archive.content;
  auto begun = vault.begin(header_of(unpacked), unpacked.id);
  if (!begun.ok()) {
    if (begun.error().code() != ErrorCode::kMismatch) return std::move(begun).error();
    return Imported{.id = unpacked.id, .was_there = true, .notes = {}};
  }
  Imported imported{.id = unpacked.id, .was_there = false, .notes = {}};
  // Slim records first: they are what must find room.
  std::vector<const vault::Unpacked::File*> files;
  for (const auto& file : unpacked.files) files.push_back(&file);
  std::ranges::stable_partition(
      files, [](const auto* file) { return file->about.role == vault::Role::kSlim; });
  const auto attach_all = [&]() -> Status {
    for (std::span rest(files); !rest.empty();) {
      const auto some = rest.first(std::min(rest.size(), kFilesAtOnce));
      INQ_TRY_STATUS(attach_some(vault, some, imported));
      rest = rest.subspan(some.size());
    }
    // Whoever was still writing it when it was exported will not write it here.
    const bool whole = unpacked.state == vault::State::kComplete;
    return vault.finish(imported.id, whole ? unpacked.state : vault::State::kTruncated);
  };
  const Status done = attach_all();
  if (done.ok()) return imported;
  // Half a case is worse than none: the file is still there.
  (void)vault.finish(imported.id, vault::State::kTruncated).ok();
  (void)vault.remove(imported.id).ok();
  return done.error();
}

// When it was captured is not in a core: the file's own time comes nearest.
int64_t time_of(int fd) {
  struct stat info = {};
  if (::fstat(fd, &info) != 0) return 0;
  return int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
}

// A core, a minidump, a log: explained, and kept with its report.
Result<Imported> import_evidence(vault::Vault& vault, const Options& options,
                                 const std::string& path) {
  INQ_TRY(const os::Fd fd, os::open_regular_file(path));
  const auto analysis = analyse({.input = path, .modules = options.modules, .full = true});
  if (!analysis) return Error(ErrorCode::kInvalidArgument, path + ": not imported");
  vault::CaseHeader header = analysis->header;
  header.time_ns = time_of(fd.get());
  header.labels = {{"imported from", path}};
  const bool is_full =
      header.fidelity == vault::Fidelity::kFull || header.fidelity == vault::Fidelity::kSnapshot;
  const std::string& report = analysis->json;
  const ByteView report_bytes(reinterpret_cast<const uint8_t*>(report.data()), report.size());
  const vault::NewAttachment evidence[] = {
      {.name = "report.json", .role = vault::Role::kReport, .source = report_bytes},
      {.name = is_full ? "core" : "evidence",
       .role = is_full ? vault::Role::kFull : vault::Role::kSlim,
       .source = fd.get()},
  };
  INQ_TRY(const vault::Deposited deposited, vault.deposit(header, evidence));
  Imported imported{.id = deposited.id, .was_there = false, .notes = {}};
  note_refused(deposited.attached, imported);
  return imported;
}

void write_imported(json::JsonWriter& json, const std::string& path, const Imported& imported) {
  json.begin_object()
      .field("file", path)
      .field("id", imported.id)
      .field("was_there", imported.was_there)
      .key("notes")
      .begin_array();
  for (const std::string& note : imported.notes) json.value(note);
  json.end_array().end_object();
}

int import_all(const Options& options) {
  auto vault = open_vault(options.vault, Access::kCreate);
  if (!vault.ok()) return refuse(vault.error());
  int code = kExitOk;
  json::JsonWriter json;
  std::string text;
  json.begin_object().key("imported").begin_array();
  for (const std::string& path : options.inputs) {
    const auto imported = is_archive_file(path) ? import_archive(*vault, path)
                                                : import_evidence(*vault, options, path);
    if (!imported.ok()) {
      code = refuse(imported.error());
      continue;
    }
    write_imported(json, path, *imported);
    text += fmt::format("{}{}\n", imported->id, imported->was_there ? " (was there already)" : "");
    for (const std::string& note : imported->notes) {
      std::fprintf(stderr, "inquest: %s: %s\n", term::printable(path).c_str(),
                   term::printable(note).c_str());
    }
  }
  json.end_array().end_object();
  const int printed = print(options.json ? std::move(json).take() : text);
  return code != kExitOk ? code : printed;
}

}  // namespace

void add_import(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<Options>();  // outlives parsing, for the callback below
  CLI::App* command = app.add_subcommand(
      "import", "Put exported crashes, cores, minidumps and logs into the vault");
  command->add_option("FILE", options->inputs, "what to put there")->required();
  add_vault_option(*command, options->vault);
  add_file_options(*command, options->modules);
  command->add_flag("--json", options->json, "print the ids as JSON");
  command->callback([options, &chosen] { chosen = [options] { return import_all(*options); }; });
}

}  // namespace inquest::cli
