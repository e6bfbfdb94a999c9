#include "diagnosis/facts/abort.h"

#include <gtest/gtest.h>

#include "diagnosis/facts/abort_text.h"
#include "diagnosis/facts/cxx_exception.h"
#include "diagnosis/facts/fake_memory_test_util.h"
#include "diagnosis/facts/own_handler.h"
#include "diagnosis/facts/rust_panic.h"

namespace inquest::diagnosis {
namespace {

using Kind = AbortFacts::Kind;

TEST(AbortText, GlibcAssertionWithColonsInTheFunction) {
  const AbortFacts facts = parse_abort_text(
      "checkout: /src/pricing/quote.cc:38: int shop::quote(Order*): Assertion `order::ok(x) && y' "
      "failed.\n");
  EXPECT_EQ(facts.kind, Kind::kAssertion);
  EXPECT_EQ(facts.condition, "order::ok(x) && y");
  EXPECT_EQ(facts.file, "/src/pricing/quote.cc");
  EXPECT_EQ(facts.line, 38u);
  EXPECT_EQ(facts.function, "int shop::quote(Order*)");
}

TEST(AbortText, AssertionsOfOtherLibraries) {
  AbortFacts facts = parse_abort_text("Assertion failed: n > 0 (main.c: work: 7)");
  EXPECT_EQ(facts.kind, Kind::kAssertion);
  EXPECT_EQ(facts.condition, "n > 0");
  EXPECT_EQ(facts.file, "main.c");
  EXPECT_EQ(facts.line, 7u);
  facts = parse_abort_text(
      "/usr/include/c++/12/bits/stl_vector.h:1123: std::vector<int>::reference "
      "std::vector<int>::operator[](size_type): "
      "Assertion '__n < this->size()' failed.");
  EXPECT_EQ(facts.kind, Kind::kAssertion);
  EXPECT_EQ(facts.condition, "__n < this->size()");
  EXPECT_EQ(facts.line, 1123u);
}

TEST(AbortText, KindsByWords) {
  EXPECT_EQ(parse_abort_text("free(): double free detected in tcache 2\n").kind, Kind::kGlibcHeap);
  EXPECT_EQ(parse_abort_text("corrupted size vs. prev_size").kind, Kind::kGlibcHeap);
  EXPECT_EQ(parse_abort_text("*** stack smashing detected ***: terminated\n").kind,
            Kind::kStackSmashing);
  EXPECT_EQ(parse_abort_text("*** buffer overflow detected ***: terminated\n").kind,
            Kind::kFortify);
  EXPECT_EQ(parse_abort_text("memory allocation of 64 bytes failed").kind, Kind::kOutOfMemory);
  EXPECT_EQ(
      parse_abort_text("Fatal glibc error: malloc assertion failure in sysmalloc: (old_top == x)")
          .kind,
      Kind::kGlibcHeap);
  EXPECT_EQ(parse_abort_text("something else").kind, Kind::kOther);
  EXPECT_EQ(parse_abort_text("").kind, Kind::kNone);
}

TEST(AbortText, PanicsOldAndNew) {
  AbortFacts facts =
      parse_abort_text("thread 'main' panicked at src/main.rs:12:5:\nindex out of bounds: x\n");
  EXPECT_EQ(facts.kind, Kind::kPanic);
  EXPECT_EQ(facts.file, "src/main.rs");
  EXPECT_EQ(facts.line, 12u);
  EXPECT_EQ(facts.message, "index out of bounds: x");
  facts = parse_abort_text("thread 'worker' panicked at 'no: 3', src/lib.rs:7:9");
  EXPECT_EQ(facts.message, "no: 3");
  EXPECT_EQ(facts.line, 7u);
}

TEST(AbortText, TerminateNamesTheException) {
  const AbortFacts facts = parse_abort_text(
      "terminate called after throwing an instance of 'std::out_of_range'\n  what():  "
      "vector::at\n");
  EXPECT_EQ(facts.kind, Kind::kException);
  EXPECT_EQ(facts.exception_type, "std::out_of_range");
  EXPECT_EQ(facts.exception_what, "vector::at");
}

TEST(AbortText, PlausibleText) {
  EXPECT_TRUE(is_plausible_text("h\xc3\xa9llo\n"));
  EXPECT_FALSE(is_plausible_text("\x01\x02"));
  EXPECT_FALSE(is_plausible_text("\xc3"));
  EXPECT_FALSE(is_plausible_text("\xff\xfe"));
}

TEST(AbortMessage, ReadsTheRecordAndRefusesNonsense) {
  FakeProcess process;
  process.memory->put(Address(0x1000), Bytes(8));
  process.memory->put(Address(0x20000), Bytes(0x1000));
  EXPECT_FALSE(read_abort_message(*process.memory, Address(0x1000)).has_value());  // null
  process.memory->set(Address(0x1000), uint64_t{0x20000});
  EXPECT_FALSE(read_abort_message(*process.memory, Address(0x1000)).has_value());  // no size
  process.memory->set(Address(0x20000), uint32_t{4096});
  process.memory->set_text(Address(0x20004), "free(): invalid pointer\n");
  EXPECT_EQ(read_abort_message(*process.memory, Address(0x1000)), "free(): invalid pointer\n");
}

TEST(AbortMessage, IsFoundByItsFormWithoutTheLibrary) {
  FakeProcess process;
  process.memory->put(Address(FakeProcess::kThreadStack), Bytes(0x3000));
  EXPECT_FALSE(search_abort_message(process.image).has_value());
  process.memory->set(Address(FakeProcess::kThreadStack + 0x1000), uint32_t{0x1000});
  process.memory->set_text(Address(FakeProcess::kThreadStack + 0x1004),
                           "some text of the program\n");
  EXPECT_FALSE(search_abort_message(process.image).has_value());
  process.memory->set_text(Address(FakeProcess::kThreadStack + 0x1004),
                           "*** stack smashing detected ***: terminated\n");
  const auto found = search_abort_message(process.image);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->record, Address(FakeProcess::kThreadStack + 0x1000));
}

// An exception as libstdc++ lays it out, with its type_info and names.
struct FakeException {
  static constexpr uint64_t kBlock = 0x30000, kHeader = kBlock + 96, kObject = kHeader + 32;
  static constexpr uint64_t kType = 0x31000, kBase = 0x31100, kName = 0x31200, kBaseName = 0x31240;

  explicit FakeException(FakeMemory& memory) : memory_(memory) {
    memory.put(Address(kBlock), Bytes(0x200));
    memory.put(Address(kType), Bytes(0x400));
    memory.set(Address(kHeader), uint64_t{0x474e5543432b2b00});
    memory.set(Address(kHeader - 80), uint64_t{kType});
    memory.set(Address(kType + 8), uint64_t{kName});
    memory.set(Address(kType + 16), uint64_t{kBase});
    memory.set(Address(kBase + 8), uint64_t{kBaseName});
    memory.set_text(Address(kName), "N4shop9TimeErrorE");
    memory.set_text(Address(kBaseName), "St13runtime_error");
  }
  void set_what(std::string_view text) {
    const uint64_t rep = kBlock + 0x150;
    memory_.set(Address(rep), uint64_t{text.size()});
    memory_.set(Address(rep + 8), uint64_t{text.size()});
    memory_.set_text(Address(rep + 24), text);
    memory_.set(Address(kObject + 8), uint64_t{rep + 24});
  }
  FakeMemory& memory_;
};

TEST(CxxException, TypeAndWhatOfADerivedRuntimeError) {
  FakeProcess process;
  FakeException exception(*process.memory);
  exception.set_what("too late by 7 days");
  const auto found = read_exception(*process.memory, Address(FakeException::kHeader));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->type, "shop::TimeError");
  EXPECT_EQ(found->what, "too late by 7 days");
  EXPECT_EQ(found->object, Address(FakeException::kObject));
}

TEST(CxxException, IsFoundThroughTheThreadsGlobals) {
  FakeProcess process;
  FakeException exception(*process.memory);
  process.memory->put(Address(0x40000), Bytes(0x1000));
  process.memory->set(Address(0x40100), uint64_t{FakeException::kHeader - 80});
  const ExceptionSearch search{
      .memory = *process.memory, .arch = isa::Arch::kX86_64, .thread_pointer = Address(0x41000)};
  const auto found = find_exception(search);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->found, "the thread's exception globals");
}

TEST(CxxException, IsFoundInTheHeapAndNotInEmptyMemory) {
  FakeProcess process;
  const AddressRange heap{Address(0x2f000), Address(0x31000)};
  EXPECT_FALSE(
      find_exception({.memory = *process.memory, .arch = isa::Arch::kX86_64, .heap = {heap}})
          .has_value());
  FakeException exception(*process.memory);
  EXPECT_TRUE(
      find_exception({.memory = *process.memory, .arch = isa::Arch::kX86_64, .heap = {heap}})
          .has_value());
}

TEST(CxxException, DependentExceptionLeadsToTheFirst) {
  FakeProcess process;
  FakeException exception(*process.memory);
  exception.set_what("first");
  process.memory->put(Address(0x50000), Bytes(0x100));
  process.memory->set(Address(0x50060), uint64_t{0x474e5543432b2b01});
  process.memory->set(Address(0x50058), uint64_t{FakeException::kObject});
  const auto found = read_exception(*process.memory, Address(0x50060));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->what, "first");
}

TEST(CxxException, ThrownTextsAndNumbers) {
  FakeProcess process;
  FakeException exception(*process.memory);
  process.memory->set_text(Address(FakeException::kName), "i");
  process.memory->set(Address(FakeException::kType + 16), uint64_t{0});
  process.memory->set(Address(FakeException::kObject), int32_t{-42});
  auto found = read_exception(*process.memory, Address(FakeException::kHeader));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->type, "int");
  EXPECT_EQ(found->what, "-42");
}

TEST(RustPanic, LocationNeedsARustFile) {
  FakeProcess process;
  process.memory->put(Address(0x60000), Bytes(0x100));
  process.memory->set(Address(0x60000), uint64_t{0x60040});
  process.memory->set(Address(0x60008), uint64_t{11});
  process.memory->set(Address(0x60010), uint32_t{12});
  process.memory->set(Address(0x60014), uint32_t{5});
  process.memory->set_text(Address(0x60040), "src/main.rs");
  const auto found = read_panic_location(*process.memory, Address(0x60000));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->file, "src/main.rs");
  EXPECT_EQ(found->line, 12u);
  process.memory->set_text(Address(0x60040), "src/main.cc");
  EXPECT_FALSE(read_panic_location(*process.memory, Address(0x60000)).has_value());
}

TEST(OwnHandler, SignalFrameOfX86HasSiginfoBehindTheContext) {
  FakeProcess process;
  process.memory->put(Address(0x70000), Bytes(0x1000));
  isa::RegisterFile registers(isa::Arch::kX86_64);
  registers.set_sp(Address(0x70010));
  EXPECT_FALSE(read_signal_frame(registers, *process.memory).has_value());
  const uint64_t siginfo = 0x70010 + 304;
  process.memory->set(Address(siginfo), int32_t{11});
  process.memory->set(Address(siginfo + 8), int32_t{1});
  process.memory->set(Address(siginfo + 16), uint64_t{0x38});
  const auto signal = read_signal_frame(registers, *process.memory);
  ASSERT_TRUE(signal.has_value());
  EXPECT_EQ(signal->number, 11);
  EXPECT_EQ(signal->address, Address(0x38));
}

TEST(OwnHandler, OutermostFaultIsTheOriginalAndTimersAreNone) {
  FakeProcess process;
  process.memory->put(Address(0x70000), Bytes(0x2000));
  const auto put_signal = [&](uint64_t sp, int32_t number) {
    process.memory->set(Address(sp + 304), number);
    process.memory->set(Address(sp + 312), int32_t{1});
  };
  const auto modules = process::ModuleSet::resolve(process.image, {});
  process::Stack stack;
  const auto add_trampoline = [&](uint64_t sp) {
    process::Frame frame;
    frame.is_signal_handler_return = true;
    frame.registers.set_sp(Address(sp));
    stack.frames.push_back(frame);
    stack.frames.emplace_back();
  };
  stack.frames.emplace_back();
  add_trampoline(0x70000);
  add_trampoline(0x70800);
  put_signal(0x70000, 14);
  EXPECT_FALSE(find_interrupted_place(process.image, modules, stack).has_value());
  put_signal(0x70800, 11);
  const auto place = find_interrupted_place(process.image, modules, stack);
  ASSERT_TRUE(place.has_value());
  EXPECT_EQ(place->frame, 4u);
  EXPECT_EQ(place->signal.number, 11);
}

}  // namespace
}  // namespace inquest::diagnosis
