#include "diagnosis/known/match.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/issues/known_issues.h"

namespace inquest::diagnosis {
namespace {

using ::testing::IsEmpty;

TEST(Match, WhatWasTakenAwayFitsNothing) {
  const std::string start =
      R"({"schema": "inquest-known-issues", "schema_version": 1, "issues": [{"id": "x", )";
  issues::KnownIssues known = *issues::read_known_issues(
      start + R"("title": "t", "link": "https://e.org", "match": {"functions": "g"}}]})");
  Facts facts;
  facts.crashing.frames.emplace_back().functions.emplace_back().short_name = "g";
  EXPECT_EQ(match(known, facts).size(), 1U);
  known.add(*issues::read_known_issues(start + R"("disabled": true}]})"));
  EXPECT_THAT(match(known, facts), IsEmpty());
}

// --- what ships

issues::KnownIssues shipped() {
  return issues::read_known_issue_files({"share/inquest/known-issues.json"});
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
