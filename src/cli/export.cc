#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <memory>
#include <set>

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

struct Options {
  std::string vault, id, output;
  process::ModuleOptions modules;
  bool without_files = false;
  bool json = false;
};

// A part that goes into the archive.
struct Part {
  vault::Attachment about;
  std::string path;  // where it is; empty: in the vault only
};

// `about` has the parts that are in the archive; the others are not kept.
std::string read_me(const vault::Case& about, bool has_report) {
  const std::string name = "inquest-case-" + short_id(about.id);
  const auto has = [&](auto&& is_wanted) {
    return std::ranges::any_of(about.attachments, [&](const vault::Attachment& part) {
      return part.kept && is_wanted(part);
    });
  };
  const auto is_file = [](const vault::Attachment& part) {
    return part.role == vault::Role::kFile;
  };
  const vault::Attachment* best = about.best_evidence();
  std::string text = fmt::format(
      "This is one crash, as Inquest kept it.\n\n  {}\n\n",
      term::printable(about.header.headline.empty() ? "not explained" : about.header.headline));
  if (has_report)
    text +=
        "  report.html   why it died: open it in a browser (report.txt, report.json: the same)\n";
  text += "  case.json     what is known of it: time, program, host, signature, what is missing\n";
  if (has(std::not_fn(is_file))) text += "  evidence/     what was captured of the process\n";
  if (has(is_file))
    text += "  root/         the programs, libraries and debug files that it ran, as below /\n";
  text += fmt::format(
      "\nIt may hold secrets of the process: passwords, keys, data of users.\n\n"
      "To unpack it:      tar --zstd -xf {}.tar.zst\n",
      name);
  if (best != nullptr) text += fmt::format("To explain it:     inquest explain {}.tar.zst\n", name);
  text += fmt::format("To keep it:        inquest import {}.tar.zst\n", name);
  const std::string& program = about.header.executable;
  const bool has_program =
      has([&](const auto& part) { return is_file(part) && part.name == program; });
  if (best != nullptr && has_program) {
    text += fmt::format(
        "To debug it:       cd {}; gdb -iex 'set auto-load off' -iex 'set sysroot root' \\\n"
        "                     -iex 'set debug-file-directory root/usr/lib/debug' \\\n"
        "                     'root{}' evidence/{}\n",
        name, term::printable(program), best->name);
  }
  return text;
}

// Where a part of the case was unpacked to, for the analysis; empty when it was not.
std::string place_of(const vault::Attachment& part, const CaseFiles* files) {
  if (files == nullptr) return "";
  if (part.name == files->part) return files->evidence;
  return part.role == vault::Role::kFile ? files->root + part.name : "";
}

// The evidence, and the files that belong to it where they are not part of the case yet.
std::vector<Part> parts_of(const vault::Case& from, const CaseFiles* files,
                           const CaseAnalysis* analysis, bool without_files) {
  std::vector<Part> parts;
  for (const vault::Attachment& attachment : from.attachments) {
    const bool is_file = attachment.role == vault::Role::kFile;
    // What was said of it is said anew.
    const bool is_report = attachment.name == "report.json" && analysis != nullptr;
    if (!attachment.kept || (is_file && without_files) || is_report) continue;
    parts.push_back({attachment, place_of(attachment, files)});
  }
  if (analysis == nullptr || without_files) return parts;
  for (const auto& [place, path] : analysis->files) {
    const vault::Attachment* known = from.find(place);
    if (known != nullptr && known->kept) continue;
    const auto fd = os::open_regular_file(path);
    struct stat info = {};
    if (!fd.ok() || ::fstat(fd->get(), &info) != 0) continue;
    vault::Attachment about{.name = place, .role = vault::Role::kFile};
    about.size = about.data = static_cast<uint64_t>(info.st_size);
    parts.push_back({std::move(about), path});
  }
  return parts;
}

Result<os::Fd> open_part(vault::Vault& vault, const vault::Case& from, const Part& part) {
  if (!part.path.empty()) return os::open_regular_file(part.path);
  INQ_TRY(os::Fd fd, os::anonymous_file());
  INQ_TRY_STATUS(vault.read(from, part.about.name, fd.get()));
  return fd;
}

Status write_archive(int fd, vault::Vault& vault, const vault::Case& from,
                     const std::vector<Part>& parts, const CaseAnalysis* analysis) {
  // case.json tells of the parts that are in the archive, and of those that are lost.
  vault::Case about = from;
  std::set<std::string> there;
  for (const Part& part : parts) there.insert(part.about.name);
  std::erase_if(about.attachments,
                [&](const vault::Attachment& one) { return one.kept || there.contains(one.name); });
  for (const Part& part : parts) about.attachments.push_back(part.about);
  if (analysis != nullptr && about.header.headline.empty()) {
    about.header.headline = analysis->header.headline;
    about.header.signature = analysis->header.signature;
    about.header.title = analysis->header.title;
  }
  INQ_TRY(vault::ArchiveWriter writer,
          vault::ArchiveWriter::create(fd, about, read_me(about, analysis != nullptr)));
  if (analysis != nullptr) {
    INQ_TRY_STATUS(writer.add_text("report.html", analysis->html));
    INQ_TRY_STATUS(writer.add_text("report.txt", analysis->text));
    INQ_TRY_STATUS(writer.add_text("report.json", analysis->json));
  }
  // One at a time: there may be more of them than files may be open.
  for (const Part& part : parts) {
    INQ_TRY(const os::Fd content, open_part(vault, from, part));
    INQ_TRY_STATUS(writer.add(part.about, content.get()));
  }
  return writer.finish();
}

int say_done(const Options& options, const std::string& path, const std::vector<Part>& parts,
             uint64_t bytes) {
  if (path == "-") return kExitOk;
  if (!options.json) return print(fmt::format("{}\n", path));
  json::JsonWriter json;
  json.begin_object().field("file", path).field("bytes", bytes).key("parts").begin_array();
  for (const Part& part : parts) json.value(part.about.name);
  json.end_array().end_object();
  return print(std::move(json).take());
}

int export_case(const Options& options) {
  auto vault = open_vault_to_look(options.vault);
  if (!vault.ok()) return refuse(vault.error());
  const auto found = vault->find(options.id);
  if (!found.ok()) return refuse(found.error());
  std::optional<CaseFiles> files;
  std::optional<CaseAnalysis> analysis;
  if (found->best_evidence() != nullptr) {
    auto checked_out = check_out(*vault, *found);
    if (!checked_out.ok()) return refuse(checked_out.error());
    files = std::move(*checked_out);
    diagnosis::DiagnoseOptions diagnose{.input = files->evidence,
                                        .input_name = short_id(found->id),
                                        .input_root = files->root,
                                        .modules = options.modules,
                                        .full = true};
    analysis = analyse(diagnose);  // without one, what was captured is exported all the same
  }
  const std::vector<Part> parts = parts_of(*found, files ? &*files : nullptr,
                                           analysis ? &*analysis : nullptr, options.without_files);
  std::string path = options.output;
  if (path.empty()) path = fmt::format("inquest-case-{}.tar.zst", short_id(found->id));
  auto output =
      path == "-" ? Result<os::Fd>(os::Fd(::dup(STDOUT_FILENO))) : os::create_file(path, 0600);
  if (!output.ok()) return refuse(output.error());
  const Status written =
      write_archive(output->get(), *vault, *found, parts, analysis ? &*analysis : nullptr);
  if (!written.ok()) {
    if (path != "-") ::unlink(path.c_str());
    return refuse(written.error());
  }
  struct stat info = {};
  const bool known = ::fstat(output->get(), &info) == 0;
  return say_done(options, path, parts, known ? static_cast<uint64_t>(info.st_size) : 0);
}

}  // namespace

void add_export(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<Options>();  // outlives parsing, for the callback below
  CLI::App* command = app.add_subcommand(
      "export", "Write a crash with its report, binaries and debug files into one file");
  command->add_option("ID", options->id, "a case, or how its id begins")->required();
  add_vault_option(*command, options->vault);
  command
      ->add_option("-o,--output", options->output,
                   "where to (inquest-case-ID.tar.zst); - for standard output")
      ->type_name("FILE");
  command->add_flag("--without-files", options->without_files, "no binaries and debug files");
  add_file_options(*command, options->modules);
  command->add_flag("--json", options->json, "print what was written as JSON");
  command->callback([options, &chosen] { chosen = [options] { return export_case(*options); }; });
}

}  // namespace inquest::cli
