// Crashes without end.
#include <gtest/gtest.h>

#include "platform/os/directories.h"
#include "testing/faulty_fs.h"
#include "vault/retention.h"
#include "vault/vault.h"

namespace inquest::vault {
namespace {

// Each header takes 2 KB, and the index may take 1 MiB.
TEST(Storm, ALongStormLeavesFirstAndNewestHeadersAndAFullCount) {
  const auto directory = *os::TempDirectory::create();
  testing::FaultyFs fs(directory.file("vault"));  // never really syncs: many headers, quickly
  auto vault = Vault::open(directory.file("vault"),
                           {.quota = 8 << 20, .keep_free = 0, .reserved_headers = 10, .fs = &fs});
  CaseHeader wide;
  wide.signature = "storm";
  wide.command_line = std::string(1800, 'x');
  const CaseId first = *vault->begin(wide);
  for (int i = 1; i < 3000; ++i) {
    const auto id = vault->begin(wide);
    ASSERT_TRUE(id.ok()) << id.error().message();
    ASSERT_TRUE(vault->finish(*id).ok());
  }
  const Stats stats = *vault->stats();
  EXPECT_EQ(stats.cases + stats.counted, 3000U);
  EXPECT_GE(stats.cases, kHeadersKeptFirst + 50);
  EXPECT_LT(stats.index_bytes, 2U << 20);
  EXPECT_TRUE(vault->find(first).ok());
}

}  // namespace
}  // namespace inquest::vault
