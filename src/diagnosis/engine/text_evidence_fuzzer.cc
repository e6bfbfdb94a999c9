// Any text from the log to the verdict: the lines of the kernel go through all stages.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "diagnosis/engine/text_evidence.h"
#include "diagnosis/report/report.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace inquest;
  const os::Fd fd(::memfd_create("fuzz", MFD_CLOEXEC));
  if (!fd.valid() || size == 0 || ::write(fd.get(), data, size) != static_cast<ssize_t>(size))
    return 0;
  process::Input input;
  auto file = os::MappedFile::from_fd(fd, "fuzz");
  if (!file.ok()) return 0;
  input.file = std::move(*file);
  diagnosis::DiagnoseOptions options;
  options.modules.use_debuginfod = false;
  options.modules.sysroot = "/nonexistent";
  auto result = diagnosis::diagnose_text(input, options);
  if (!result.ok()) return 0;
  INQ_CHECK(!result->list.empty());
  for (diagnosis::Diagnosis& each : result->list) {
    INQ_CHECK(!each.verdict.hypotheses.empty() && !each.verdict.headline.empty());
    const diagnosis::Report report{.facts = std::move(each.facts),
                                   .verdict = std::move(each.verdict),
                                   .tool_version = "fuzz",
                                   .full = true,
                                   .place_in_text = each.place_in_text};
    INQ_CHECK(!render_text(report, {}).empty());
  }
  return 0;
}
