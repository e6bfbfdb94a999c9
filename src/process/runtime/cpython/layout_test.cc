#include "process/runtime/cpython/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "process/runtime/cpython/described_test_util.h"

namespace inquest::process::cpython {
namespace {

using testing::HasSubstr;

Bytes said_to_be(std::vector<uint64_t> words, uint64_t version, uint64_t is_free_threaded) {
  words[0] = version;
  words[1] = is_free_threaded;
  return bytes_of_words(words, kDebugCookie);
}

TEST(DebugOffsets, Of3_13AreThoseOfItsHeaders) {
  const auto read = read_debug_offsets(described(13));
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

TEST(DebugOffsets, Of3_14And3_15AreThoseOfTheirHeaders) {
  for (const uint32_t minor : {14u, 15u}) {
    const auto read = read_debug_offsets(described(minor));
    ASSERT_TRUE(read.ok()) << read.error().message();
    const Layout& layout = read->layout;
    const bool is_15 = minor == 15;
    EXPECT_EQ(to_string(read->version), is_15 ? "3.15.2" : "3.14.10");
    EXPECT_EQ(layout.interpreter_size, is_15 ? 226240u : 225864u);
    EXPECT_EQ(layout.interpreter_collecting, is_15 ? 7512u : 7600u);
    EXPECT_EQ(layout.interpreter_modules, is_15 ? 7592u : 7688u);
    EXPECT_EQ(layout.lock_holder, 8u);
    EXPECT_EQ(layout.lock_is_locked, 16u);
    EXPECT_EQ(layout.thread_pthread, is_15 ? 176u : 152u);
    EXPECT_EQ(layout.thread_native, is_15 ? 184u : 160u);
    EXPECT_EQ(layout.thread_exception_value, is_15 ? 136u : 112u);
    EXPECT_EQ(layout.frame_owner, 74u);
    EXPECT_EQ(layout.frame_values, 80u);
    EXPECT_EQ(layout.frame_stack_end, 64u);
    EXPECT_FALSE(layout.frame_stack_size.has_value());
    EXPECT_EQ(layout.code_flags, 48u);
    EXPECT_EQ(layout.code_instructions, 208u);
    EXPECT_EQ(layout.tuple_items, 32u);
    EXPECT_EQ(layout.ascii_size, 40u);
    EXPECT_EQ(layout.generator_inner_frame, 72u);
    EXPECT_EQ(layout.generator_state, 67u);
    EXPECT_EQ(layout.heap_type_keys, is_15 ? 888u : 880u);
  }
}

TEST(DebugOffsets, WhatIsNotToldIsOnlyUsedWhereItsNeighboursAreKnown) {
  std::vector<uint64_t> words = described_words(14);
  words[26] = 168;  // where a thread keeps its own number
  const auto read = read_debug_offsets(bytes_of_words(words, kDebugCookie));
  ASSERT_TRUE(read.ok());
  EXPECT_FALSE(read->layout.thread_exception_value.has_value());
}

TEST(TaskLists, AreThoseThatAsyncioDescribes) {
  const TaskLists lists = *task_lists_of_fake(14);
  EXPECT_EQ(lists.task.size, 168u);
  EXPECT_EQ(lists.task.state, 104u);
  EXPECT_EQ(lists.task.waiter, 120u);
  EXPECT_EQ(lists.task.coroutine, 128u);
  EXPECT_EQ(lists.task.name, 136u);
  EXPECT_EQ(lists.node, 152u);
  EXPECT_EQ(lists.interpreter_head, 10880u);
  EXPECT_EQ(lists.thread_head, 880u);
  EXPECT_EQ(task_lists_of_fake(15)->thread_head, 1048u);
}

TEST(TaskLists, WordsThatCannotBeThatAreRefused) {
  const Layout layout = layout_of_fake(14);
  for (size_t i = 0; i < asyncio_words(14).size(); ++i) {
    std::vector<uint64_t> words = asyncio_words(14);
    words[i] = UINT64_MAX - 7;
    EXPECT_FALSE(read_task_lists(bytes_of_words(words), layout).has_value()) << i;
    words.resize(i);
    EXPECT_FALSE(read_task_lists(bytes_of_words(words), layout).has_value()) << i;
  }
  // Another interpreter's.
  EXPECT_FALSE(read_task_lists(bytes_of_words(asyncio_words(15)), layout).has_value());
}

TEST(DebugOffsets, WhatIsNotReadIsSaid) {
  const auto later = read_debug_offsets(said_to_be(described_words(15), 0x031000a1, 0));
  EXPECT_EQ(later.error().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(later.error().message(), HasSubstr("CPython 3.16.0 is not known"));
  const auto free_threaded = read_debug_offsets(said_to_be(described_words(13), 0x030d00f0, 1));
  EXPECT_EQ(free_threaded.error().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(free_threaded.error().message(), HasSubstr("free-threaded"));
  // The words of 3.13 are not those of 3.14.
  EXPECT_EQ(read_debug_offsets(said_to_be(described_words(13), 0x030e00f0, 0)).error().code(),
            ErrorCode::kCorrupt);
  EXPECT_EQ(read_debug_offsets({}).error().code(), ErrorCode::kNotFound);
}

TEST(DebugOffsets, EveryWordThatIsChangedIsReadAsSomethingOrRefused) {
  const Bytes sound = described(13);
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
