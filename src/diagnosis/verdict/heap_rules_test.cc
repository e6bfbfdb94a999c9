#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "diagnosis/verdict/verdict.h"

namespace inquest::diagnosis {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

// A wild pointer read from `rax`.
Facts wild_read() {
  Facts facts;
  facts.process.command = "shop";
  facts.signal.number = 11;
  facts.signal.name = "SIGSEGV";
  FaultFacts fault;
  fault.kind = "load";
  fault.access = AccessKind::kRead;
  fault.address = Address(0x55935986e);
  OperandFacts operand;
  operand.text = "[rax]";
  operand.access = AccessKind::kRead;
  operand.size = 8;
  operand.bad_register = "rax";
  operand.bad_value = 0x55935986e;
  operand.pointer =
      AddressFacts{.address = Address(0x55935986e), .traits = {AddressTrait::kUnmapped}};
  operand.address = operand.pointer;
  fault.address_facts = operand.pointer;
  fault.operand = operand;
  facts.fault = fault;
  facts.heap =
      HeapFacts{.allocator = "glibc malloc 2.36", .allocations = {}, .damage = {}, .notes = {}};
  return facts;
}

AllocationFact block(AllocationFact::State state, std::optional<uint64_t> bad_value_at) {
  AllocationFact fact;
  fact.of = "`order` of settle()";
  fact.state = state;
  fact.start = fact.address = Address(0x55935986e2d0);
  fact.size = 136;
  fact.type = "shop::Order";
  fact.bad_value_at = bad_value_at;
  if (state == AllocationFact::State::kFreed)
    fact.place = "thread 3's tcache bin for 0x90-byte chunks";
  fact.statement = "`order` of settle() is the start of a block of 136 bytes";
  return fact;
}

TEST(HeapRules, AFreedBlockThatHoldsTheValueProvesUseAfterFree) {
  Facts facts = wild_read();
  facts.heap->allocations.push_back(block(AllocationFact::State::kFreed, 0));
  const Verdict verdict = judge(facts);
  const Hypothesis& best = verdict.hypotheses.front();
  EXPECT_EQ(best.crash_class, CrashClass::kUseAfterFree);
  EXPECT_EQ(best.confidence, Confidence::kCertain);
  EXPECT_EQ(
      best.sentence,
      "the shop::Order behind `order` of settle() was freed: it is in thread 3's tcache bin for "
      "0x90-byte chunks; the word that was read from it is a link of the free list");
}

TEST(HeapRules, ALiveBlockSpeaksAgainstUseAfterFree) {
  Facts facts = wild_read();
  facts.fault->operand->pointer->traits.push_back(AddressTrait::kFreedTcacheLink);
  const Verdict before = judge(facts);
  ASSERT_EQ(before.hypotheses.front().crash_class, CrashClass::kUseAfterFree);
  facts.heap->allocations.push_back(block(AllocationFact::State::kLive, 24));
  for (const Hypothesis& h : judge(facts).hypotheses) {
    if (h.crash_class != CrashClass::kUseAfterFree) continue;
    EXPECT_GT(h.confidence, before.hypotheses.front().confidence);  // kLow is the greatest
    EXPECT_THAT(h.facts_against.back(), HasSubstr("which is live"));
  }
}

TEST(HeapRules, ADoubleFreeSaysWhereTheBlockAlreadyIs) {
  Facts facts;
  facts.signal.number = 6;
  facts.signal.name = "SIGABRT";
  facts.abort.kind = AbortFacts::Kind::kGlibcHeap;
  facts.abort.message = "free(): double free detected in tcache 2";
  facts.heap = HeapFacts{};
  facts.heap->allocations.push_back(block(AllocationFact::State::kFreed, std::nullopt));
  facts.heap->allocations[0].of = "free()'s argument `order`";
  const Verdict verdict = judge(facts);
  EXPECT_EQ(verdict.hypotheses.front().crash_class, CrashClass::kDoubleFree);
  EXPECT_THAT(verdict.hypotheses.front().sentence,
              HasSubstr("are already in thread 3's tcache bin for 0x90-byte chunks"));
}

TEST(HeapRules, AnAddressInsideALiveBlockIsAnInvalidFree) {
  Facts facts;
  facts.signal.number = 6;
  facts.signal.name = "SIGABRT";
  facts.abort.kind = AbortFacts::Kind::kGlibcHeap;
  facts.abort.message = "free(): invalid pointer";
  facts.heap = HeapFacts{};
  facts.heap->allocations.push_back(block(AllocationFact::State::kLive, std::nullopt));
  facts.heap->allocations[0].of = "free()'s argument `cursor`";
  facts.heap->allocations[0].offset = 16;
  const Verdict verdict = judge(facts);
  EXPECT_EQ(verdict.hypotheses.front().crash_class, CrashClass::kInvalidFree);
  EXPECT_THAT(verdict.hypotheses.front().sentence,
              HasSubstr("16 bytes inside a live block of 136 bytes"));
}

TEST(HeapRules, AFaultInTheAllocatorComesFromTheDamage) {
  Facts facts = wild_read();
  facts.heap->allocator = "jemalloc 5.3 or later";
  HeapDamageFact damage;
  damage.what = "the block is of 160 bytes: it was freed with a size that it does not have";
  damage.fact.statement = damage.what;
  facts.heap->damage.push_back(damage);
  facts.crashing.frames.resize(1);
  facts.crashing.frames[0].functions.resize(1);
  facts.crashing.frames[0].module = "/opt/jemalloc/bin/server";
  EXPECT_NE(judge(facts).hypotheses.front().confidence, Confidence::kCertain);
  facts.crashing.frames[0].module = "/usr/lib/libjemalloc.so.2";
  const Verdict verdict = judge(facts);
  EXPECT_EQ(verdict.hypotheses.front().crash_class, CrashClass::kHeapCorruption);
  EXPECT_EQ(verdict.hypotheses.front().confidence, Confidence::kCertain);
  EXPECT_THAT(verdict.hypotheses.front().sentence, HasSubstr("a size that it does not have"));
}

TEST(HeapRules, ManyDamagedPlacesAreNotAllTold) {
  Facts facts = wild_read();
  for (int i = 0; i < 40; ++i) {
    HeapDamageFact& damage = facts.heap->damage.emplace_back();
    damage.what = damage.fact.statement = fmt::format("block {} is damaged", i);
  }
  const Verdict verdict = judge(facts);
  const auto found = std::find_if(
      verdict.hypotheses.begin(), verdict.hypotheses.end(),
      [](const auto& each) { return each.crash_class == CrashClass::kHeapCorruption; });
  ASSERT_NE(found, verdict.hypotheses.end());
  EXPECT_THAT(found->facts_for, IsSupersetOf({"block 0 is damaged", "block 1 is damaged",
                                              "and 38 more places of its heap"}));
  EXPECT_THAT(found->facts_for, Not(Contains("block 2 is damaged")));
}

TEST(HeapRules, AnOverrunNamesTheBlockInFront) {
  Facts facts;
  facts.signal.number = 6;
  facts.signal.name = "SIGABRT";
  facts.abort.kind = AbortFacts::Kind::kGlibcHeap;
  facts.abort.message = "malloc(): corrupted top size";
  facts.heap = HeapFacts{};
  HeapDamageFact damage;
  damage.at = Address(0x5555001002c8);
  damage.what = "the size of the chunk at 0x5555001002c0 is 0x4141414141414141";
  damage.overflown = "the block of 24 bytes at 0x5555001002a0 (std::string storage)";
  damage.fact.statement = damage.what;
  facts.heap->damage.push_back(damage);
  const Verdict verdict = judge(facts);
  EXPECT_EQ(verdict.hypotheses.front().crash_class, CrashClass::kHeapCorruption);
  EXPECT_THAT(verdict.hypotheses.front().sentence,
              HasSubstr("24 bytes at 0x5555001002a0 (std::string storage) was overrun into"));
}

}  // namespace
}  // namespace inquest::diagnosis
