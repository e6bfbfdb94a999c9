#include "lab/audit/audit.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "lab/audit/choice.h"
#include "platform/os/directories.h"

namespace inquest::audit {
namespace {

using ::testing::ElementsAre;

Loader node_108(LibC libc = LibC::kGlibc) {
  Loader loader;
  loader.kind = Loader::Kind::kNode;
  loader.node_abi = 108;
  loader.machine = EM_X86_64;
  loader.libc = libc;
  return loader;
}

std::string why_not(std::string_view path, LibC libc = LibC::kGlibc) {
  return why_not_for(target_of(path), node_108(libc));
}

TEST(Choice, NamesTellWhatAFileIsFor) {
  EXPECT_EQ(target_of("bufferutil/prebuilds/linux-x64/bufferutil.node").arch, "x64");
  EXPECT_EQ(target_of("leveldown/prebuilds/linux-x64/node.napi.musl.node"),
            (Target{.platform = "linux",
                    .arch = "x64",
                    .libc = "musl",
                    .runtime = {},
                    .abi = {},
                    .node_api = true}));
  EXPECT_EQ(target_of("x/prebuilds/linux-arm64/electron.abi118.node").abi, 118);
  EXPECT_EQ(target_of("bcrypt/lib/binding/node-v115-linux-x64/bcrypt_lib.node").abi, 115);
  EXPECT_EQ(target_of("@img/sharp-linuxmusl-x64/lib/sharp-linuxmusl-x64.node").libc, "musl");
  EXPECT_EQ(target_of("@swc/core-linux-x64-gnu/swc.linux-x64-gnu.node").libc, "glibc");
  // Words that happen to stand there say nothing.
  EXPECT_EQ(target_of("linux-tools/build/Release/arm.node"), Target());
  EXPECT_EQ(target_of("better-sqlite3/build/Release/better_sqlite3.node"), Target());
}

TEST(Choice, WhatIsForOthersIsNoFault) {
  EXPECT_EQ(why_not("a/prebuilds/darwin-arm64/node.napi.node"), "for darwin");
  EXPECT_EQ(why_not("a/prebuilds/linux-arm64/node.napi.node"), "for arm64");
  EXPECT_EQ(why_not("a/prebuilds/linux-x64/node.napi.musl.node"), "for musl");
  EXPECT_EQ(why_not("a/prebuilds/linux-x64/node.napi.musl.node", LibC::kMusl), "");
  EXPECT_EQ(why_not("a/prebuilds/linux-x64/electron.napi.node"), "for electron");
  EXPECT_EQ(why_not("a/lib/binding/node-v115-linux-x64/a.node"), "for NODE_MODULE_VERSION 115");
  EXPECT_EQ(why_not("a/lib/binding/node-v108-linux-x64/a.node"), "");
  EXPECT_EQ(why_not("a/build/Release/a.node"), "");
}

TEST(Choice, APackageSaysWhatItIsFor) {
  packages::Package package;
  EXPECT_EQ(why_not_for(package, node_108()), "");
  package.os = {"darwin", "linux"};
  package.cpu = {"!arm64"};
  EXPECT_EQ(why_not_for(package, node_108()), "");
  package.libc = {"musl"};
  EXPECT_EQ(why_not_for(package, node_108()), "the package is for musl");
  package.libc.clear();
  package.os = {"win32"};
  EXPECT_EQ(why_not_for(package, node_108()), "the package is for win32");
}

TEST(Choice, WhatWasBuiltHereComesBeforePrebuilds) {
  EXPECT_EQ(first_choice({"a/prebuilds/linux-x64/node.napi.node", "a/build/Release/a.node"}), 1U);
  EXPECT_EQ(first_choice(
                {"a/prebuilds/linux-x64/node.napi.node", "a/prebuilds/linux-x64/node.abi108.node"}),
            1U);
  // Without prebuilds they are not for one another.
  EXPECT_EQ(first_choice({"a/build/Release/a.node", "a/build/Release/b.node"}), std::nullopt);
}

TEST(Choice, NamesOfPythonModules) {
  const std::vector<std::string> suffixes = {".cpython-311-x86_64-linux-gnu.so", ".abi3.so", ".so"};
  EXPECT_EQ(python_name("_ssl.cpython-311-x86_64-linux-gnu.so", suffixes)->module, "_ssl");
  EXPECT_EQ(python_name("_rust.abi3.so", suffixes)->suffix, ".abi3.so");
  EXPECT_EQ(python_name("plain.so", suffixes)->suffix, ".so");
  EXPECT_FALSE(python_name("_ssl.cpython-38-x86_64-linux-gnu.so", suffixes));
  EXPECT_EQ(python_tag("_ssl.cpython-38-x86_64-linux-gnu.so"), "cpython-38-x86_64-linux-gnu");
  EXPECT_EQ(python_tag("libssl.so"), "");
}

TEST(Glibc, Versions) {
  EXPECT_EQ(parse_glibc_version("GLIBC_2.34"), (GlibcVersion{2, 34}));
  EXPECT_EQ(parse_glibc_version("GLIBC_2.2.5"), (GlibcVersion{2, 2}));
  EXPECT_LT((GlibcVersion{2, 9}), (GlibcVersion{2, 34}));
  EXPECT_EQ(parse_glibc_version("GLIBC_PRIVATE"), std::nullopt);
  EXPECT_EQ(parse_glibc_version("GLIBCXX_3.4"), std::nullopt);
}

TEST(Libraries, DirectoriesOfLdConfAndWhatItIncludes) {
  const auto root = std::move(*os::TempDirectory::create());
  std::filesystem::create_directories(root.path() + "/etc/ld.so.conf.d");
  std::ofstream(root.path() + "/etc/ld.so.conf")
      << "# first\n/opt/a\ninclude ld.so.conf.d/*.conf\n/opt/b # last\n";
  std::ofstream(root.path() + "/etc/ld.so.conf.d/x.conf") << "/opt/x\ninclude /etc/ld.so.conf\n";
  const auto directories = directories_of_ld_conf(root.path());
  ASSERT_GE(directories.size(), 3U);  // an endless include ends
  EXPECT_EQ(directories[0], root.path() + "/opt/a");
  EXPECT_EQ(directories[1], root.path() + "/opt/x");
  EXPECT_EQ(directories.back(), root.path() + "/opt/b");
}

}  // namespace
}  // namespace inquest::audit
