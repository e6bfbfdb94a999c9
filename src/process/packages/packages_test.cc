#include "process/packages/packages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "platform/os/directories.h"
#include "process/packages/cargo.h"
#include "process/packages/debian.h"
#include "process/packages/npm.h"
#include "process/packages/python.h"

namespace inquest::packages {
namespace {

class PackagesTest : public ::testing::Test {
 protected:
  void put(const std::string& path, const std::string& text = "") const {
    const std::filesystem::path file(root() + path);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  const std::string& root() const { return directory_.path(); }

  // "npm better-sqlite3 9.4.0"; "-" for none.
  std::string owner(const std::string& path) const {
    Packages packages(root());
    const auto owners = packages.owners_of({path});
    if (!owners[0]) return "-";
    return std::string(to_string(owners[0]->manager)) + " " + owners[0]->name + " " +
           owners[0]->version;
  }

 private:
  os::TempDirectory directory_ = std::move(*os::TempDirectory::create());
};

TEST_F(PackagesTest, AFolderOfNodeModulesIsAPackage) {
  put("/srv/app/package.json", R"({"name": "shop", "version": "1.0.0"})");
  put("/srv/app/node_modules/better-sqlite3/package.json",
      R"({"name": "better-sqlite3", "version": "9.4.0"})");
  put("/srv/app/node_modules/better-sqlite3/deps/package.json", R"({"name": "inner"})");
  put("/srv/app/node_modules/@img/sharp/package.json", R"({"name": "@img/sharp", "version": "1"})");
  EXPECT_EQ(owner("/srv/app/node_modules/better-sqlite3/build/Release/better_sqlite3.node"),
            "npm better-sqlite3 9.4.0");
  EXPECT_EQ(owner("/srv/app/node_modules/better-sqlite3/deps/x.node"), "npm better-sqlite3 9.4.0");
  EXPECT_EQ(owner("/srv/app/node_modules/@img/sharp/lib/sharp.node"), "npm @img/sharp 1");
  // A package of a package is its own.
  EXPECT_EQ(owner("/srv/app/node_modules/better-sqlite3/node_modules/bindings/b.js"),
            "npm bindings ");
  EXPECT_EQ(owner("/srv/app/build/Release/addon.node"), "npm shop 1.0.0");
}

TEST_F(PackagesTest, WithoutFilesThePathStillNamesIt) {
  EXPECT_EQ(
      owner("/app/node_modules/.pnpm/better-sqlite3@9.4.0/node_modules/better-sqlite3/b.node"),
      "npm better-sqlite3 9.4.0");
  EXPECT_EQ(owner("/app/node_modules/.pnpm/@img+sharp@0.33.2_x/node_modules/@img/sharp/s.node"),
            "npm @img/sharp 0.33.2");
  EXPECT_EQ(owner("/app/node_modules/canvas/build/Release/canvas.node"), "npm canvas ");
  EXPECT_EQ(owner("/app/node_modules/loose.node"), "-");
}

TEST_F(PackagesTest, TheProgramIsNoPackageOfOthers) {
  put("/srv/app/package.json", R"({"name": "shop", "version": "1.0.0"})");
  Packages packages(root());
  EXPECT_TRUE(packages.language_owner_of("/srv/app/a.node")->is_program);
  EXPECT_FALSE(packages.language_owner_of("/srv/app/node_modules/x/a.node")->is_program);
}

TEST_F(PackagesTest, RecordSaysWhoseAFileIs) {
  const std::string site = "/venv/lib/python3.11/site-packages/";
  put(site + "numpy-1.26.4.dist-info/RECORD",
      "numpy/__init__.py,sha256=a,1\n"
      "numpy/core/_multiarray_umath.cpython-311-x86_64-linux-gnu.so,sha256=a,1\n"
      "numpy.libs/libopenblas64_p-r0-0cf96a72.3.23.dev.so,sha256=a,1\n"
      "../../../bin/f2py,sha256=a,1\n");
  put(site + "google_a-1.0.dist-info/RECORD", "google/a/x.py,,\n");
  put(site + "google_b-2.0.dist-info/RECORD", "google/b/x.py,,\n");
  EXPECT_EQ(owner(site + "numpy/core/_multiarray_umath.cpython-311-x86_64-linux-gnu.so"),
            "python numpy 1.26.4");
  EXPECT_EQ(owner(site + "numpy.libs/libopenblas64_p-r0-0cf96a72.3.23.dev.so"),
            "python numpy 1.26.4");
  EXPECT_EQ(owner(site + "google/b/x.py"), "python google_b 2.0");
  EXPECT_EQ(owner(site + "google/a/x.py"), "python google_a 1.0");
  EXPECT_EQ(owner(site + "google/c/x.py"), "-");  // of neither
  EXPECT_EQ(owner(site + "numpy/made/later.py"), "python numpy 1.26.4");
  EXPECT_EQ(owner(site + "loose.py"), "-");
}

TEST_F(PackagesTest, EggsAndLibsFoldersWithoutAList) {
  const std::string site = "/usr/local/lib/python3.9/dist-packages/";
  put(site + "old-1.2-py3.9.egg-info/installed-files.txt", "../old/a.so\nPKG-INFO\n");
  put(site + "older-0.1.egg-info/top_level.txt", "older\n_older\n");
  put(site + "Pillow-10.0.0.dist-info/METADATA");
  EXPECT_EQ(owner(site + "old/a.so"), "python old 1.2");
  EXPECT_EQ(owner(site + "older/b.so"), "python older 0.1");
  EXPECT_EQ(owner(site + "pillow.libs/libtiff-a.so"), "python Pillow 10.0.0");
}

TEST_F(PackagesTest, DpkgListsAreReadWithUsrMergedOrNot) {
  put("/var/lib/dpkg/info/libc6:amd64.list", "/.\n/lib\n/lib/x86_64-linux-gnu/libc.so.6\n");
  put("/var/lib/dpkg/info/nodejs.list", "/usr\n/usr/bin/node\n");
  put("/var/lib/dpkg/status",
      "Package: nodejs\nStatus: install ok installed\nVersion: 18.20.4+dfsg-1\n\n"
      "Package: libc6\nArchitecture: i386\nVersion: 1\n\n"
      "Package: libc6\nArchitecture: amd64\nVersion: 2.36-9+deb12u4\n\n");
  EXPECT_EQ(owner("/usr/lib/x86_64-linux-gnu/libc.so.6"), "debian libc6 2.36-9+deb12u4");
  EXPECT_EQ(owner("/lib/x86_64-linux-gnu/libc.so.6"), "debian libc6 2.36-9+deb12u4");
  EXPECT_EQ(owner("/usr/bin/node"), "debian nodejs 18.20.4+dfsg-1");
  EXPECT_EQ(owner("/usr/bin/nod"), "-");
}

TEST_F(PackagesTest, ImagesThatKeepOnlyStatusD) {
  put("/var/lib/dpkg/status.d/libssl3", "Package: libssl3\nVersion: 3.0.11-1\n");
  put("/var/lib/dpkg/status.d/libssl3.md5sums", "00ff  usr/lib/libssl.so.3\n");
  EXPECT_EQ(owner("/usr/lib/libssl.so.3"), "debian libssl3 3.0.11-1");
}

TEST_F(PackagesTest, ManyFilesAtOnceKeepTheirOrder) {
  put("/var/lib/dpkg/info/a.list", "/usr/lib/a.so\n");
  Packages packages(root());
  const auto owners =
      packages.owners_of({"/x", "/usr/lib/a.so", "/n/node_modules/m/m.node", "rel"});
  ASSERT_EQ(owners.size(), 4U);
  EXPECT_FALSE(owners[0]);
  EXPECT_EQ(owners[1]->name, "a");
  EXPECT_EQ(owners[2]->name, "m");
  EXPECT_FALSE(owners[3]);
}

TEST_F(PackagesTest, PathsAloneReadNoFiles) {
  Packages packages = Packages::by_paths();
  const auto owners =
      packages.owners_of({"/usr/lib/x86_64-linux-gnu/libc.so.6", "/a/node_modules/m/m.node"});
  EXPECT_FALSE(owners[0]);
  ASSERT_TRUE(owners[1]);
  EXPECT_EQ(owners[1]->name, "m");
  EXPECT_EQ(owners[1]->version, "");
}

TEST(Cargo, CratesAreNamedByTheirPaths) {
  const auto crate = crate_of(
      "/root/.cargo/registry/src/index.crates.io-6f17d22bba15001f/aes-gcm-0.10.3/src/lib.rs");
  ASSERT_TRUE(crate);
  EXPECT_EQ(crate->name, "aes-gcm");
  EXPECT_EQ(crate->version, "0.10.3");
  EXPECT_EQ(crate_of("/c/registry/src/x-1/windows_x86_64-msvc-0.48.0-rc.1/a.rs")->version,
            "0.48.0-rc.1");
  EXPECT_EQ(crate_of("/c/git/checkouts/tokio-ab12cd34ef567890/9f8e7d6/tokio/src/a.rs")->version,
            "git 9f8e7d6");
  const auto rust =
      crate_of("/rustc/82e1608dfa6e0b5569232559e3d385fea5a93112/library/alloc/src/vec/mod.rs");
  ASSERT_TRUE(rust);
  EXPECT_EQ(rust->manager, Manager::kRust);
  EXPECT_EQ(rust->name, "alloc");
  EXPECT_EQ(rust->version, "rustc 82e1608dfa6e");
  EXPECT_FALSE(crate_of("/home/u/src/app/src/main.rs"));
  EXPECT_FALSE(crate_of("/c/registry/src/"));
}

TEST(Python, PathsOfRecord) {
  EXPECT_EQ(record_path("numpy/core/_a.so,sha256=x,123"), "numpy/core/_a.so");
  EXPECT_EQ(record_path(R"("odd,""name"".so",sha256=x,1)"), R"(odd,"name".so)");
  EXPECT_EQ(record_path(""), "");
}

TEST(Dpkg, AnotherPackageWhoseNameBeginsLikeIt) {
  const std::string status = "Package: libc6-dev\nVersion: 9\n\nPackage: libc6\nVersion: 2\n";
  EXPECT_EQ(dpkg_version(status, "libc6"), "2");
  EXPECT_EQ(dpkg_version(status, "libc"), "");
}

}  // namespace
}  // namespace inquest::packages
