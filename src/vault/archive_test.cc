#include "vault/archive.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "platform/codec/compress.h"
#include "platform/os/directories.h"
#include "platform/os/file.h"
#include "vault/vault.h"

namespace inquest::vault {
namespace {

using testing::HasSubstr;

constexpr const char* kId = "0123456789abcdef0123456789abcdef";

Case shop() {
  Case one;
  one.id = kId;
  one.state = State::kComplete;
  one.header.time_ns = 1'764'374'400'000'000'000;
  one.header.executable = "/usr/bin/shop";
  one.header.signature = "5a1f";
  one.attachments = {{.name = "core", .role = Role::kFull},
                     {.name = "slim", .role = Role::kSlim, .kept = false, .why = "no room"},
                     {.name = "/usr/bin/shop", .role = Role::kFile}};
  return one;
}

class Archives : public testing::Test {
 protected:
  Archives() : directory_(*os::TempDirectory::create()) {}

  os::Fd file(const std::string& name, std::string_view content) {
    os::Fd fd = *os::create_file(directory_.file(name));
    EXPECT_EQ(::write(fd.get(), content.data(), content.size()), ssize_t(content.size()));
    return fd;
  }

  // The archive at `path`, into a fresh directory.
  Result<Unpacked> unpack(const std::string& path, const ArchiveLimits& limits = {}) {
    unpacked_.push_back(*os::TempDirectory::create());
    const os::Fd fd = *os::open_regular_file(path);
    return unpack_archive(fd.get(), unpacked_.back().path(), limits);
  }

  std::string exported(const Case& about) {
    const os::Fd out = file("archive", "");
    auto writer = ArchiveWriter::create(out.get(), about, "read me");
    EXPECT_TRUE(writer.ok());
    const os::Fd content = file("content", "the evidence");
    for (const Attachment& part : about.attachments) {
      EXPECT_TRUE(!part.kept || writer->add(part, content.get()).ok());
    }
    EXPECT_TRUE(writer->add_text("report.html", "<html>").ok());
    EXPECT_TRUE(writer->finish().ok());
    return directory_.file("archive");
  }

  // A compressed archive of these names and contents.
  std::string crafted(const std::vector<std::pair<std::string, std::string>>& files) {
    Bytes tar;
    TarWriter writer([&](ByteView bytes) {
      tar.insert(tar.end(), bytes.begin(), bytes.end());
      return Status();
    });
    for (const auto& [name, content] : files) {
      const ByteView bytes(reinterpret_cast<const uint8_t*>(content.data()), content.size());
      EXPECT_TRUE(writer.add(name, bytes, 0).ok());
    }
    EXPECT_TRUE(writer.finish().ok());
    Bytes packed;
    codec::ZstdCompressor(1).compress(tar, packed);
    file("crafted", {reinterpret_cast<const char*>(packed.data()), packed.size()});
    return directory_.file("crafted");
  }

  std::string problem(const std::vector<std::pair<std::string, std::string>>& files) {
    const auto unpacked = unpack(crafted(files));
    return unpacked.ok() ? "" : unpacked.error().message();
  }

  os::TempDirectory directory_;
  std::vector<os::TempDirectory> unpacked_;
};

const std::string kDescription =
    std::string(R"({"schema":"inquest-case","schema_version":1,"id":")") + kId +
    R"(","case":{},"attachments":[]})";

TEST_F(Archives, ACaseComesBackWithItsFiles) {
  const std::string path = exported(shop());
  const Bytes start = *os::read_file(path, 1 << 20);
  EXPECT_TRUE(is_archive(start));
  const auto unpacked = unpack(path);
  ASSERT_TRUE(unpacked.ok()) << unpacked.error().message();
  EXPECT_EQ(unpacked->id, kId);
  EXPECT_EQ(unpacked->header, shop().header);
  ASSERT_EQ(unpacked->files.size(), 2U);
  EXPECT_EQ(unpacked->files[0].about.name, "core");
  EXPECT_EQ(unpacked->files[0].about.role, Role::kFull);
  EXPECT_EQ(*os::read_text_file(unpacked->files[0].path, 100), "the evidence");
  EXPECT_EQ(unpacked->files[1].about.name, "/usr/bin/shop");
  EXPECT_EQ(*os::read_text_file(unpacked->root + "/usr/bin/shop", 100), "the evidence");
  ASSERT_EQ(unpacked->missing.size(), 1U);
  EXPECT_EQ(unpacked->missing[0].why, "no room");
}

TEST_F(Archives, WhatWasUnpackedIsToldToAnotherProcess) {
  const auto unpacked = unpack(exported(shop()));
  ASSERT_TRUE(unpacked.ok());
  const auto told = read_unpacked(to_json(*unpacked));
  ASSERT_TRUE(told.ok()) << told.error().message();
  EXPECT_EQ(told->id, unpacked->id);
  EXPECT_EQ(told->header, unpacked->header);
  EXPECT_EQ(told->root, unpacked->root);
  ASSERT_EQ(told->files.size(), unpacked->files.size());
  for (size_t i = 0; i < told->files.size(); ++i) {
    EXPECT_EQ(told->files[i].path, unpacked->files[i].path);
    EXPECT_EQ(told->files[i].about, unpacked->files[i].about);
  }
  EXPECT_EQ(told->missing.size(), 1U);
  EXPECT_FALSE(read_unpacked("{}").ok());
}

TEST_F(Archives, ACaseThatWasCutShortComesBackAsOne) {
  Case about = shop();
  about.state = State::kTruncated;
  const auto unpacked = unpack(exported(about));
  ASSERT_TRUE(unpacked.ok());
  EXPECT_EQ(unpacked->state, State::kTruncated);
  EXPECT_EQ(read_unpacked(to_json(*unpacked))->state, State::kTruncated);
}

TEST_F(Archives, OtherFilesAreNotTakenForOnes) {
  Bytes packed;
  const std::string text = "inquest-case-of something else";
  codec::ZstdCompressor(1).compress({reinterpret_cast<const uint8_t*>(text.data()), text.size()},
                                    packed);
  EXPECT_TRUE(is_archive(packed));  // by its first bytes; unpacking it fails
  file("text", {reinterpret_cast<const char*>(packed.data()), packed.size()});
  EXPECT_FALSE(unpack(directory_.file("text")).ok());
  packed.clear();
  codec::ZstdCompressor(1).compress(Bytes(10'000, 'x'), packed);
  EXPECT_FALSE(is_archive(packed));
  EXPECT_FALSE(is_archive({}));
}

TEST_F(Archives, ACutOneIsRefusedAsAWhole) {
  const std::string path = exported(shop());
  Bytes bytes = *os::read_file(path, 1 << 20);
  bytes.resize(bytes.size() - 10);
  file("cut", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  EXPECT_THAT(unpack(directory_.file("cut")).error().message(), HasSubstr("cut short"));
}

TEST_F(Archives, HostileOnesAreRefused) {
  const std::string folder = "inquest-case-0123456789ab/";
  const std::pair<std::string, std::string> described = {folder + "case.json", kDescription};
  EXPECT_EQ(problem({described, {folder + "evidence/core", "x"}}), "");
  EXPECT_THAT(problem({{folder + "evidence/core", "x"}, described}), HasSubstr("come first"));
  EXPECT_THAT(
      problem({described, {folder + "evidence/core", "x"}, {folder + "evidence/core", "y"}}),
      HasSubstr("twice"));
  EXPECT_THAT(problem({described, described}), HasSubstr("twice"));
  EXPECT_THAT(problem({described, {"inquest-case-other/evidence/core", "x"}}),
              HasSubstr("more than one case"));
  EXPECT_THAT(problem({described, {folder + "../evil", "x"}}), HasSubstr("lead elsewhere"));
  EXPECT_THAT(problem({described, {folder + "root/../../evil", "x"}}), HasSubstr("lead elsewhere"));
  EXPECT_THAT(problem({described, {folder + "evidence/a/b", "x"}}), HasSubstr("odd name"));
  EXPECT_THAT(problem({{folder + "README.txt", ""}}), HasSubstr("no case.json"));
  EXPECT_THAT(problem({{folder + "case.json", "{}"}}), HasSubstr("is none"));
  EXPECT_THAT(problem({{folder + "case.json", "[[[[[[[[[["}}), HasSubstr("case.json"));
  EXPECT_FALSE(problem({described, {folder + "root/a", "x"}, {folder + "root/a/b", "x"}}).empty());
  EXPECT_FALSE(problem({described, {folder + "root/" + std::string(300, 'n'), "x"}}).empty());
}

TEST_F(Archives, ABombIsRefusedBeforeItFillsTheDisk) {
  const std::string folder = "inquest-case-0123456789ab/";
  const std::string path = crafted({{folder + "case.json", kDescription},
                                    {folder + "evidence/core", std::string(10 << 20, 'x')}});
  const auto refused = unpack(path, {.max_bytes = 1 << 20, .tar = {}});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kTooLarge);
}

TEST_F(Archives, AnUnpackedCaseGoesIntoAVault) {
  const auto unpacked = unpack(exported(shop()));
  ASSERT_TRUE(unpacked.ok());
  auto vault = Vault::open(directory_.file("vault"), {.quota = 1 << 30});
  ASSERT_TRUE(vault.ok());
  ASSERT_TRUE(vault->begin(unpacked->header, unpacked->id).ok());
  for (const auto& part : unpacked->files) {
    const os::Fd fd = *os::open_regular_file(part.path);
    const NewAttachment evidence[] = {
        {.name = part.about.name, .role = part.about.role, .source = fd.get()}};
    EXPECT_TRUE(vault->attach(unpacked->id, evidence)->front().kept);
  }
  EXPECT_EQ(vault->read_bytes(*vault->find(kId), "/usr/bin/shop", 100)->size(), 12U);
}

}  // namespace
}  // namespace inquest::vault
