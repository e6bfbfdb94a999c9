#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "capture/doctor/examine.h"
#include "capture/record/circumstances.h"
#include "platform/os/directories.h"

namespace inquest::doctor {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr uint64_t kMega = uint64_t{1} << 20, kGiga = uint64_t{1} << 30;
constexpr uint64_t kSecond = 1'000'000;

auto found(const std::string& id, Weight weight) {
  return Contains(AllOf(Field("id", &Finding::id, id), Field("weight", &Finding::weight, weight)));
}
auto said(const std::string& id) { return Contains(Field("id", &Finding::id, id)); }

class FakeRoot {
 public:
  FakeRoot() : directory_(std::move(*os::TempDirectory::create())) {}
  const std::string& path() const { return directory_.path(); }
  void write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = directory_.path() + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
  }

 private:
  os::TempDirectory directory_;
};

// A service of 2 GiB whose core the kernel would write to a file.
Facts healthy() {
  Facts facts;
  facts.host.kernel = "6.1.0";
  facts.host.pattern = parse_core_pattern("/var/crash/core.%e.%p\n");
  facts.host.pattern_readable = true;
  facts.host.core_pipe_limit = 0;
  facts.host.suid_dumpable = 0;
  facts.target.emplace();
  facts.target->pid = 4711;
  facts.target->name = "shop";
  facts.target->executable = "/srv/shop";
  facts.target->core_limit = {kInfinity, kInfinity};
  facts.target->coredump_filter = 0x33;
  facts.target->anonymous_bytes = 2 * kGiga;
  facts.target->virtual_bytes = 3 * kGiga;
  facts.space = Space{.path = "/var", .free = 100 * kGiga, .size = 200 * kGiga};
  return facts;
}

TEST(CorePattern, TellsFilesPipesAndSocketsApart) {
  EXPECT_EQ(parse_core_pattern("core").kind, CorePattern::Kind::kFile);
  EXPECT_TRUE(parse_core_pattern("core").is_relative);
  EXPECT_FALSE(parse_core_pattern("/var/crash/%p").is_relative);
  const auto pipe = parse_core_pattern("|/usr/lib/systemd/systemd-coredump %P %u\n");
  EXPECT_EQ(pipe.kind, CorePattern::Kind::kPipe);
  EXPECT_EQ(pipe.target, "/usr/lib/systemd/systemd-coredump");
  EXPECT_EQ(handler_of(pipe), "systemd-coredump");
  EXPECT_EQ(parse_core_pattern("@@/run/x.sock").target, "/run/x.sock");
  EXPECT_EQ(parse_core_pattern("").kind, CorePattern::Kind::kNothing);
}

TEST(CorePattern, OneThatFillsTheKernelsBufferMayHaveBeenLonger) {
  EXPECT_FALSE(parse_core_pattern(std::string(126, 'x')).may_be_cut);
  EXPECT_TRUE(parse_core_pattern(std::string(127, 'x') + "\n").may_be_cut);
}

TEST(Settings, LaterFilesWinAndAnEmptyValueTakesBack) {
  Settings settings;
  settings.read("# no\n[Service]\nRestart = always\nExecStart=a \\\n  b\n", "one");
  settings.read("[Service]\nRestart=no\nExecStart=\n", "two");
  ASSERT_NE(settings.find("Service", "Restart"), nullptr);
  EXPECT_EQ(settings.find("Service", "Restart")->text, "no");
  EXPECT_EQ(settings.find("Service", "Restart")->source, "two");
  EXPECT_EQ(settings.find("Service", "ExecStart"), nullptr);
  EXPECT_EQ(settings.find("Unit", "Restart"), nullptr);
}

TEST(Settings, SizesAndSpansAreReadAsSystemdDoes) {
  EXPECT_EQ(parse_size("32G"), 32 * kGiga);
  EXPECT_EQ(parse_size("767M"), 767 * kMega);
  EXPECT_EQ(parse_size("1024"), 1024);
  EXPECT_EQ(parse_size("infinity"), kInfinity);
  EXPECT_EQ(parse_size("50%"), std::nullopt);
  EXPECT_EQ(parse_span("100ms"), kSecond / 10);
  EXPECT_EQ(parse_span("1min 30s"), 90 * kSecond);
  EXPECT_EQ(parse_span("5"), 5 * kSecond);
  EXPECT_EQ(parse_span("infinity"), kInfinity);
  EXPECT_EQ(parse_span("soon"), std::nullopt);
}

TEST(Unit, IsReadWithItsDropInsAndTheManagersDefaults) {
  FakeRoot root;
  root.write("/usr/lib/systemd/system/shop.service",
             "[Service]\nRestart=on-failure\nRestartSec=1\n");
  root.write("/etc/systemd/system/shop.service.d/50-core.conf",
             "[Service]\nLimitCORE=0:infinity\n");
  root.write("/etc/systemd/system.conf", "[Manager]\nDefaultStartLimitBurst=7\n");
  const auto unit = read_unit(root.path(), "shop.service");
  ASSERT_TRUE(unit);
  EXPECT_TRUE(unit->restarts_after_crash());
  EXPECT_EQ(unit->restart_after, kSecond);
  EXPECT_EQ(unit->limit_burst, 7);
  EXPECT_EQ(unit->core_limit, 0);
  EXPECT_EQ(unit->core_limit_source, "/etc/systemd/system/shop.service.d/50-core.conf");
  EXPECT_FALSE(read_unit(root.path(), "other.service"));
}

TEST(Unit, AnInstanceIsReadFromItsTemplate) {
  FakeRoot root;
  root.write("/etc/systemd/system/shop@.service", "[Service]\nRestart=always\n");
  const auto unit = read_unit(root.path(), "shop@eu.service");
  ASSERT_TRUE(unit);
  EXPECT_EQ(unit->restart, "always");
}

TEST(Host, IsReadFromProcAndEtc) {
  FakeRoot root;
  root.write("/proc/sys/kernel/core_pattern", "|/usr/lib/systemd/systemd-coredump %P\n");
  root.write("/proc/sys/kernel/core_pipe_limit", "16\n");
  root.write("/proc/1/environ", std::string("A=1\0KUBERNETES_SERVICE_HOST=10.0.0.1\0", 37));
  root.write("/etc/security/limits.d/90.conf", "# core\n@users soft core 0\n* hard nofile 10\n");
  root.write("/etc/systemd/coredump.conf", "[Coredump]\nProcessSizeMax=2G\n");
  const Host host = read_host(root.path());
  EXPECT_EQ(host.core_pipe_limit, 16);
  EXPECT_FALSE(host.handler_exists);
  EXPECT_EQ(host.container, "kubernetes");
  ASSERT_EQ(host.core_limits.size(), 1U);
  EXPECT_EQ(host.core_limits[0].text, "@users soft core 0");
  EXPECT_EQ(host.coredump_conf.find("Coredump", "ProcessSizeMax")->text, "2G");
}

TEST(Target, ThisProcessIsReadFromProc) {
  const auto target = read_target("", getpid());
  ASSERT_TRUE(target.ok());
  EXPECT_THAT(target->name, HasSubstr("doctor_test"));
  EXPECT_GT(target->resident_bytes, kMega);
  EXPECT_TRUE(target->program.readable);
  EXPECT_FALSE(target->program.is_static);
  EXPECT_THAT(target->modules, Contains(Field(&ModuleFact::path, target->executable)));
}

TEST(Target, AProcessThatIsNotThereIsAnError) {
  const auto target = read_target("", 4'194'305);  // over the largest pid_max
  ASSERT_FALSE(target.ok());
  EXPECT_THAT(target.error().message(), HasSubstr("no process"));
}

TEST(Target, UnitsAreNamedByTheCgroup) {
  const auto unit = [](const std::string& path) {
    return capture::names_in_cgroup("0::" + path + "\n").unit;
  };
  EXPECT_EQ(unit("/system.slice/shop.service"), "shop.service");
  EXPECT_EQ(unit("/user.slice/user-0.slice/user@0.service/app.slice/x.service"), "x.service");
  EXPECT_EQ(unit("/"), "");
}

TEST(Target, ContainersAreFoundByTheStartOfTheirId) {
  FakeRoot root;
  root.write("/proc/12/cgroup", "0::/system.slice/docker-0123456789abcdef.scope\n");
  root.write("/proc/13/cgroup", "0::/system.slice/shop.service\n");
  EXPECT_THAT(processes_in(root.path(), "0123456789"), ElementsAre(12));
  EXPECT_THAT(processes_in(root.path(), "shop.service"), ElementsAre(13));
  EXPECT_THAT(processes_in(root.path(), "0123"), IsEmpty()) << "too short to be an id";
}

TEST(Examine, AHealthyServiceLeavesAWholeCore) {
  const Examination out = examine(healthy());
  EXPECT_EQ(out.prospect.evidence, Prospect::Evidence::kAll);
  EXPECT_FALSE(out.has_problems());
}

TEST(Examine, ALimitOfZeroLeavesNothingAndSaysWhoSetIt) {
  Facts facts = healthy();
  facts.target->core_limit.soft = 0;
  facts.unit.emplace();
  facts.unit->name = "shop.service";
  facts.unit->core_limit = 0;
  facts.unit->core_limit_source = "/etc/systemd/system.conf";
  const Examination out = examine(facts);
  EXPECT_EQ(out.prospect.evidence, Prospect::Evidence::kNothing);
  ASSERT_THAT(out.findings, found("core-limit", Weight::kProblem));
  EXPECT_THAT(out.findings.front().why, HasSubstr("/etc/systemd/system.conf"));
  EXPECT_THAT(out.findings.front().command, HasSubstr("LimitCORE"));
}

TEST(Examine, ALimitOfZeroDoesNotStopAPipeButOneByteDoes) {
  Facts facts = healthy();
  facts.host.pattern = parse_core_pattern("|/usr/bin/collector %p");
  facts.host.handler_exists = true;
  facts.target->core_limit.soft = 0;
  EXPECT_EQ(examine(facts).prospect.evidence, Prospect::Evidence::kAll);
  facts.target->core_limit.soft = 1;
  EXPECT_EQ(examine(facts).prospect.evidence, Prospect::Evidence::kNothing);
}

TEST(Examine, ASmallLimitCutsTheCore) {
  Facts facts = healthy();
  facts.target->core_limit.soft = kMega;
  const Examination out = examine(facts);
  EXPECT_EQ(out.prospect.evidence, Prospect::Evidence::kPart);
  EXPECT_THAT(out.findings, found("core-limit", Weight::kWarning));
}

TEST(Examine, WhoMayNotWriteWhereItWorksLeavesNothing) {
  Facts facts = healthy();
  facts.host.pattern = parse_core_pattern("core");
  facts.target->directory = "/";
  facts.target->directory_writable = false;
  const Examination out = examine(facts);
  EXPECT_EQ(out.prospect.evidence, Prospect::Evidence::kNothing);
  EXPECT_THAT(out.findings, found("core-directory", Weight::kProblem));
  EXPECT_THAT(out.findings, found("core-name", Weight::kWarning));
  facts.host.pid_is_added = true;
  EXPECT_THAT(examine(facts).findings, Not(said("core-name")));
}

TEST(Examine, PrivilegedProgramsAreNotDumpedByDefault) {
  Facts facts = healthy();
  facts.target->is_dumpable = false;
  facts.target->program.is_setuid = true;
  EXPECT_EQ(examine(facts).prospect.evidence, Prospect::Evidence::kNothing);
  facts.host.suid_dumpable = 2;
  EXPECT_EQ(examine(facts).prospect.evidence, Prospect::Evidence::kAll);
}

TEST(Examine, WithoutPrivateMemoryACoreExplainsNothing) {
  Facts facts = healthy();
  facts.target->coredump_filter = 0x32;
  EXPECT_THAT(examine(facts).findings, found("coredump-filter", Weight::kProblem));
  EXPECT_EQ(examine(facts).prospect.evidence, Prospect::Evidence::kPart);
}

TEST(Examine, AFullDiskIsAProblem) {
  Facts facts = healthy();
  facts.space->free = kMega;
  EXPECT_THAT(examine(facts).findings, found("disk-space", Weight::kProblem));
}

TEST(Examine, ASocketNeedsAListenerAndAKernelThatKnowsIt) {
  Facts facts = healthy();
  facts.host.pattern = parse_core_pattern("@@/run/x.sock");
  EXPECT_THAT(examine(facts).findings, found("core-pattern", Weight::kProblem));
  facts.host.kernel = "6.18.44";
  const Examination out = examine(facts);
  EXPECT_EQ(out.prospect.evidence, Prospect::Evidence::kNothing);
  EXPECT_THAT(out.findings, found("collector-missing", Weight::kProblem));
}

TEST(Examine, SystemdCoredumpWithoutSystemdLosesCores) {
  Facts facts = healthy();
  facts.host.pattern = parse_core_pattern("|/usr/lib/systemd/systemd-coredump %P");
  facts.host.handler_exists = true;
  EXPECT_EQ(examine(facts).prospect.evidence, Prospect::Evidence::kNothing);
  facts.host.systemd_runs = true;
  facts.host.core_pipe_limit = 16;
  const Examination out = examine(facts);
  EXPECT_EQ(out.prospect.evidence, Prospect::Evidence::kAll);
  EXPECT_THAT(out.findings, found("pipe-limit", Weight::kWarning));
  EXPECT_THAT(out.findings, found("coredump-time", Weight::kWarning));
}

TEST(Examine, SystemdCoredumpsCapsAreHeldAgainstTheProcess) {
  Facts facts = healthy();
  facts.host.pattern = parse_core_pattern("|/usr/lib/systemd/systemd-coredump %P");
  facts.host.handler_exists = facts.host.systemd_runs = true;
  facts.host.coredump_conf.read("[Coredump]\nExternalSizeMax=2G\n", "/etc/systemd/coredump.conf");
  const Examination out = examine(facts);
  ASSERT_THAT(out.findings, found("coredump-size", Weight::kWarning));
  facts.target->virtual_bytes = kGiga;
  EXPECT_THAT(examine(facts).findings, Not(said("coredump-size")));
}

TEST(Examine, SystemdsDefaultsEndInSilenceAfterFiveCrashes) {
  Facts facts = healthy();
  facts.unit.emplace();
  facts.unit->name = "shop.service";
  EXPECT_THAT(examine(facts).findings, found("restart-none", Weight::kWarning));
  facts.unit->restart = "on-failure";
  EXPECT_THAT(examine(facts).findings, found("restart-gives-up", Weight::kProblem));
  facts.unit->restart_after = 3 * kSecond;  // too slow to reach the limit: it goes on for ever
  EXPECT_THAT(examine(facts).findings, found("restart-storm", Weight::kWarning));
  facts.unit->restart_steps = 6;
  facts.unit->longest_restart = 300 * kSecond;
  EXPECT_THAT(examine(facts).findings, found("restart", Weight::kGood));
}

TEST(Examine, ModulesThatCannotBeExplainedAreNamed) {
  Facts facts = healthy();
  facts.target->modules = {{.path = "/srv/shop", .has_build_id = true},
                           {.path = "/srv/lib/old.so", .was_deleted = true},
                           {.path = "/srv/lib/odd.so"}};
  const Examination out = examine(facts);
  EXPECT_THAT(out.findings, found("replaced-binary", Weight::kWarning));
  EXPECT_THAT(out.findings, found("build-id", Weight::kWarning));
  EXPECT_THAT(out.findings, found("debug-info", Weight::kWarning));
}

TEST(JsTraps, ListenersAreFoundAndMentionsAreNot) {
  const auto traps = find_js_traps(
      "// SIGSEGV\nprocess.on('SIGSEGV', () => {})\nprocess\n  .once(\"SIGBUS\", f)\n"
      "kill(pid, 'SIGSEGV')\nemitter.on('SIGSEGV', f)\nprocess.on( 'SIGFPE' , f)",
      "app.js");
  ASSERT_EQ(traps.size(), 3U);
  EXPECT_EQ(traps[0].signal, "SIGSEGV");
  EXPECT_EQ(traps[0].line, 2U);
  EXPECT_EQ(traps[1].signal, "SIGBUS");
  EXPECT_EQ(traps[2].signal, "SIGFPE");
}

TEST(Examine, NodesReportSignalTurnsACrashIntoALoop) {
  Facts facts = healthy();
  facts.target->program.runtime = "node";
  facts.target->environment = {"NODE_OPTIONS=--report-on-signal --report-signal=SIGSEGV"};
  EXPECT_THAT(examine(facts).findings, found("node-report-signal", Weight::kProblem));
  facts.js_traps.push_back({"/srv/app.js", 7, "SIGSEGV"});
  EXPECT_THAT(examine(facts).findings, found("node-signal-listener", Weight::kProblem));
}

TEST(Examine, TheGravestComesFirst) {
  Facts facts = healthy();
  facts.host.ptrace_scope = 1;
  facts.target->core_limit.soft = 0;
  facts.target->seccomp = 2;
  const Examination out = examine(facts);
  ASSERT_GE(out.findings.size(), 3U);
  EXPECT_EQ(out.findings.front().weight, Weight::kProblem);
  EXPECT_EQ(out.findings.back().weight, Weight::kGood);
}

}  // namespace
}  // namespace inquest::doctor
