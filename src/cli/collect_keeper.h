// What `inquest collect` does with a crash in the vault. Lives in the child of the crash.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "capture/collect/collector.h"
#include "cli/crash_analysis.h"
#include "vault/vault.h"

namespace inquest::cli {

class CollectKeeper final : public capture::FullCoreSink {
 public:
  // Opens the vault when it is first needed.
  explicit CollectKeeper(std::string directory) : directory_(std::move(directory)) {}

  // To stderr.
  static void log(const std::string& line);

  Status count(const capture::CollectedCrash& crash);
  void count_lost(const capture::KernelLoss& loss);
  // The slim record, unless a full core came before it, and the report.
  Status keep(const capture::CollectedCrash& crash);

  // A full core, behind the slim record: that is what a full disk leaves.
  Status begin(const capture::CollectedCrash& crash, uint64_t promised) override;
  Status append(ByteView bytes) override;
  Status end(bool whole) override;

 private:
  Status open();
  Status keep_slim(const capture::CollectedCrash& crash);
  // nullopt after saying why.
  std::optional<CrashExplanation> explain(const capture::CollectedCrash& crash) const;

  std::string directory_;
  std::optional<vault::Vault> vault_;
  std::unique_ptr<vault::EvidenceWriter> writer_;  // ends before vault_ does
  std::string id_;
  Bytes record_;
};

}  // namespace inquest::cli
