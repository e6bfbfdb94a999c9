#include "process/runtime/cpython/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace inquest::process::cpython {
namespace {

using testing::HasSubstr;

// The words of _Py_DebugOffsets of CPython 3.13.0 on x86-64, after the cookie.
Bytes described(uint64_t version, uint64_t is_free_threaded) {
  const std::vector<uint64_t> words = {version, is_free_threaded,
                                       283320,  608,
                                       632,     194968,
                                       7272,    7264,
                                       7344,    7400,
                                       7656,    7640,
                                       7648,    16,
                                       7752,    0,
                                       7768,    7760,
                                       304,     0,
                                       8,       16,
                                       72,      152,
                                       160,     232,
                                       32,      80,
                                       8,       0,
                                       56,      72,
                                       70,      208,
                                       112,     120,
                                       128,     136,
                                       68,      52,
                                       96,      104,
                                       200,     16,
                                       8,       416,
                                       24,      88,
                                       168,     32,
                                       24,      16,
                                       40,      24,
                                       16,      48,
                                       32,      40,
                                       24,      16,
                                       32,      16,
                                       24,      40,
                                       16,      32,
                                       64,      32,
                                       16,      40,
                                       240,     200};
  Bytes bytes(kDebugCookie.begin(), kDebugCookie.end());
  for (const uint64_t word : words) {
    for (unsigned i = 0; i < 8; ++i) bytes.push_back(static_cast<uint8_t>(word >> (8 * i)));
  }
  return bytes;
}

TEST(DebugOffsets, Of3_13AreThoseOfItsHeaders) {
  const auto read = read_debug_offsets(described(0x030d00f0, 0));
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(to_string(read->version), "3.13.0");
  const Layout& layout = read->layout;
  EXPECT_EQ(layout.runtime_interpreters, 632u);
  EXPECT_EQ(layout.interpreter_threads, 7344u);
  EXPECT_EQ(layout.interpreter_next, 7264u);
  EXPECT_EQ(layout.interpreter_collecting, 7600u);
  EXPECT_EQ(layout.interpreter_lock, 16u);
  EXPECT_EQ(layout.lock_holder, 8u);
  EXPECT_EQ(layout.lock_is_locked, 16u);
  EXPECT_EQ(layout.thread_frame, 72u);
  EXPECT_EQ(layout.thread_pthread, 152u);
  EXPECT_EQ(layout.thread_native, 160u);
  EXPECT_EQ(layout.frame_code, 0u);
  EXPECT_EQ(layout.frame_owner, 70u);
  EXPECT_EQ(layout.code_qualified_name, 128u);
  EXPECT_EQ(layout.code_instructions, 200u);
  EXPECT_EQ(layout.interpreter_modules, 7656u);
  EXPECT_EQ(layout.frame_values, 72u);
  EXPECT_EQ(layout.frame_stack_size, 64u);
  EXPECT_EQ(layout.code_arguments, 52u);
  EXPECT_EQ(layout.code_all_names, 96u);
  EXPECT_EQ(layout.code_all_kinds, 104u);
  EXPECT_EQ(layout.code_flags, 48u);
  EXPECT_EQ(layout.ascii_size, 40u);
  EXPECT_EQ(layout.compact_size, 56u);
}

// Where the groups of 3.14 stand, each size and offset told apart; the numbers are made up, except
// those that no version changes.
TEST(DebugOffsets, OfTheGroupsOf3_14AreReadEachInItsPlace) {
  std::vector<uint64_t> words = {0x030e00f0, 0};
  const auto group = [&](std::initializer_list<uint64_t> more) {
    words.insert(words.end(), more.begin(), more.end());
  };
  group({90000, 8, 16});  // runtime
  group({9000, 1, 24, 32, 33, 40, 48, 49, 50, 56, 64, 65, 72, 80, 90, 91});
  group({400, 8, 16, 24, 72, 152, 160, 232, 32});  // thread
  group({88, 8, 0, 56, 80, 74, 64, 76});           // frame
  group({216, 112, 120, 128, 136, 68, 52, 96, 104, 208, 144});
  group({16, 8});             // object
  group({416, 24, 88, 168});  // type
  group({40, 32, 16});        // tuple
  group({40, 24, 16});        // list
  group({200, 24, 40, 32});   // set
  group({48, 32, 40});        // dict
  group({24, 16});            // float
  group({32, 16, 24});        // int
  group({40, 16, 32});        // bytes
  group({64, 32, 16, 40});    // text
  group({240, 200});          // collector
  group({152, 24, 72, 67});   // generator
  Bytes bytes(kDebugCookie.begin(), kDebugCookie.end());
  for (const uint64_t word : words) {
    for (unsigned i = 0; i < 8; ++i) bytes.push_back(static_cast<uint8_t>(word >> (8 * i)));
  }
  const auto read = read_debug_offsets(bytes);
  ASSERT_TRUE(read.ok()) << read.error().message();
  const Layout& layout = read->layout;
  EXPECT_EQ(layout.interpreter_collecting, 240u);
  EXPECT_EQ(layout.interpreter_modules, 48u);
  EXPECT_EQ(layout.tuple_items, 32u);
  EXPECT_EQ(layout.frame_values, 80u);
  EXPECT_EQ(layout.frame_stack_end, 64u);
  EXPECT_FALSE(layout.frame_stack_size.has_value());
  EXPECT_EQ(layout.code_flags, 48u);
  EXPECT_EQ(layout.generator_inner_frame, 72u);
  EXPECT_EQ(layout.generator_state, 67u);
}

TEST(DebugOffsets, WhatIsNotReadIsSaid) {
  const auto later = read_debug_offsets(described(0x030f00f0, 0));
  EXPECT_EQ(later.error().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(later.error().message(), HasSubstr("CPython 3.15.0 is not known"));
  const auto free_threaded = read_debug_offsets(described(0x030d00f0, 1));
  EXPECT_EQ(free_threaded.error().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(free_threaded.error().message(), HasSubstr("free-threaded"));
  // The words of 3.13 are not those of 3.14.
  EXPECT_EQ(read_debug_offsets(described(0x030e00f0, 0)).error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(read_debug_offsets({}).error().code(), ErrorCode::kNotFound);
}

TEST(DebugOffsets, EveryWordThatIsChangedIsReadAsSomethingOrRefused) {
  const Bytes sound = described(0x030d00f0, 0);
  for (size_t at = 24; at + 8 <= sound.size(); at += 8) {
    Bytes changed = sound;
    for (size_t i = 0; i < 8; ++i) changed[at + i] = 0xff;
    static_cast<void>(read_debug_offsets(changed).ok());
    static_cast<void>(read_debug_offsets(ByteView(sound).first(at)).ok());
  }
  Bytes broken = sound;
  broken[24 + 7] = 0x80;  // the size of _PyRuntimeState
  EXPECT_EQ(read_debug_offsets(broken).error().code(), ErrorCode::kCorrupt);
}

TEST(Layouts, AreThereFor3_6To3_12) {
  EXPECT_FALSE(layout_of({3, 5, {}}).has_value());
  for (uint32_t minor = 6; minor <= 12; ++minor)
    EXPECT_TRUE(layout_of({3, minor, {}}).has_value()) << minor;
  EXPECT_FALSE(layout_of({3, 13, {}}).has_value());  // it describes itself
  EXPECT_FALSE(layout_of({4, 8, {}}).has_value());
}

TEST(Versions, OfHexAndOfNames) {
  EXPECT_EQ(to_string(*version_of_hex(0x030b02f0)), "3.11.2");
  EXPECT_FALSE(version_of_hex(0x020712f0).has_value());
  EXPECT_FALSE(version_of_hex(0).has_value());
  EXPECT_EQ(to_string(*version_of_name("libpython3.6m.so.1.0")), "3.6");
  EXPECT_EQ(to_string(*version_of_name("python3.12")), "3.12");
  EXPECT_FALSE(version_of_name("python3").has_value());
  EXPECT_FALSE(version_of_name("libpython2.7.so.1.0").has_value());
  EXPECT_FALSE(version_of_name("node").has_value());
}

}  // namespace
}  // namespace inquest::process::cpython
