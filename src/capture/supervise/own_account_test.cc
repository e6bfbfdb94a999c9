#include "capture/supervise/own_account.h"

#include <gtest/gtest.h>

#include <cstring>

#include "capture/wire/crash_request.h"

namespace inquest::capture {
namespace {

Bytes piece(uint32_t kind, uint64_t address, const Bytes& bytes) {
  const inquest_memory_piece head = {
      .address = address, .size = static_cast<uint32_t>(bytes.size()), .kind = kind};
  Bytes packet(sizeof head);
  std::memcpy(packet.data(), &head, sizeof head);
  packet.insert(packet.end(), bytes.begin(), bytes.end());
  return packet;
}

TEST(OwnAccount, PiecesThatFollowEachOtherAreOne) {
  OwnAccount account;
  EXPECT_TRUE(add_piece(piece(INQUEST_PIECE_MEMORY, 0x1000, Bytes(3000, 1)), account));
  EXPECT_TRUE(add_piece(piece(INQUEST_PIECE_MEMORY, 0x1000 + 3000, Bytes(1096, 2)), account));
  EXPECT_TRUE(add_piece(piece(INQUEST_PIECE_MEMORY, 0x9000, Bytes(8, 3)), account));
  ASSERT_EQ(account.memory.size(), 2u);
  EXPECT_EQ(account.memory.at(0x1000).size(), 4096u);
  EXPECT_FALSE(account.complete);
  EXPECT_FALSE(add_piece(piece(INQUEST_PIECE_MEMORY, 0, {}), account));
  EXPECT_TRUE(account.complete);
}

TEST(OwnAccount, APacketThatSaysMoreThanItHasIsCut) {
  OwnAccount account;
  Bytes packet = piece(INQUEST_PIECE_MEMORY, 0x1000, Bytes(100, 1));
  packet.resize(packet.size() - 40);
  EXPECT_TRUE(add_piece(packet, account));
  EXPECT_EQ(account.memory.at(0x1000).size(), 60u);
  EXPECT_FALSE(add_piece(Bytes(3), account));
  EXPECT_FALSE(account.complete);
}

TEST(OwnAccount, WithoutRegistersThereIsNothingToRecord) {
  const auto process = Proc::open(::getpid());
  ASSERT_TRUE(process.ok());
  EXPECT_FALSE(captured_of(*process, ::getpid(), 11, {}, "no ptrace").ok());
}

TEST(OwnAccount, BecomesARecordThatSaysWhatIsMissing) {
  const auto process = Proc::open(::getpid());
  ASSERT_TRUE(process.ok());
  OwnAccount account;
  account.ucontext.assign(4096, 0x41);
  account.siginfo.assign(128, 0);
  account.maps = "1000-3000 rw-p 00000000 00:00 0 \n";
  account.annotations = std::string("version=1\0", 10);
  account.memory[0x800] = Bytes(0x1800, 7);
  account.complete = true;
  const auto captured = captured_of(*process, ::getpid(), 11, std::move(account), "no ptrace");
  ASSERT_TRUE(captured.ok()) << captured.error().message();
  EXPECT_TRUE(captured->pages.has(Address(0x1000)));
  EXPECT_FALSE(captured->pages.has(Address(0)));
  ASSERT_EQ(captured->annotations.size(), 1u);
  EXPECT_EQ(captured->annotations[0].second, "1");
  EXPECT_EQ(captured->left_out.front().why, "no ptrace");
}

}  // namespace
}  // namespace inquest::capture
