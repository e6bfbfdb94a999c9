#include "diagnosis/facts/owners.h"

#include <gtest/gtest.h>

namespace inquest::diagnosis {
namespace {

constexpr const char* kModule =
    "/a/node_modules/.pnpm/canvas@2.11.0/node_modules/canvas/canvas.node";

Facts facts_with(const std::string& path, const std::string& status) {
  Facts facts;
  ModuleFact& module = facts.modules.emplace_back();
  module.path = path;
  module.status = status;
  module.on_crash_path = true;
  facts.crashing.frames.emplace_back().module = path;
  facts.crashing.frames.back().functions.emplace_back();
  return facts;
}

Facts owned(Facts facts) {
  OwnerSources sources{.packages = packages::Packages::by_paths(), .here = std::nullopt};
  add_owners(sources, facts);
  return facts;
}

TEST(Owners, OfAFileThatIsGoneTheVersionIsNotThatOfWhatRan) {
  const Facts verified = owned(facts_with(kModule, "verified"));
  ASSERT_TRUE(verified.modules[0].package);
  EXPECT_EQ(package_words(*verified.modules[0].package), "npm package canvas 2.11.0");
  for (const char* status : {"missing", "mismatch"}) {
    const Facts other = owned(facts_with(kModule, status));
    EXPECT_EQ(other.modules[0].package->version, "") << status;
    EXPECT_EQ(other.modules[0].package->installed, "2.11.0") << status;
    EXPECT_EQ(package_words(*other.modules[0].package),
              "npm package canvas (2.11.0 is installed now; what ran may be another)");
  }
}

TEST(Owners, AFileThatWasFoundElsewhereIsNotTheOneBelowTheRoot) {
  Facts facts = facts_with(kModule, "verified");
  facts.modules[0].found_path = "/somewhere/canvas.node";
  EXPECT_EQ(owned(facts).modules[0].package->version, "");
}

TEST(Owners, ModulesOffTheCrashingStackAreNotAsked) {
  Facts facts = facts_with(kModule, "verified");
  facts.modules[0].on_crash_path = false;
  EXPECT_FALSE(owned(facts).modules[0].package);
}

TEST(Owners, ScriptsAndCratesAreAskedToo) {
  Facts facts = facts_with("/srv/app", "verified");
  facts.crashing.frames[0].functions[0].file = "/c/registry/src/i-1/bytes-0.5.3/src/lib.rs";
  facts.crashing.frames[0].runtime_frames.push_back(
      {.language = "JavaScript", .function = "f", .file = "file:///a/node_modules/%40b/c/x.js"});
  facts.crashing.runtime.emplace().apart.push_back(
      {.language = "JavaScript", .function = "g", .file = "node:net"});
  facts = owned(facts);
  EXPECT_EQ(facts.crashing.frames[0].functions[0].package->name, "bytes");
  EXPECT_EQ(facts.crashing.frames[0].runtime_frames[0].package->name, "@b/c");
  EXPECT_FALSE(facts.crashing.runtime->apart[0].package);
}

TEST(Owners, NamesOfScriptsAsPaths) {
  EXPECT_EQ(path_of_script("file:///srv/a%20b.js"), "/srv/a b.js");
  EXPECT_EQ(path_of_script("file:///srv/100%"), "/srv/100%");
  EXPECT_EQ(path_of_script("/srv/a.py"), "/srv/a.py");
  EXPECT_EQ(path_of_script("<string>"), "");
  EXPECT_EQ(path_of_script("node:net"), "");
  EXPECT_EQ(path_of_script("file://host"), "");
}

}  // namespace
}  // namespace inquest::diagnosis
