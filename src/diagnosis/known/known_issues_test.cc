#include "diagnosis/known/known_issues.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>

namespace inquest::diagnosis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// --- versions

TEST(Versions, AreComparedByNumber) {
  EXPECT_LT(compare_versions("3.9", "3.11"), 0);
  EXPECT_EQ(compare_versions("1", "1.0.0"), 0);
  EXPECT_EQ(compare_versions("v18.20.8", "18.20.8"), 0);
  EXPECT_GT(compare_versions("1.10", "1.9.9"), 0);
  EXPECT_LT(compare_versions("2.0rc1", "2.0"), 0);
  EXPECT_LT(compare_versions("1.0.0-rc.1", "1.0.0"), 0);
  EXPECT_GT(compare_versions("2.0.post1", "2.0"), 0);
  EXPECT_LT(compare_versions("99999999999999999999", "100000000000000000000"), 0);
}

TEST(Versions, RangesHaveBoundsAndAlternatives) {
  const auto range = VersionRange::parse(">=3.11 <3.12 || =3.13.1");
  ASSERT_TRUE(range.ok());
  EXPECT_TRUE(range->contains("3.11.2"));
  EXPECT_TRUE(range->contains("3.13.1"));
  EXPECT_FALSE(range->contains("3.12.0"));
  EXPECT_FALSE(range->contains("3.10.13"));
  EXPECT_TRUE(VersionRange::parse("")->contains("anything"));
  EXPECT_FALSE(VersionRange::parse("~3.11").ok());
  EXPECT_FALSE(VersionRange::parse(">=").ok());
  EXPECT_FALSE(VersionRange::parse("3.11").ok());
}

TEST(Names, MayHaveStars) {
  EXPECT_TRUE(fits("*TLSWrap::EncOut", "node::crypto::TLSWrap::EncOut"));
  EXPECT_TRUE(fits("libssl-*.so*", "libssl-fad88670.so.1.0.2l"));
  EXPECT_FALSE(fits("libssl-*.so*", "libssl.so.1.1"));
  EXPECT_FALSE(fits("a", "ab"));
  EXPECT_TRUE(fits("*", ""));
  // Takes no exponential time.
  EXPECT_FALSE(fits("*a*a*a*a*a*a*a*a*a*b", std::string(2000, 'a')));
}

// --- reading

std::string file_of(const std::string& issues) {
  return R"({"schema": "inquest-known-issues", "schema_version": 1, "issues": [)" + issues + "]}";
}

constexpr const char* kIssue =
    R"({"id": "x", "title": "t", "party": "run-time", "link": "https://example.org/1",
        "match": {"functions": ["f"]}})";

TEST(Reading, WhatIsNotUnderstoodIsLeftOutAndSaid) {
  const auto known = read_known_issues(file_of(
      std::string(kIssue) +
      R"(, {"id": "new", "title": "t", "link": "https://e.org", "match": {"phase_of_moon": 1}},
         {"id": "any", "title": "t", "link": "https://e.org", "match": {"fault_kind": ["segv*"]}},
         {"id": "plain", "title": "t", "link": "http://e.org", "match": {"functions": ["f"]}},
         {"id": "range", "title": "t", "link": "https://e.org",
          "match": {"functions": ["f"], "run_time": {"name": "node", "versions": "18"}}})"));
  ASSERT_TRUE(known.ok());
  EXPECT_EQ(known->issues.size(), 1U);
  EXPECT_THAT(known->notes,
              ElementsAre(HasSubstr("phase_of_moon"), HasSubstr("would match every crash"),
                          HasSubstr("no https:// address"), HasSubstr("no comparison")));
}

TEST(Reading, OtherFilesAreRefused) {
  EXPECT_FALSE(read_known_issues("{}").ok());
  EXPECT_FALSE(read_known_issues("[").ok());
  EXPECT_FALSE(
      read_known_issues(R"({"schema": "inquest-known-issues", "schema_version": 2, "issues": []})")
          .ok());
}

TEST(Reading, AUsersFileReplacesAndTakesAway) {
  KnownIssues known = *read_known_issues(file_of(kIssue));
  known.add(*read_known_issues(
      file_of(R"({"id": "x", "title": "mine", "link": "https://e.org", "match": {"functions": "g"}},
                 {"id": "y", "disabled": true})")));
  ASSERT_EQ(known.issues.size(), 2U);
  EXPECT_EQ(known.issues[0].title, "mine");
  Facts facts;
  facts.crashing.frames.emplace_back().functions.emplace_back().short_name = "g";
  EXPECT_EQ(match(known, facts).size(), 1U);
  known.add(*read_known_issues(file_of(R"({"id": "x", "disabled": true})")));
  EXPECT_THAT(match(known, facts), IsEmpty());
}

// --- what ships

KnownIssues shipped() {
  std::ifstream file("share/inquest/known-issues.json");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  auto known = read_known_issues(text);
  EXPECT_TRUE(known.ok());
  return known.ok() ? std::move(*known) : KnownIssues{};
}

TEST(Shipped, EveryIssueIsUnderstoodAndSaysWhose) {
  const KnownIssues known = shipped();
  EXPECT_THAT(known.notes, IsEmpty());
  EXPECT_GE(known.issues.size(), 20U);
  std::set<std::string> ids;
  for (const KnownIssue& issue : known.issues) {
    EXPECT_TRUE(ids.insert(issue.id).second) << issue.id;
    EXPECT_NE(issue.party, Party::kUnknown) << issue.id;
    for (const std::string& link : issue.more_links)
      EXPECT_TRUE(link.starts_with("https://")) << issue.id;
  }
}

struct Crash {
  Facts facts;

  Crash& signal(std::string name, uint64_t address, AccessKind access) {
    facts.signal.number = 11;
    facts.signal.name = std::move(name);
    FaultFacts& fault = facts.fault.emplace();
    fault.kind = "load";
    fault.access = access;
    fault.address = Address(address);
    fault.address_facts.emplace().address = Address(address);
    if (address < 65536) fault.address_facts->traits.push_back(AddressTrait::kNearNull);
    return *this;
  }
  Crash& frame(std::string module, std::string function) {
    FrameFact& frame = facts.crashing.frames.emplace_back();
    frame.module = std::move(module);
    FunctionFact& fact = frame.functions.emplace_back();
    fact.name = fact.short_name = std::move(function);
    return *this;
  }
  Crash& python(std::string file, std::string function) {
    facts.crashing.frames.back().runtime_frames.push_back(
        {.language = "Python", .function = std::move(function), .file = std::move(file)});
    return *this;
  }
  Crash& run_time(std::string name) {
    facts.runtimes.push_back({.name = std::move(name), .language = {}, .found_by = {}});
    return *this;
  }
  std::string found() const {
    const auto matches = match(shipped(), facts);
    if (matches.empty()) return "-";
    return (matches[0].sure ? "" : "perhaps ") + matches[0].id;
  }
};

Crash gunicorn(const std::string& run_time) {
  Crash crash;
  crash.signal("SIGSEGV", 0x2bf, AccessKind::kRead).run_time(run_time);
  crash.frame("/usr/bin/python3.11", "PyObject_GetAttr")
      .frame("/usr/bin/python3.11", "_PyEval_EvalFrameDefault")
      .python("/usr/lib/python3/dist-packages/sentry_sdk/profiler.py", "_extract_stack");
  return crash;
}

TEST(Shipped, TheSentryProfilerOnPython311) {
  EXPECT_EQ(gunicorn("CPython 3.11.2").found(), "sentry-python-profiler-frames");
  EXPECT_EQ(gunicorn("CPython 3.12.1").found(), "-");
  EXPECT_EQ(gunicorn("CPython 3.10.13").found(), "-");
  Crash later = gunicorn("CPython 3.11.9");
  later.facts.crashing.frames[1].runtime_frames[0] = {
      .language = "Python",
      .function = "extract_stack",
      .file = "/venv/lib/python3.11/site-packages/sentry_sdk/profiler/utils.py"};
  EXPECT_EQ(later.found(), "sentry-python-profiler-frames");
  later.facts.crashing.frames[1].runtime_frames[0].file = "/srv/profiler.py";
  EXPECT_EQ(later.found(), "-");
}

Crash http2(const std::string& wrap) {
  Crash crash;
  crash.signal("SIGSEGV", 0x20, AccessKind::kRead);
  crash.frame("/opt/node/bin/node", "node::StreamBase::Write")
      .frame("/opt/node/bin/node", wrap + "::EncOut")
      .frame("/opt/node/bin/node", wrap + "::DoWrite")
      .frame("/opt/node/bin/node", "node::http2::Http2Session::SendPendingData")
      .frame("/opt/node/bin/node", "node::http2::Http2Session::Close");
  return crash;
}

TEST(Shipped, NodeHttp2OnAClosedSocket) {
  EXPECT_EQ(http2("node::TLSWrap").run_time("Node.js 12.22.12").found(),
            "node-http2-closed-socket");
  EXPECT_EQ(http2("node::crypto::TLSWrap").run_time("node 18.20.8").found(),
            "node-http2-closed-socket");
  EXPECT_EQ(http2("node::crypto::TLSWrap").run_time("node 20.20.2").found(), "-");
  // Without the run time's own word the version is not known, unless the path tells it.
  Crash bare = http2("node::crypto::TLSWrap");
  bare.facts.process.runtime = "node";
  bare.facts.process.executable = "/opt/node/bin/node";
  EXPECT_EQ(bare.found(), "perhaps node-http2-closed-socket");
  bare.facts.process.executable = "/home/a/.nvm/versions/node/v18.20.8/bin/node";
  EXPECT_EQ(bare.found(), "node-http2-closed-socket");
  bare.facts.process.executable = "/home/a/.nvm/versions/node/v24.1.0/bin/node";
  EXPECT_EQ(bare.found(), "-");
  // Another order of the same functions is another crash.
  Crash other;
  other.signal("SIGSEGV", 0x20, AccessKind::kRead).run_time("node 18.20.8");
  other.frame("node", "node::http2::Http2Session::SendPendingData")
      .frame("node", "node::crypto::TLSWrap::EncOut");
  EXPECT_EQ(other.found(), "-");
}

TEST(Shipped, NodeFromADebianPackage) {
  Crash crash = http2("node::crypto::TLSWrap");
  crash.facts.process.runtime = "node";
  crash.facts.process.executable = "/usr/bin/node";
  ModuleFact node;
  node.path = "/usr/bin/node";
  node.package = PackageFact{
      .manager = "debian", .name = "nodejs", .version = "20.20.2-1nodesource1", .installed = {}};
  crash.facts.modules.push_back(node);
  EXPECT_EQ(crash.found(), "-");
  crash.facts.modules[0].package->version = "18.20.4+dfsg-1~deb12u1";
  EXPECT_EQ(crash.found(), "node-http2-closed-socket");
}

TEST(Shipped, RustFreesAVecWithAnotherSizeIntoJemalloc) {
  Crash crash;
  crash.signal("SIGSEGV", 0x13678, AccessKind::kRead);
  crash.frame("/lib/libc.so.6", "pthread_mutex_trylock")
      .frame("/usr/lib/libjemalloc.so.2", "")
      .frame("/srv/badvec", "__rustc::__rust_dealloc")
      .frame("/srv/badvec", "badvec::ingest");
  EXPECT_EQ(crash.found(), "perhaps rust-from-raw-parts-jemalloc");
  crash.facts.crashing.frames[1].module = "/lib/libc.so.6";
  EXPECT_EQ(crash.found(), "-");
}

TEST(Shipped, BunsServerThatWasStopped) {
  Crash crash;
  crash.signal("SIGSEGV", 0x32, AccessKind::kNone);
  crash.facts.process.runtime = "bun 1.3.10";
  crash.facts.reported.emplace().error = "Segmentation fault at address 0x32";
  EXPECT_EQ(crash.found(), "-");  // without a server it is another bug
  crash.facts.other.push_back({"features in use: http_server jsc", {}});
  EXPECT_EQ(crash.found(), "perhaps bun-server-stop-collected");
  crash.facts.process.runtime = "bun 1.4.5";
  EXPECT_EQ(crash.found(), "-");
  // Of a core what it printed tells the version.
  crash.facts.process.runtime = "bun";
  crash.facts.other.push_back({"last lines of stderr: Bun v1.4.5 (abc) Linux x64", {}});
  EXPECT_EQ(crash.found(), "-");
  crash.facts.other.back().statement = "last lines of stderr: Bun v1.3.10 (abc) Linux x64";
  EXPECT_EQ(crash.found(), "perhaps bun-server-stop-collected");
}

TEST(Shipped, TwoOpenSslsInOneProcess) {
  Crash crash;
  crash.signal("SIGSEGV", 0x8, AccessKind::kRead);
  crash.frame("/v/site-packages/psycopg2/.libs/libssl-fad88670.so.1.0.2l", "ssl3_clear")
      .frame("/v/site-packages/psycopg2/.libs/libpq-909a53d8.so.5.10", "PQconnectPoll");
  for (const char* path : {"/v/site-packages/psycopg2/.libs/libssl-fad88670.so.1.0.2l",
                           "/usr/lib/x86_64-linux-gnu/libssl.so.1.1"}) {
    ModuleFact module;
    module.path = path;
    crash.facts.modules.push_back(module);
  }
  EXPECT_EQ(crash.found(), "psycopg2-two-openssl");
  crash.facts.modules.pop_back();
  EXPECT_EQ(crash.found(), "-");
}

TEST(Shipped, APackageByItsVersion) {
  Crash crash;
  crash.signal("SIGSEGV", 0x8, AccessKind::kRead);
  crash.frame("/a/node_modules/secp256k1/prebuilds/node.napi.node", "AddonData")
      .frame("/usr/bin/node", "node::worker::Worker::Run");
  ModuleFact module;
  module.path = "/a/node_modules/secp256k1/prebuilds/node.napi.node";
  module.package =
      PackageFact{.manager = "npm", .name = "secp256k1", .version = "4.0.3", .installed = {}};
  crash.facts.modules.push_back(module);
  EXPECT_EQ(crash.found(), "secp256k1-worker-threads");
  crash.facts.modules[0].package->version = "5.0.0";
  EXPECT_EQ(crash.found(), "-");
  crash.facts.modules[0].package->version.clear();
  EXPECT_EQ(crash.found(), "perhaps secp256k1-worker-threads");
}

}  // namespace
}  // namespace inquest::diagnosis
