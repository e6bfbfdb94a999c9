#include "cli/collect_keeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "capture/collect/renounce.h"
#include "cli/crash_keeper.h"
#include "cli/vault_access.h"
#include "cli/worker.h"
#include "platform/term/text.h"

namespace inquest::cli {
namespace {

bool is_zero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](uint8_t byte) { return byte == 0; });
}

vault::CaseHeader collected_header(const capture::CollectedCrash& crash) {
  vault::CaseHeader header = header_of(crash.captured);
  header.labels.emplace_back("collected", std::string(to_string(crash.decision.retain)));
  header.labels.emplace_back("readable-by", crash.root_only ? "root" : "user");
  return header;
}

}  // namespace

void CollectKeeper::log(const std::string& line) {
  std::fprintf(stderr, "inquest: %s\n", term::printable(line).c_str());
}

Status CollectKeeper::open() {
  if (vault_) return {};
  INQ_TRY(vault::Vault opened, open_vault(directory_, Access::kCreate));
  vault_.emplace(std::move(opened));
  return {};
}

Status CollectKeeper::count(const capture::CollectedCrash& crash) {
  INQ_TRY_STATUS(open());
  return vault_->count(collected_header(crash));
}

void CollectKeeper::count_lost(const capture::KernelLoss& loss) {
  log(fmt::format("a core of process {} ({}) was lost in the kernel: {}", loss.pid, loss.name,
                  loss.reason));
  vault::CaseHeader header;
  header.time_ns = now_ns();
  header.pid = loss.pid;
  header.executable = loss.name;
  header.signature = "kernel-lost";
  Status counted = open();
  if (counted.ok()) counted = vault_->count(header);
  if (!counted.ok()) log("and could not be counted: " + counted.error().message());
}

Status CollectKeeper::keep_slim(const capture::CollectedCrash& crash) {
  INQ_TRY_STATUS(open());
  record_ = capture::record_of(crash.captured);
  INQ_TRY(id_, vault_->begin(collected_header(crash)));
  return cli::keep_slim(*vault_, id_, record_);
}

Status CollectKeeper::begin(const capture::CollectedCrash& crash, uint64_t promised) {
  INQ_TRY_STATUS(keep_slim(crash));
  INQ_TRY(writer_, vault_->attach_stream(id_, kFullName, vault::Role::kFull, promised));
  return {};
}

Status CollectKeeper::append(ByteView bytes) {
  constexpr size_t kBlock = 4096;
  while (!bytes.empty()) {
    const bool zero = is_zero(bytes.first(std::min(kBlock, bytes.size())));
    size_t size = 0;
    while (size < bytes.size() &&
           is_zero(bytes.subspan(size, std::min(kBlock, bytes.size() - size))) == zero)
      size += std::min(kBlock, bytes.size() - size);
    INQ_TRY_STATUS(zero ? writer_->skip(size) : writer_->append(bytes.first(size)));
    bytes = bytes.subspan(size);
  }
  return {};
}

Status CollectKeeper::end(bool whole) {
  INQ_TRY(const vault::Attached attached, writer_->commit(!whole));
  if (!attached.kept) return Error(ErrorCode::kUnavailable, attached.why);
  vault::CaseUpdate update;
  update.fidelity = whole ? vault::Fidelity::kFull : vault::Fidelity::kSlim;
  if (!whole) {
    update.missing = {
        "the end of the full core: writing it took longer than the process may be held"};
  }
  return vault_->update(id_, update);
}

// In a child that has given up all rights: it reads binaries that anybody may have written.
std::optional<CrashExplanation> CollectKeeper::explain(const capture::CollectedCrash& crash) const {
  const capture::ProcessStatus& owner = crash.captured.circumstances.status;
  const auto text = text_of_worker(id_, {}, [&]() -> Result<std::string> {
    INQ_TRY_STATUS(capture::renounce_rights(owner.uid.value_or(0), owner.gid.value_or(0)));
    INQ_TRY(const CrashExplanation found, explain_record(record_, "record"));
    return to_json(found);
  });
  if (!text) return std::nullopt;
  auto found = explanation_from(*text);
  if (found.ok()) return std::move(*found);
  log(fmt::format("{}: not explained: {}", id_, found.error().message()));
  return std::nullopt;
}

Status CollectKeeper::keep(const capture::CollectedCrash& crash) {
  if (id_.empty()) INQ_TRY_STATUS(keep_slim(crash));
  log(fmt::format("crash of process {} kept as {} ({}: {})", crash.captured.pid, id_,
                  to_string(crash.decision.retain), crash.decision.reason));
  const auto found = explain(crash);
  if (!found) return vault_->finish(id_);
  log(found->headline);
  return keep_report(*vault_, id_, *found);
}

}  // namespace inquest::cli
