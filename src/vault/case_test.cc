// What a header may hold, and that a case with any header stays.
#include "vault/case.h"

#include <gtest/gtest.h>

#include "platform/os/directories.h"
#include "vault/catalog.h"
#include "vault/frames.h"
#include "vault/vault.h"

namespace inquest::vault {
namespace {

TEST(Case, ACutTextIsCutBetweenCharacters) {
  CaseHeader header;
  for (int i = 0; i < 3000; ++i) header.command_line += "\xe2\x82\xac";  // three bytes each
  clamp(header);
  EXPECT_EQ(header.command_line.size(), 8190U);
  EXPECT_EQ(header.command_line.substr(8187), "\xe2\x82\xac");
}

TEST(Case, ATightHeaderFitsItsReserveWhateverIsInIt) {
  for (const char byte : {'x', '\1', '"', '\x80', '\x7f'}) {
    SCOPED_TRACE(int(byte));
    const std::string text(10'000, byte);
    CaseHeader header;
    header.time_ns = INT64_MAX;
    header.pid = kMaxPid;
    header.signal = kMaxSignal;
    header.uptime_ms = kMaxUptime;
    header.fidelity = Fidelity::kRegisters;
    for (std::string* one : {&header.executable, &header.command_line, &header.signature,
                             &header.title, &header.headline, &header.host, &header.kernel,
                             &header.unit, &header.container, &header.cgroup}) {
      *one = text;
    }
    header.missing.assign(100, text);
    header.annotations.assign(100, {text, text});
    header.labels = header.annotations;
    clamp(header, true);
    const std::string record = begin_record(std::string(kCaseIdDigits, '0'), header);
    EXPECT_LE(record.size() + kFrameHeaderBytes + kFrameAlignment, kTightHeaderBytes);
  }
}

TEST(Case, AFullCoreThatWasCutShortIsWorthLessThanASlimRecord) {
  Case one;
  one.attachments = {{.name = "core", .role = Role::kFull, .truncated = true}};
  ASSERT_NE(one.best_evidence(), nullptr);
  EXPECT_EQ(one.best_evidence()->name, "core");
  one.attachments.push_back({.name = "slim", .role = Role::kSlim});
  EXPECT_EQ(one.best_evidence()->name, "slim");
  one.attachments.front().truncated = false;
  EXPECT_EQ(one.best_evidence()->name, "core");
  for (Attachment& attachment : one.attachments) attachment.kept = false;
  EXPECT_EQ(one.best_evidence(), nullptr);
}

class CaseInVault : public testing::Test {
 protected:
  CaseInVault() : directory_(*os::TempDirectory::create()) {}
  Vault open() { return *Vault::open(directory_.file("vault"), {.quota = 1 << 30}); }

  os::TempDirectory directory_;
};

TEST_F(CaseInVault, ACaseWhoseTextsAreNoUtf8DoesNotVanish) {
  for (const auto& [count, byte] : {std::pair(8192, '\xff'), {9000, '\x80'}, {100'000, '\1'}}) {
    SCOPED_TRACE(int(byte));
    Vault vault = open();
    CaseHeader header;
    header.command_line = std::string(count, byte);
    header.executable = "/usr/bin/caf\xe9";
    const auto id = vault.begin(header);
    ASSERT_TRUE(id.ok()) << id.error().message();
    const auto kept = open().find(*id);
    ASSERT_TRUE(kept.ok()) << kept.error().message();
    EXPECT_GT(kept->header.command_line.size(), 1000U);
    EXPECT_EQ(kept->header.executable, "/usr/bin/caf\xef\xbf\xbd");
    EXPECT_TRUE(open().stats()->damage.empty());
  }
}

TEST_F(CaseInVault, ACaseWhoseNumbersCannotBeDoesNotVanish) {
  Vault vault = open();
  CaseHeader header;
  header.time_ns = -5;
  header.pid = -1;
  header.signal = 4711;
  header.uptime_ms = UINT64_MAX;
  const auto id = vault.begin(header);
  ASSERT_TRUE(id.ok()) << id.error().message();
  const auto kept = open().find(*id);
  ASSERT_TRUE(kept.ok()) << kept.error().message();
  EXPECT_EQ(kept->header.time_ns, 0);
  EXPECT_EQ(kept->header.signal, 0);
  EXPECT_EQ(kept->header.uptime_ms, std::nullopt);
}

TEST_F(CaseInVault, MorePartsThanACaseCanHaveAreNotAcknowledged) {
  Vault vault = open();
  const CaseId id = *vault.begin(CaseHeader());
  std::vector<NewAttachment> evidence;
  for (size_t i = 0; i <= kMaxAttachments; ++i) {
    evidence.push_back({.name = "part" + std::to_string(i), .source = ByteView()});
  }
  EXPECT_FALSE(vault.attach(id, evidence).ok());
}

}  // namespace
}  // namespace inquest::vault
