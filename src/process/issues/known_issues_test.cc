#include "process/issues/known_issues.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>

#include "process/issues/affected.h"
#include "process/issues/names.h"

namespace inquest::issues {
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
  EXPECT_TRUE(known.issues[1].disabled);
  known.add(*read_known_issues(file_of(R"({"id": "x", "disabled": true})")));
  EXPECT_TRUE(known.issues[0].disabled);
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

// --- what is installed

TEST(Reading, AVersionThatIsFixedIsNoneOfThoseWithTheBug) {
  const auto with = [](const std::string& fixed, const std::string& package) {
    const auto known = read_known_issues(
        file_of(R"({"id": "x", "title": "t", "link": "https://e.org", "fixed_version": ")" + fixed +
                R"(", "match": {"package": {"name": "p")" + package + "}}}"));
    return known->notes.empty() ? "" : known->notes[0];
  };
  EXPECT_EQ(with("2.0", R"(, "versions": "<2")"), "");
  EXPECT_THAT(with("1.9", R"(, "versions": "<2")"), HasSubstr("one of those with the bug"));
  EXPECT_THAT(with("2.0", ""), HasSubstr("tells no versions"));
  // It becomes part of a command.
  EXPECT_THAT(with("2.0; reboot", R"(, "versions": "<2")"), HasSubstr("no version"));
  EXPECT_THAT(with("newest", R"(, "versions": "<2")"), HasSubstr("no version"));
}

// Ids of what is affected, with the package at fault.
std::vector<std::string> found(const KnownIssues& known, const Installation& installation) {
  std::vector<std::string> ids;
  for (const Affected& one : affected(known, installation)) {
    ids.push_back(one.issue->id);
    if (one.package) ids.back() += " " + installation.packages[*one.package].version;
  }
  return ids;
}

TEST(Affected, ByTheVersionOfThePackage) {
  const KnownIssues known = shipped();
  Installation installation{
      .run_time = "node", .run_time_version = "26.1.0", .packages = {}, .files = {}};
  installation.packages = {{"npm", "secp256k1", "4.0.3"}, {"npm", "secp256k1", "5.0.0"}};
  EXPECT_THAT(found(known, installation), ElementsAre("secp256k1-worker-threads 4.0.3"));
  // Another manager's package of that name; one without a version.
  installation.packages = {{"python", "secp256k1", "4.0.3"}, {"npm", "secp256k1", ""}};
  EXPECT_THAT(found(known, installation), IsEmpty());
}

TEST(Affected, OnlyWhereTheFilesAreThatItTakes) {
  const KnownIssues known = shipped();
  Installation installation{.run_time = "node",
                            .run_time_version = "26.1.0",
                            .packages = {{"npm", "utf-8-validate", "6.0.1"}},
                            .files = {"node", "ld-linux-x86-64.so.2"}};
  EXPECT_THAT(found(known, installation), IsEmpty());
  installation.files.emplace_back("ld-musl-x86_64.so.1");
  EXPECT_THAT(found(known, installation), ElementsAre("utf-8-validate-musl 6.0.1"));
}

TEST(Affected, ARunTimeByItsOwnBugs) {
  const KnownIssues known = shipped();
  EXPECT_THAT(found(known, {.run_time = "node", .run_time_version = "18.20.8"}),
              ElementsAre("node-http2-closed-socket"));
  EXPECT_THAT(found(known, {.run_time = "node", .run_time_version = "20.20.2"}), IsEmpty());
  EXPECT_THAT(found(known, {.run_time = "node", .run_time_version = ""}), IsEmpty());
  EXPECT_THAT(found(known, {.run_time = "bun", .run_time_version = "1.3.10"}),
              ElementsAre("bun-server-stop-collected"));
}

TEST(Affected, WhatOthersBringAboutOnlyWhenTheyAreThere) {
  const KnownIssues known = shipped();
  Installation installation{
      .run_time = "CPython", .run_time_version = "3.11.2", .packages = {}, .files = {}};
  EXPECT_THAT(found(known, installation), IsEmpty());
  installation.packages = {{"python", "numpy", "1.26.4"}, {"python", "sentry_sdk", "1.30.0"}};
  const auto one = affected(known, installation);
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].issue->id, "sentry-python-profiler-frames");
  EXPECT_FALSE(one[0].package);
  EXPECT_EQ(one[0].user, 1U);
  installation.run_time_version = "3.12.1";
  EXPECT_THAT(found(known, installation), IsEmpty());
}

}  // namespace
}  // namespace inquest::issues
