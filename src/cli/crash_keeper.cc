#include "cli/crash_keeper.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <memory>

#include "base/scrub.h"
#include "capture/record/core_writer.h"
#include "capture/record/full_core.h"
#include "cli/vault_access.h"
#include "platform/os/directories.h"
#include "platform/os/file.h"
#include "vault/vault.h"

namespace inquest::cli {
namespace {

using capture::Captured;

constexpr char kSlimName[] = "slim", kReportName[] = "report.json";

vault::Fidelity fidelity_of(capture::Fidelity fidelity) {
  switch (fidelity) {
    case capture::Fidelity::kFull:
      return vault::Fidelity::kFull;
    case capture::Fidelity::kSnapshot:
      return vault::Fidelity::kSnapshot;
    case capture::Fidelity::kSlim:
      return vault::Fidelity::kSlim;
    case capture::Fidelity::kRegistersOnly:
      return vault::Fidelity::kRegisters;
    case capture::Fidelity::kSignalOnly:
      return vault::Fidelity::kSignal;
  }
  return vault::Fidelity::kSignal;
}

std::string command_line_of(const std::string& text) {
  std::vector<std::string> words;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\0', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return fmt::format("{}", fmt::join(scrub_words(words), " "));
}

ByteView bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

vault::NewAttachment slim_of(ByteView record) {
  return {.name = kSlimName, .role = vault::Role::kSlim, .source = record, .truncated = false};
}

// What became of it stands in the case.
Status attach_one(vault::Vault& vault, const std::string& id, const vault::NewAttachment& one) {
  const auto attached = vault.attach(id, {&one, 1});
  return attached.ok() ? Status() : Status(attached.error());
}

// Into a file with holes.
class FileSink final : public capture::CoreSink {
 public:
  explicit FileSink(int fd) : fd_(fd) {}
  Status append(ByteView bytes) override {
    size_ += bytes.size();
    return os::write_all(fd_, bytes);
  }
  Status skip(uint64_t size) override {
    size_ += size;
    if (::lseek(fd_, static_cast<off_t>(size_), SEEK_SET) < 0) return Error::io("seeking", errno);
    return {};
  }
  Status begin_segment() override { return {}; }
  Status finish() const {
    if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0) return Error::io("sizing a core", errno);
    return {};
  }

 private:
  int fd_;
  uint64_t size_ = 0;
};

class VaultSink final : public capture::CoreSink {
 public:
  explicit VaultSink(vault::EvidenceWriter& writer) : writer_(writer) {}
  Status append(ByteView bytes) override { return writer_.append(bytes); }
  Status skip(uint64_t size) override { return writer_.skip(size); }
  Status begin_segment() override { return writer_.begin_segment(); }

 private:
  vault::EvidenceWriter& writer_;
};

// What a full core says of itself: all that was left out of the slim record is in it.
Captured as_snapshot(const Captured& captured) {
  Captured full;
  full.pid = captured.pid;
  full.signal = captured.signal;
  full.how = captured.how;
  full.captured_at = captured.captured_at;
  full.fidelity = capture::Fidelity::kSnapshot;
  full.circumstances = captured.circumstances;
  full.threads = captured.threads;
  full.mappings = captured.mappings;
  full.flags = captured.flags;
  full.annotations = captured.annotations;
  full.last_words = captured.last_words;
  full.timings_us = captured.timings_us;
  for (const capture::ThreadState& thread : captured.threads) {
    if (thread.stopped) continue;
    full.left_out.push_back(
        {fmt::format("the registers of thread {}", thread.tid), thread.why_not});
  }
  size_t not_inherited = 0, shared = 0;
  for (const capture::LiveMapping& mapping : captured.mappings) {
    const auto flags = captured.flags.find(mapping.range.start.value);
    const bool lost = flags != captured.flags.end() && flags->second.not_inherited;
    not_inherited += lost ? 1 : 0;
    shared += mapping.shared && mapping.write ? 1 : 0;
  }
  if (not_inherited != 0) {
    full.left_out.push_back(
        {fmt::format("{} mappings", not_inherited),
         "the program keeps them out of copies (MADV_WIPEONFORK), or a copy would keep them in use "
         "(System V)"});
  }
  if (shared != 0) {
    full.left_out.push_back({fmt::format("the state of {} shared mappings at the crash", shared),
                             "other processes may have written to them until they were read"});
  }
  return full;
}

}  // namespace

vault::CaseHeader header_of(const Captured& captured) {
  timespec now = {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const capture::Circumstances& facts = captured.circumstances;
  const capture::CgroupNames names = capture::names_in_cgroup(facts.cgroup);
  vault::CaseHeader header;
  header.time_ns = now.tv_sec * 1'000'000'000 + now.tv_nsec;
  header.pid = captured.pid;
  header.executable = scrub_text(facts.executable);
  header.command_line = command_line_of(facts.command_line);
  header.signal = captured.signal;
  header.fidelity = fidelity_of(captured.fidelity);
  for (const capture::LeftOut& missing : captured.left_out) {
    header.missing.push_back(fmt::format("{}: {}", missing.what, missing.why));
  }
  header.unit = names.unit;
  header.container = names.container;
  header.cgroup = names.path;
  if (facts.uptime_ms >= 0) header.uptime_ms = static_cast<uint64_t>(facts.uptime_ms);
  for (const auto& [name, value] : captured.annotations) {
    const std::string entry = scrub_variable(fmt::format("{}={}", name, value));
    header.annotations.emplace_back(name, entry.substr(name.size() + 1));
  }
  return header;
}

Status keep_slim(vault::Vault& vault, const std::string& id, ByteView record) {
  return attach_one(vault, id, slim_of(record));
}

Status keep_report(vault::Vault& vault, const std::string& id, const CrashExplanation& found) {
  vault::CaseUpdate update;
  update.signature = found.signature;
  update.title = found.title;
  update.headline = found.headline;
  INQ_TRY_STATUS(vault.update(id, update));
  const vault::NewAttachment report{.name = kReportName,
                                    .role = vault::Role::kReport,
                                    .source = bytes_of(found.report),
                                    .truncated = false};
  INQ_TRY_STATUS(attach_one(vault, id, report));
  return vault.finish(id);
}

CrashKeeper::CrashKeeper(std::string output, std::string vault)
    : output_(std::move(output)), vault_(std::move(vault)) {
  if (output_.empty() && vault_.empty()) vault_ = vault::default_directory();
}

Status CrashKeeper::check() const {
  if (!output_.empty()) return os::make_directories(output_);
  if (vault_.empty()) {
    return Error(ErrorCode::kNotFound,
                 "there is no place for crashes: set INQUEST_VAULT, or give --output DIR");
  }
  auto opened = open_vault(vault_, Access::kCreate);
  if (!opened.ok()) return std::move(opened).error().with_context(vault_);
  return {};
}

Result<std::string> CrashKeeper::keep(ByteView record, const Captured& captured) const {
  if (!output_.empty()) {
    INQ_TRY(const Bytes packed, capture::compress_record(record));
    const std::string path =
        fmt::format("{}/{}-{}.core.zst", output_, captured.captured_at, captured.pid);
    INQ_TRY_STATUS(os::write_file_atomic(path, packed, 0600));
    return path;
  }
  INQ_TRY(vault::Vault vault, open_vault(vault_, Access::kCreate));
  const vault::NewAttachment slim = slim_of(record);
  INQ_TRY(vault::Deposited deposited, vault.deposit(header_of(captured), {&slim, 1}));
  for (const vault::Attached& one : deposited.attached) {
    if (one.kept) continue;
    std::fprintf(stderr, "inquest: of crash %s only what inquest ls shows is kept: %s\n",
                 deposited.id.c_str(), one.why.c_str());
  }
  return deposited.id;
}

Status CrashKeeper::keep_full(const std::string& id, const Captured& captured,
                              const capture::RemoteMemory& memory) const {
  const Captured full = as_snapshot(captured);
  if (!output_.empty()) {
    // Under this name only when it is whole.
    const std::string path = id.substr(0, id.find(".core.zst")) + ".full.core";
    const std::string part = path + ".part";
    INQ_TRY(const os::Fd file, os::create_file(part, 0600));
    FileSink sink(file.get());
    auto core = write_full_core(full, memory, sink);
    Status written = core.ok() ? sink.finish() : Status(std::move(core).error());
    if (written.ok() && ::rename(part.c_str(), path.c_str()) != 0) {
      written = Error::io(path, errno);
    }
    if (!written.ok()) ::unlink(part.c_str());
    return written;
  }
  INQ_TRY(vault::Vault vault, open_vault(vault_, Access::kCreate));
  const uint64_t expected = captured.circumstances.status.resident_kib << 10;
  INQ_TRY(const auto writer, vault.attach_stream(id, kFullName, vault::Role::kFull, expected));
  VaultSink sink(*writer);
  INQ_TRY(const capture::FullCore written, write_full_core(full, memory, sink));
  static_cast<void>(written);
  INQ_TRY(const vault::Attached attached, writer->commit());
  if (!attached.kept) return Error(ErrorCode::kUnavailable, attached.why);
  vault::CaseUpdate update;
  update.fidelity = vault::Fidelity::kSnapshot;
  INQ_TRY_STATUS(vault.update(id, update));
  return vault.finish(id);
}

Status CrashKeeper::keep_report(const std::string& id, const CrashExplanation& found) const {
  if (!output_.empty()) {
    const std::string path = id.substr(0, id.find(".core.zst")) + ".report.json";
    return os::write_file_atomic(path, bytes_of(found.report), 0600);
  }
  INQ_TRY(vault::Vault vault, open_vault(vault_, Access::kCreate));
  return cli::keep_report(vault, id, found);
}

}  // namespace inquest::cli
