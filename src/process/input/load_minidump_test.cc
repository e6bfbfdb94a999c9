#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/input/minidump_file.h"
#include "process/input/minidump_import.h"
#include "testing/minidump_builder.h"

namespace inquest::process {
namespace {

using inquest::testing::MinidumpBuilder;
using ::testing::HasSubstr;

constexpr uint64_t kText = 0x7f0000400000, kStack = 0x7ffd00000000;
constexpr uint32_t kProcStatus = 0x47670004, kLsbRelease = 0x47670005, kCommandLine = 0x47670006,
                   kEnvironment = 0x47670007, kAuxv = 0x47670008, kMaps = 0x47670009,
                   kCrashpad = 0x43500001;

const Bytes kBuildId = {0xb4, 0x41, 0x59, 0x00, 1,  2,  3,  4,  5,  6,
                        7,    8,    9,    10,   11, 12, 13, 14, 15, 16};

// One thread, killed by SIGSEGV at 0x10, as Breakpad writes it.
MinidumpBuilder simple_breakpad(uint16_t processor = MinidumpBuilder::kAmd64) {
  MinidumpBuilder builder(processor);
  const MinidumpBuilder::ThreadSpec thread{.tid = 101,
                                           .pc = kText + 0x10,
                                           .sp = kStack + 0x100,
                                           .stack_start = kStack + 0x80,
                                           .stack = Bytes(0x200, 7)};
  builder.add_thread(thread);
  builder.add_module(kText, 0x3000, "/opt/shop/bin/shop",
                     MinidumpBuilder::build_id_record(kBuildId));
  builder.add_text_stream(
      kProcStatus,
      "Name:\tshop-worker\nUmask:\t0022\nTgid:\t100\nPid:\t101\nUid:\t1000\t1000\nGid:\t50\n");
  builder.add_text_stream(kMaps,
                          "7f0000400000-7f0000401000 r--p 00000000 08:01 77  /opt/shop/bin/shop\n"
                          "7f0000401000-7f0000402000 r-xp 00001000 08:01 77  /opt/shop/bin/shop\n"
                          "7f0000402000-7f0000403000 rw-p 00002000 08:01 77  /opt/shop/bin/shop\n"
                          "7ffd00000000-7ffd00001000 rw-p 00000000 00:00 0  [stack]\n");
  builder.set_exception(101, 11, 1, 0x10, thread);
  return builder;
}

MinidumpBuilder simple_crashpad(uint32_t code, uint32_t flags, uint64_t address,
                                const std::vector<uint64_t>& parameters = {}) {
  MinidumpBuilder builder;
  const MinidumpBuilder::ThreadSpec thread{.tid = 101,
                                           .pc = kText + 0x10,
                                           .sp = kStack + 0x100,
                                           .stack_start = kStack + 0x80,
                                           .stack = Bytes(0x80, 7),
                                           .thread_block = 0x7f0000700740};
  builder.add_thread(thread);
  builder.add_module(kText, 0x3000, "/opt/shop/bin/shop",
                     MinidumpBuilder::guid_record(Bytes(kBuildId.begin(), kBuildId.begin() + 16)));
  builder.add_stream(kCrashpad, Bytes(64, 0));
  builder.set_exception(101, code, flags, address, thread, parameters);
  return builder;
}

std::string all_notes(const ProcessImage& image) {
  std::string text;
  for (const Note& note : image.notes) text += note.text + "\n";
  return text;
}

std::string message(const Bytes& bytes) {
  const auto image = load_minidump(bytes, "input");
  return image.ok() ? "it was read" : image.error().message();
}

TEST(LoadMinidump, ReadsThreadSignalAndProcessOfBreakpad) {
  const Bytes file = simple_breakpad().build();
  const auto image = load_minidump(file, "file.dmp");
  ASSERT_TRUE(image.ok()) << image.error().message();
  EXPECT_EQ(image->producer, Producer::kBreakpad);
  EXPECT_EQ(image->pid, 100);
  EXPECT_EQ(image->uid, 1000u);
  EXPECT_EQ(image->gid, 50u);
  EXPECT_EQ(image->command, "shop-worker");
  EXPECT_EQ(image->executable, "/opt/shop/bin/shop");
  ASSERT_EQ(image->threads.size(), 1u);
  EXPECT_EQ(image->threads[0].tid, 101);
  EXPECT_EQ(image->threads[0].name, "shop-worker");
  EXPECT_EQ(image->threads[0].registers.pc(), Address(kText + 0x10));
  EXPECT_EQ(image->threads[0].registers.get(isa::x86::kFsBase), std::nullopt);
  EXPECT_EQ(image->signal.number, 11);
  EXPECT_EQ(image->signal.code, 1);
  EXPECT_EQ(image->signal.address, Address(0x10));
  EXPECT_EQ(image->system, "Linux 6.1.0 #1 SMP x86_64");
  ASSERT_EQ(image->modules.size(), 1u);
  EXPECT_EQ(image->modules[0].identity, BuildId(kBuildId));
  EXPECT_TRUE(image->tells_all_mappings);
  EXPECT_TRUE(image->notes.empty()) << all_notes(*image);
}

TEST(LoadMinidump, SaysOfEachAddressWhyItIsAbsent) {
  const Bytes file = simple_breakpad().build();
  const auto image = load_minidump(file, "file.dmp");
  ASSERT_TRUE(image.ok());
  const MemoryReader& memory = *image->memory;
  EXPECT_EQ(memory.load<uint8_t>(Address(kStack + 0x80)), 7);
  EXPECT_EQ(memory.load<uint8_t>(Address(kStack + 0x27f)), 7);
  EXPECT_EQ(memory.why_missing(Address(kStack + 0x7f)), Missing::kNotDumped);
  EXPECT_EQ(memory.why_missing(Address(kStack + 0x280)), Missing::kNotDumped);
  EXPECT_EQ(memory.why_missing(Address(kText)), Missing::kNotDumped);
  EXPECT_EQ(memory.why_missing(Address(0x10)), Missing::kUnmapped);
  const Mapping* code = image->mapping_at(Address(kText + 0x1800));
  ASSERT_NE(code, nullptr);
  EXPECT_TRUE(code->protection && code->protection->execute && !code->protection->write);
  EXPECT_EQ(code->file_offset, 0x1000u);
}

TEST(LoadMinidump, KnowsOnlyAPartOfTheMappingsOfCrashpad) {
  const Bytes file = simple_crashpad(11, 1, 0x10).build();
  const auto image = load_minidump(file, "file.dmp");
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(image->producer, Producer::kCrashpad);
  EXPECT_FALSE(image->tells_all_mappings);
  EXPECT_EQ(image->memory->why_missing(Address(0x5000)), Missing::kNotTold);
  EXPECT_EQ(image->memory->why_missing(Address(kText)), Missing::kNotDumped);
  const Mapping* module = image->mapping_at(Address(kText));
  ASSERT_NE(module, nullptr);
  EXPECT_EQ(module->path, "/opt/shop/bin/shop");
  EXPECT_FALSE(module->protection.has_value());
  const Mapping* stack = image->mapping_at(Address(kStack + 0x80));
  ASSERT_NE(stack, nullptr);
  EXPECT_TRUE(stack->protection && stack->protection->write);
  EXPECT_THAT(all_notes(*image), HasSubstr("does not tell what was mapped"));
  // The thread pointer, which Breakpad does not write.
  EXPECT_EQ(image->threads[0].registers.get(isa::x86::kFsBase), 0x7f0000700740u);
  EXPECT_EQ(image->modules[0].identity.bytes().size(), 16u);
}

TEST(LoadMinidump, TakesTheRegistersOfTheFaultOverThoseOfTheHandler) {
  MinidumpBuilder builder;
  builder.add_thread({.tid = 7, .pc = 0x1111, .sp = 0x2222});
  builder.set_exception(7, 11, 1, 0, {.pc = 0x3333, .sp = 0x4444});
  const Bytes file = builder.build();
  const auto image = load_minidump(file, "file.dmp");
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(image->threads[0].registers.pc(), Address(0x3333));
  EXPECT_EQ(image->threads[0].registers.sp(), Address(0x4444));
}

TEST(LoadMinidump, KeepsAThreadThatOnlyTheExceptionNames) {
  MinidumpBuilder builder;
  builder.add_thread({.tid = 7, .pc = 0x1111});
  builder.set_exception(8, 6, static_cast<uint32_t>(-6), 0, {.pc = 0x3333});
  const Bytes file = builder.build();
  const auto image = load_minidump(file, "file.dmp");
  ASSERT_TRUE(image.ok());
  ASSERT_EQ(image->threads.size(), 2u);
  EXPECT_EQ(image->crashed_thread, 1u);
  EXPECT_EQ(image->threads[1].registers.pc(), Address(0x3333));
}

TEST(LoadMinidump, ReadsBothLayoutsOfAArch64) {
  for (const uint16_t processor : {MinidumpBuilder::kArm64, MinidumpBuilder::kArm64Old}) {
    MinidumpBuilder builder(processor);
    builder.add_thread({.tid = 5,
                        .pc = 0xaaaa,
                        .sp = 0xbbbb,
                        .fp = 0xcccc,
                        .registers = {{0, 100}, {28, 128}, {30, 130}}});
    const Bytes file = builder.build();
    const auto image = load_minidump(file, "file.dmp");
    ASSERT_TRUE(image.ok()) << image.error().message();
    EXPECT_EQ(image->arch, isa::Arch::kAArch64);
    const isa::RegisterFile& registers = image->threads[0].registers;
    EXPECT_EQ(registers.get(0), 100u);
    EXPECT_EQ(registers.get(28), 128u);
    EXPECT_EQ(registers.fp(), Address(0xcccc));
    EXPECT_EQ(registers.get(isa::a64::kLr), 130u);
    EXPECT_EQ(registers.sp(), Address(0xbbbb));
    EXPECT_EQ(registers.pc(), Address(0xaaaa));
    EXPECT_EQ(image->threads[0].vector_state.size(), 528u) << processor;
  }
}

TEST(LoadMinidump, RegistersThatTheFlagsLeaveOutAreUnknown) {
  MinidumpBuilder builder;
  Bytes context = builder.context({.pc = 1, .sp = 2, .registers = {{0, 3}}});
  context[0x30] = 1;  // control only
  MinidumpBuilder::ThreadSpec thread{.tid = 5, .without_context = true};
  builder.add_thread(thread);
  Bytes file = builder.build();
  EXPECT_THAT(message(file), HasSubstr("it was read"));
  const auto image = load_minidump(file, "file.dmp");
  EXPECT_EQ(image->threads[0].registers.pc(), std::nullopt);
  EXPECT_THAT(all_notes(*image), HasSubstr("does not hold the registers"));
}

TEST(LoadMinidump, TellsWhoSentASignal) {
  struct Case {
    uint32_t number, flags;
    uint64_t address;
    std::optional<int> code;
    std::optional<int32_t> sender;
    std::optional<Address> fault;
  };
  const auto sent = static_cast<uint32_t>(-6);
  const uint64_t by_100 = uint64_t{1000} << 32 | 100;  // si_pid and si_uid lie where si_addr does
  const Case cases[] = {
      {6, sent, by_100, -6, 100, std::nullopt},
      {11, 0, by_100, 0, 100, std::nullopt},                     // kill -SEGV
      {11, 0, 0x10, std::nullopt, std::nullopt, Address(0x10)},  // Breakpad before 2018
      {11, 0x80, 0, 0x80, std::nullopt, std::nullopt},           // SI_KERNEL has no address
      {11, 2, 0x5000, 2, std::nullopt, Address(0x5000)},
      {6, 0, by_100, std::nullopt, 100, std::nullopt},
  };
  for (const Case& each : cases) {
    MinidumpBuilder builder;
    builder.add_thread({.tid = 100, .pc = 1});
    builder.add_text_stream(kProcStatus, "Tgid:\t100\nPid:\t100\nUid:\t1000\n");
    builder.set_exception(100, each.number, each.flags, each.address, {.pc = 1});
    const Bytes file = builder.build();
    const auto image = load_minidump(file, "file.dmp");
    ASSERT_TRUE(image.ok());
    EXPECT_EQ(image->signal.number, static_cast<int>(each.number));
    EXPECT_EQ(image->signal.code, each.code) << each.address;
    EXPECT_EQ(image->signal.sender_pid, each.sender) << each.address;
    EXPECT_EQ(image->signal.address, each.fault) << each.address;
  }
}

TEST(LoadMinidump, ReadsTheSenderOfCrashpadFromItsParameters) {
  const Bytes file = simple_crashpad(6, static_cast<uint32_t>(-6), 0, {42, 1000, 0}).build();
  const auto image = load_minidump(file, "file.dmp");
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(image->signal.sender_pid, 42);
  EXPECT_EQ(image->signal.sender_uid, 1000u);
  EXPECT_EQ(image->signal.address, std::nullopt);
  const Bytes refused = simple_crashpad(31, 1, kText, {157, 0xc000003e}).build();
  const auto system_call = load_minidump(refused, "file.dmp");
  ASSERT_TRUE(system_call.ok());
  EXPECT_EQ(system_call->signal.system_call, 157);
}

TEST(LoadMinidump, ADumpOnRequestIsNoDeath) {
  const Bytes file = simple_crashpad(0xffffffff, 0, 0).build();
  const auto image = load_minidump(file, "file.dmp");
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(image->signal.number, 0);
  EXPECT_THAT(all_notes(*image), HasSubstr("did not die"));
}

TEST(LoadMinidump, NeverReadsTheEnvironment) {
  MinidumpBuilder builder = simple_breakpad();
  builder.add_text_stream(kEnvironment, std::string("TOKEN=hunter2\0", 14));
  builder.add_text_stream(kCommandLine, std::string("shop\0--port\0"
                                                    "80\0",
                                                    15));
  builder.add_text_stream(kLsbRelease, "DISTRIB_ID=Ubuntu\nDISTRIB_DESCRIPTION=\"Ubuntu 24.04\"\n");
  const Bytes file = builder.build();
  const auto image = load_minidump(file, "file.dmp");
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(image->arguments, "shop --port 80");
  EXPECT_THAT(image->system, HasSubstr("Ubuntu 24.04"));
  EXPECT_THAT(image->system + image->arguments + all_notes(*image),
              ::testing::Not(HasSubstr("hunter2")));
}

TEST(LoadMinidump, ReadsNamesOfThreadsAndPaddedLists) {
  MinidumpBuilder builder = simple_breakpad();
  builder.add_thread({.tid = 102, .pc = 5});
  builder.add_thread_name(102, "io");
  builder.align_lists();
  const Bytes file = builder.build();
  const auto image = load_minidump(file, "file.dmp");
  ASSERT_TRUE(image.ok());
  ASSERT_EQ(image->threads.size(), 2u);
  EXPECT_EQ(image->threads[1].tid, 102);
  EXPECT_EQ(image->threads[1].name, "io");
  EXPECT_EQ(image->modules.size(), 1u);
}

TEST(LoadMinidump, ReadsMemoryOfBothListsOnce) {
  MinidumpBuilder builder = simple_crashpad(11, 1, 0);
  builder.add_memory(0x10000, Bytes(0x100, 1));
  builder.add_memory(0x10080, Bytes(0x100, 1));  // overlaps
  builder.add_memory64(0x20000, Bytes(0x1000, 2));
  builder.add_memory64(0x30000, Bytes(0x10, 3));
  const Bytes file = builder.build();
  const auto image = load_minidump(file, "file.dmp");
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(image->memory->load<uint8_t>(Address(0x1017f)), 1);
  EXPECT_EQ(image->memory->view(Address(0x20000), 0x2000).size(), 0x1000u);
  EXPECT_EQ(image->memory->load<uint8_t>(Address(0x3000f)), 3);
}

TEST(LoadMinidump, ReadsAuxvAndFindsTheProgramByIt) {
  MinidumpBuilder builder;
  builder.add_thread({.tid = 5, .pc = 1});
  builder.add_module(0x5000, 0x1000, "/lib/first.so");
  builder.add_module(0x9000, 0x1000, "/bin/prog");
  Bytes auxv(48, 0);
  auxv[0] = 9, auxv[8] = 0x10, auxv[9] = 0x90;  // AT_ENTRY, 0x9010
  auxv[16] = 23, auxv[24] = 1;
  builder.add_stream(kAuxv, auxv);
  const Bytes file = builder.build();
  const auto image = load_minidump(file, "file.dmp");
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(image->auxv.at(9), 0x9010u);
  EXPECT_EQ(image->auxv.at(23), 1u);
  EXPECT_EQ(image->executable, "/bin/prog");
}

TEST(LoadMinidump, ReadsAnnotationsOfProcessAndModules) {
  MinidumpBuilder builder;
  builder.add_thread({.tid = 5, .pc = 1});
  const auto word = [](Bytes& bytes, uint32_t value) {
    for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
  };
  Bytes simple;
  word(simple, 1), word(simple, builder.add_utf8("ver")), word(simple, builder.add_utf8("1.2.3"));
  const uint32_t simple_rva = builder.add_bytes(simple);
  Bytes objects;
  word(objects, 2);
  word(objects, builder.add_utf8("ptype")), word(objects, 1),
      word(objects, builder.add_utf8("gpu"));
  word(objects, builder.add_utf8("blob")), word(objects, 0x8000),
      word(objects, builder.add_utf8("no"));
  const uint32_t objects_rva = builder.add_bytes(objects);
  Bytes module;
  word(module, 1), word(module, 0), word(module, 0), word(module, 0), word(module, 0);
  word(module, static_cast<uint32_t>(objects.size())), word(module, objects_rva);
  const uint32_t module_rva = builder.add_bytes(module);
  Bytes modules;
  word(modules, 1), word(modules, 0);
  word(modules, static_cast<uint32_t>(module.size())), word(modules, module_rva);
  const uint32_t modules_rva = builder.add_bytes(modules);
  Bytes info(36, 0);
  word(info, static_cast<uint32_t>(simple.size())), word(info, simple_rva);
  word(info, static_cast<uint32_t>(modules.size())), word(info, modules_rva);
  builder.add_stream(kCrashpad, info);
  const Bytes file = builder.build();
  const auto image = load_minidump(file, "file.dmp");
  ASSERT_TRUE(image.ok());
  ASSERT_EQ(image->annotations.size(), 2u);
  EXPECT_EQ(image->annotations[0].name + "=" + image->annotations[0].value, "ver=1.2.3");
  EXPECT_EQ(image->annotations[1].name + "=" + image->annotations[1].value, "ptype=gpu");
}

TEST(LoadMinidump, RefusesOtherSystemsAndProcessorsByName) {
  const auto refused = [](uint16_t processor, uint32_t system) {
    return message(MinidumpBuilder(processor, system).build());
  };
  EXPECT_THAT(refused(MinidumpBuilder::kAmd64, MinidumpBuilder::kWindows),
              ::testing::AllOf(HasSubstr("Windows (x86_64)"), HasSubstr("WinDbg")));
  EXPECT_THAT(refused(MinidumpBuilder::kArm64, MinidumpBuilder::kMac), HasSubstr("macOS"));
  EXPECT_THAT(refused(MinidumpBuilder::kX86, MinidumpBuilder::kLinux),
              ::testing::AllOf(HasSubstr("x86 (32-bit)"), HasSubstr("minidump-stackwalk")));
  EXPECT_THAT(refused(MinidumpBuilder::kArm, MinidumpBuilder::kAndroid), HasSubstr("ARM (32-bit)"));
  EXPECT_THAT(refused(0x4711, MinidumpBuilder::kLinux), HasSubstr("0x4711"));
  EXPECT_THAT(refused(MinidumpBuilder::kAmd64, MinidumpBuilder::kLinux), HasSubstr("no thread"));
}

TEST(LoadMinidump, SurvivesEveryTruncation) {
  MinidumpBuilder builder = simple_breakpad();
  builder.add_memory(kStack, Bytes(64, 9));
  const Bytes file = builder.build();
  ASSERT_TRUE(load_minidump(file, "whole").ok());
  for (size_t size = 0; size < file.size(); ++size) {
    const Bytes cut(file.begin(), file.begin() + static_cast<ptrdiff_t>(size));
    const auto image = load_minidump(cut, "cut");
    // The directory comes last here, so that only its end can be missing.
    if (image.ok()) {
      EXPECT_THAT(all_notes(*image), HasSubstr("cut short")) << size;
    } else {
      EXPECT_FALSE(image.error().message().empty());
    }
  }
}

TEST(LoadMinidump, SurvivesHostileCountsAndPlaces) {
  const Bytes whole = simple_crashpad(11, 1, 0).build();
  // Every word in turn is made as large as can be, and then as awkward.
  for (size_t at = 8; at + 4 <= whole.size(); at += 4) {
    for (const uint8_t byte : Bytes{0xff, 0x7f, 0x00}) {
      Bytes file = whole;
      std::fill_n(file.begin() + static_cast<ptrdiff_t>(at), 4, byte);
      const auto image = load_minidump(file, "hostile");
      if (!image.ok()) continue;
      for (const Mapping& mapping : image->mappings) {
        ASSERT_LT(mapping.range.start, mapping.range.end);
        const ByteView bytes = image->memory->view(mapping.range.start, 64);
        ASSERT_EQ(bytes.empty(), image->memory->why_missing(mapping.range.start) != Missing::kNone);
      }
    }
  }
}

TEST(LoadMinidump, SaysWhatIsWrongWithTheHeader) {
  Bytes file = simple_breakpad().build();
  EXPECT_THAT(message(Bytes(file.begin(), file.begin() + 20)), HasSubstr("cut off"));
  Bytes version = file;
  version[4] = 0x94;
  EXPECT_THAT(message(version), HasSubstr("version 0xa794"));
  Bytes empty = file;
  std::fill_n(empty.begin() + 8, 4, uint8_t{0});
  EXPECT_THAT(message(empty), HasSubstr("no streams"));
  Bytes many = file;
  std::fill_n(many.begin() + 8, 4, uint8_t{0xff});
  EXPECT_THAT(message(many), HasSubstr("4294967295 streams"));
}

TEST(MinidumpText, TurnsUtf16IntoUtf8) {
  EXPECT_EQ(utf8_of_utf16(Bytes{'a', 0, 0xe9, 0, 0x3d, 0xd8, 0x00, 0xde, 'z', 0}), "aé😀z");
  EXPECT_EQ(utf8_of_utf16(Bytes{0x3d, 0xd8, 'b', 0}),
            "\xef\xbf\xbd"
            "b");
  EXPECT_EQ(utf8_of_utf16(Bytes{'a', 0, 0, 0, 'b', 0}), "a");
  EXPECT_EQ(utf8_of_utf16(Bytes{'a', 0, 'b'}), "a");
}

}  // namespace
}  // namespace inquest::process
