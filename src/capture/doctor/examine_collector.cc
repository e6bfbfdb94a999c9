// The program that the kernel hands cores to. Source: core(5), coredump.conf(5), and measurements
// of systemd-coredump 252.
#include <fmt/format.h>

#include <algorithm>

#include "capture/doctor/examine.h"

namespace inquest::doctor {
namespace {

using Evidence = Prospect::Evidence;
using Kind = CorePattern::Kind;

constexpr uint64_t kDefaultSize = uint64_t{32} << 30;  // bytes, on 64 bits, since systemd 251

struct Cap {
  uint64_t bytes = kDefaultSize;
  std::string source = "its default";
};

Cap cap(const Settings& settings, const char* key) {
  const auto* value = settings.find("Coredump", key);
  const auto size = value != nullptr ? parse_size(value->text) : std::nullopt;
  return size ? Cap{*size, value->source} : Cap{};
}

void check_caps(const Facts& facts, Examination& out) {
  const Settings& settings = facts.host.coredump_conf;
  const auto* storage = settings.find("Coredump", "Storage");
  if (storage != nullptr && storage->text == "none") {
    out.prospect = {Evidence::kNothing, "a line in the journal: systemd-coredump keeps no core"};
    out.findings.push_back({"coredump-storage", Weight::kProblem,
                            "systemd-coredump is told to keep nothing (Storage=none)",
                            storage->source, "systemctl edit --full …   # Storage=external"});
    return;
  }
  const uint64_t size = facts.target ? facts.target->virtual_bytes : 0;
  for (const char* key : {"ProcessSizeMax", "ExternalSizeMax"}) {
    const Cap limit = cap(settings, key);
    if (size <= limit.bytes) continue;
    const bool skipped = limit.bytes == 0;
    out.findings.push_back(
        {"coredump-size", Weight::kWarning,
         fmt::format("{} is {}: {}", key, size_text(limit.bytes),
                     skipped ? "no core is kept" : "a larger core is stored cut, or not processed"),
         fmt::format("the process has {} mapped; {}", size_text(size), limit.source),
         fmt::format("echo -e '[Coredump]\\n{}=infinity' > /etc/systemd/coredump.conf.d/size.conf",
                     key)});
    if (out.prospect.evidence == Evidence::kAll && skipped)
      out.prospect = {Evidence::kNothing, "a line in the journal: its core is over the size limit"};
  }
}

void check_systemd(const Facts& facts, Examination& out) {
  if (!facts.host.systemd_runs && facts.host.container.empty()) {
    out.prospect = {Evidence::kNothing, "nothing: systemd-coredump has nobody to hand the core to"};
    out.findings.push_back({"coredump-service", Weight::kProblem,
                            "core_pattern names systemd-coredump, but systemd does not run",
                            "it needs systemd-coredump.socket; without it the core is dropped",
                            "sysctl -w kernel.core_pattern=core.%e.%p"});
    return;
  }
  check_caps(facts, out);
  if (facts.target && facts.target->anonymous_bytes > uint64_t{1} << 30) {
    out.findings.push_back(
        {"coredump-time", Weight::kWarning, "the service stays down while systemd-coredump writes",
         fmt::format("it holds the dying process until all is written and compressed: 39 s were "
                     "measured for 4 GiB, and this one has {}",
                     size_text(facts.target->anonymous_bytes)),
         "inquest run --restart -- CMD   # or: inquest install"});
  }
}

void check_pipe(const Facts& facts, Examination& out) {
  const Host& host = facts.host;
  if (!host.container.empty()) {
    if (out.prospect.evidence == Evidence::kAll)
      out.prospect = {Evidence::kUnknown,
                      fmt::format("a core, given to {} of the host, outside of this container",
                                  host.pattern.target)};
    out.findings.push_back(
        {"collector-outside", Weight::kNote,
         "cores leave the container: the host's collector gets them",
         fmt::format("`{}` runs on the host; whether it keeps them cannot be seen "
                     "from here",
                     host.pattern.target),
         "inquest run -- CMD   # keeps a record inside of the container"});
  } else if (!host.handler_exists) {
    out.prospect = {Evidence::kNothing,
                    fmt::format("nothing: {} does not exist", host.pattern.target)};
    out.findings.push_back(
        {"collector-missing", Weight::kProblem,
         fmt::format("core_pattern pipes to {}, which does not exist", host.pattern.target),
         "the kernel drops the core when it cannot start the program",
         "sysctl -w kernel.core_pattern=core.%e.%p"});
  } else if (handler_of(host.pattern) == "systemd-coredump") {
    check_systemd(facts, out);
  }
  if (host.core_pipe_limit.value_or(0) > 0) {
    out.findings.push_back(
        {"pipe-limit", Weight::kWarning,
         fmt::format("kernel.core_pipe_limit is {}: of more crashes at once the others are lost",
                     *host.core_pipe_limit),
         "the kernel drops them, most without a line in its log (24 of 40 were lost at 16)",
         "sysctl -w kernel.core_pipe_limit=0   # if the collector does not need /proc"});
  }
}

}  // namespace

void examine_collector(const Facts& facts, Examination& out) {
  const Host& host = facts.host;
  if (host.pattern.kind == Kind::kPipe) check_pipe(facts, out);
  if (host.pattern.kind == Kind::kSocket && !host.handler_exists && host.container.empty()) {
    out.prospect = {Evidence::kNothing, "nothing: nobody listens to the core socket"};
    out.findings.push_back(
        {"collector-missing", Weight::kProblem,
         fmt::format("core_pattern names the socket {}, which does not exist", host.pattern.target),
         "without a listener the core is lost: the kernel has no second choice",
         "sysctl -w kernel.core_pattern=core.%e.%p"});
  }
}

}  // namespace inquest::doctor
