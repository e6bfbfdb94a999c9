// What the writer writes, the importer reads.
#include "capture/record/core_writer.h"

#include <gtest/gtest.h>

#include "platform/codec/codec.h"
#include "process/input/load.h"

namespace inquest::capture {
namespace {

using process::Missing;

constexpr uint64_t kStack = 0x7ffc00000000, kHeap = 0x7f0000000000;

struct Example {
  Circumstances circumstances;
  std::vector<ThreadState> threads;
  std::vector<LiveMapping> mappings;
  PageStore pages;
};

Example example() {
  Example result;
  result.circumstances.maps =
      "7f0000000000-7f0000004000 rw-p 00000000 00:00 0 \n"
      "7ffc00000000-7ffc00002000 rw-p 00000000 00:00 0                          [stack]\n";
  result.mappings = parse_maps(result.circumstances.maps);
  result.circumstances.status.name = "shop";
  result.circumstances.status.thread_group = 71;
  result.circumstances.command_line = std::string("shop\0--token=abc\0", 17);
  for (const int tid : {72, 71}) {
    ThreadState thread;
    thread.tid = tid;
    thread.name = tid == 71 ? "main" : "worker";
    thread.stopped = true;
    thread.registers.assign(272, static_cast<uint8_t>(tid));
    result.threads.push_back(std::move(thread));
  }
  result.threads.front().siginfo.assign(128, 0);
  result.threads.front().siginfo[0] = 11;
  result.pages.add(Address(kStack), Bytes(kPage, 1));
  result.pages.add(Address(kHeap + kPage), Bytes(kPage, 2));
  result.pages.add(Address(kHeap + 2 * kPage), Bytes(kPage, 3));
  return result;
}

Bytes core_of_example(const Example& from) {
  const std::string json = circumstances_json({.circumstances = from.circumstances,
                                               .threads = from.threads,
                                               .fidelity = Fidelity::kSlim,
                                               .left_out = {{"a leg", "it was late"}},
                                               .signal = 11,
                                               .how = "ptrace",
                                               .last_words = "one\ntwo\n",
                                               .annotations = {{"version", "1.4"}},
                                               .timings_us = {},
                                               .builds = {},
                                               .captured_at = "2026-01-01T00:00:00.000Z"});
  return core_of(core_notes(from.circumstances, from.threads, 11, from.mappings, json), from.pages,
                 from.mappings);
}

TEST(CoreWriter, WhatWasNotKeptIsNotZero) {
  const Bytes core = core_of_example(example());
  const auto image = process::load_core(core, "test");
  ASSERT_TRUE(image.ok()) << image.error().message();
  EXPECT_EQ(image->producer, process::Producer::kInquest);
  const process::MemoryReader& memory = *image->memory;
  EXPECT_EQ(memory.load<uint8_t>(Address(kStack)), 1);
  EXPECT_EQ(memory.load<uint8_t>(Address(kHeap + kPage)), 2);
  EXPECT_EQ(memory.view(Address(kHeap + kPage), UINT64_MAX).size(), 2 * kPage);
  EXPECT_EQ(memory.why_missing(Address(kHeap)), Missing::kNotKept);
  EXPECT_EQ(memory.why_missing(Address(kHeap + 3 * kPage)), Missing::kNotKept);
  EXPECT_EQ(memory.why_missing(Address(kStack + kPage)), Missing::kNotKept);
  EXPECT_EQ(memory.why_missing(Address(kHeap + 4 * kPage)), Missing::kUnmapped);
  EXPECT_TRUE(memory.view(Address(kHeap), 8).empty());
  ASSERT_EQ(image->mappings.size(), 2u);
  EXPECT_EQ(image->mappings[0].dumped, 0u);  // its start was not kept
  EXPECT_EQ(image->mappings[1].dumped, kPage);
}

TEST(CoreWriter, CircumstancesComeBack) {
  const auto image = process::load_core(core_of_example(example()), "test");
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(image->pid, 71);
  EXPECT_EQ(image->command, "shop");
  EXPECT_EQ(image->signal.number, 11);
  ASSERT_EQ(image->threads.size(), 2u);
  EXPECT_EQ(image->crashed_thread, 0u);
  EXPECT_EQ(image->threads[0].name, "worker");
  EXPECT_EQ(image->fidelity, "slim");
  ASSERT_EQ(image->annotations.size(), 1u);
  EXPECT_EQ(image->annotations[0].value, "1.4");
  std::string told;
  for (const auto& fact : image->circumstances) told += fact.name + "=" + fact.value + ";";
  EXPECT_NE(told.find("command line=shop --token=[scrubbed];"), std::string::npos) << told;
  EXPECT_NE(told.find("last lines of stderr=one\ntwo;"), std::string::npos) << told;
  std::string notes;
  for (const auto& note : image->notes) notes += note.text + ";";
  EXPECT_NE(notes.find("not in the record: a leg: it was late"), std::string::npos) << notes;
}

TEST(CoreWriter, MemoryOutsideTheListedMappingsIsThereAllTheSame) {
  Example from = example();
  from.circumstances.maps = from.circumstances.maps.substr(from.circumstances.maps.find('\n') + 1);
  const Bytes core = core_of_example(from);
  const auto image = process::load_core(core, "test");
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(image->memory->load<uint8_t>(Address(kHeap + kPage)), 2);
  EXPECT_EQ(image->memory->why_missing(Address(kHeap)), Missing::kUnmapped);
}

TEST(CoreWriter, ANoteThatIsNoJsonIsCounted) {
  const Example from = example();
  const Bytes core =
      core_of(core_notes(from.circumstances, from.threads, 11, from.mappings, "{\"version\": "),
              from.pages, from.mappings);
  const auto image = process::load_core(core, "test");
  ASSERT_TRUE(image.ok());
  std::string notes;
  for (const auto& note : image->notes) notes += note.text + ";";
  EXPECT_NE(notes.find("could not be read"), std::string::npos) << notes;
}

TEST(CoreWriter, MoreSegmentsThanTheHeaderCanCount) {
  Example from = example();
  constexpr uint64_t kCount = 70'000;
  from.mappings.clear();
  LiveMapping mapping;
  mapping.range = {Address(kHeap), Address(kHeap + 2 * kCount * kPage)};
  mapping.read = true;
  from.mappings.push_back(mapping);
  std::vector<CoreRange> ranges;
  for (uint64_t i = 0; i < kCount; ++i) {
    const Address start(kHeap + 2 * i * kPage);
    ranges.push_back({{start, start + kPage}, true, false, false});
  }
  from.circumstances.maps = "7f0000000000-7f0100000000 rw-p 00000000 00:00 0 \n";
  Bytes core = core_head(core_notes(from.circumstances, from.threads, 11, {}, "{}"), ranges);
  const size_t head = core.size();
  core.resize(head + kCount * kPage);
  core.back() = 9;
  const auto image = process::load_core(core, "test");
  ASSERT_TRUE(image.ok()) << image.error().message();
  EXPECT_EQ(image->memory->load<uint8_t>(Address(kHeap + (2 * kCount - 1) * kPage - 1)), 9);
}

TEST(CoreWriter, CompressesToWhatTheReaderUnpacks) {
  const Bytes core = core_of_example(example());
  const auto packed = compress_record(core);
  ASSERT_TRUE(packed.ok());
  EXPECT_LT(packed->size(), core.size() / 4);
  const auto unpacked = codec::decompress(codec::Codec::kZstd, *packed, core.size());
  ASSERT_TRUE(unpacked.ok());
  EXPECT_EQ(*unpacked, core);
}

}  // namespace
}  // namespace inquest::capture
