#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/input/load.h"
#include "testing/core_builder.h"
#include "testing/elf_builder.h"

namespace inquest::process {
namespace {

using inquest::testing::append;
using inquest::testing::CoreBuilder;
using ::testing::HasSubstr;

constexpr uint64_t kText = 0x400000, kStack = 0x7ffd00000000;

// One thread, killed by SIGSEGV at 0x10.
CoreBuilder simple_core() {
  CoreBuilder builder;
  builder.add_thread({.tid = 100, .pc = kText + 0x10, .sp = kStack + 0x100, .current_signal = 11});
  builder.add_process(100, "prog", "prog --flag ");
  builder.add_siginfo(11, 1, 0x10);
  return builder;
}

Result<ProcessImage> image_of(const Bytes& core) { return load_core(core, "core"); }

std::string all_notes(const ProcessImage& image) {
  std::string text;
  for (const Note& note : image.notes) text += note.text + " | " + note.advice + "\n";
  return text;
}

TEST(LoadCore, ReadsThreadSignalAndProcess) {
  const Bytes core = simple_core().build();
  const auto image = image_of(core);
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(image->producer, Producer::kKernel);
  EXPECT_EQ(image->pid, 100);
  EXPECT_EQ(image->uid, 1000u);
  EXPECT_EQ(image->command, "prog");
  EXPECT_EQ(image->arguments, "prog --flag");
  ASSERT_EQ(image->threads.size(), 1u);
  EXPECT_EQ(image->threads[0].registers.pc(), Address(kText + 0x10));
  EXPECT_EQ(image->threads[0].registers.sp(), Address(kStack + 0x100));
  EXPECT_EQ(image->signal.number, 11);
  EXPECT_EQ(image->signal.code, 1);
  EXPECT_EQ(image->signal.address, Address(0x10));
}

TEST(LoadCore, ReadsEveryRegisterOfX86) {
  CoreBuilder builder;
  CoreBuilder::ThreadSpec thread;
  for (size_t i = 0; i < 27; ++i) thread.registers[i] = 1000 + i;
  builder.add_thread(thread);
  const Bytes core = builder.build();
  const auto image = image_of(core);
  const isa::RegisterFile& registers = image->threads[0].registers;
  namespace x86 = isa::x86;
  const std::pair<isa::RegisterId, uint64_t> expected[] = {
      {x86::kR15, 0},     {x86::kR12, 3},  {x86::kRbp, 4},      {x86::kRbx, 5},
      {x86::kR8, 9},      {x86::kRax, 10}, {x86::kRcx, 11},     {x86::kRdx, 12},
      {x86::kRsi, 13},    {x86::kRdi, 14}, {x86::kOrigRax, 15}, {x86::kRip, 16},
      {x86::kEflags, 18}, {x86::kRsp, 19}, {x86::kFsBase, 21},  {x86::kGsBase, 22}};
  for (const auto& [id, index] : expected) EXPECT_EQ(registers.get(id), 1000 + index) << id;
}

TEST(LoadCore, ReadsAArch64WithItsThreadPointer) {
  CoreBuilder builder(CoreBuilder::kAArch64);
  CoreBuilder::ThreadSpec thread;
  for (size_t i = 0; i < 34; ++i) thread.registers[i] = 2000 + i;
  builder.add_thread(thread);
  Bytes tls;
  append(tls, uint64_t{0x7f00});
  builder.add_note("LINUX", 0x401, tls);
  const Bytes core = builder.build();
  const auto image = image_of(core);
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(image->arch, isa::Arch::kAArch64);
  const isa::RegisterFile& registers = image->threads[0].registers;
  for (isa::RegisterId id = 0; id < 34; ++id) EXPECT_EQ(registers.get(id), 2000u + id) << id;
  EXPECT_EQ(registers.get(isa::a64::kTpidr), 0x7f00u);
  EXPECT_FALSE(registers.get(isa::a64::kRaSignState));
}

TEST(LoadCore, TakesNoAddressFromASignalTheKernelDidNotAddress) {
  struct Case {
    int32_t number, code;
    bool address, sender;
  };
  for (const Case& c :
       {Case{11, 1, true, false}, Case{11, 128, false, false}, Case{11, 0, false, true},
        Case{6, -6, false, true}, Case{11, -1, false, true}, Case{7, 2, true, false},
        Case{8, 1, true, false}, Case{10, 1, false, false}}) {
    CoreBuilder builder;
    builder.add_thread({.current_signal = static_cast<int16_t>(c.number)});
    builder.add_siginfo(c.number, c.code, 0x0000000300000007);
    const Bytes core = builder.build();
    const auto image = image_of(core);
    EXPECT_EQ(image->signal.address.has_value(), c.address) << c.number << " " << c.code;
    EXPECT_EQ(image->signal.sender_pid.has_value(), c.sender) << c.number << " " << c.code;
    if (c.sender) {
      EXPECT_EQ(image->signal.sender_pid, 7);
      EXPECT_EQ(image->signal.sender_uid, 3u);
    }
  }
}

TEST(LoadCore, ReadsTheForbiddenSystemCall) {
  CoreBuilder builder;
  builder.add_thread({.current_signal = 31});
  builder.add_siginfo(31, 1, kText, 59);
  const Bytes core = builder.build();
  EXPECT_EQ(image_of(core)->signal.system_call, 59);
}

TEST(LoadCore, PrefersTheThreadWithTheSignalsDetails) {
  CoreBuilder builder;
  builder.add_thread({.tid = 1, .current_signal = 11});
  builder.add_thread({.tid = 2, .current_signal = 11});
  builder.add_siginfo(11, 1, 0x99);
  const Bytes core = builder.build();
  const auto image = image_of(core);
  EXPECT_EQ(image->crashed_thread, 1u);
  EXPECT_EQ(image->signal.address, Address(0x99));
}

TEST(LoadCore, OfALiveProcessHasNoSignal) {
  CoreBuilder builder;
  builder.add_thread({.tid = 1});
  builder.add_siginfo(19, 128);  // gdb stopped it
  const Bytes core = builder.build();
  const auto image = image_of(core);
  EXPECT_EQ(image->signal.number, 0);
  EXPECT_FALSE(image->signal.code);
}

TEST(LoadCore, CrossesSegmentsWithMappedFiles) {
  CoreBuilder builder = simple_core();
  builder.add_memory(0x400000, 0x1000, 4, Bytes(0x1000, 1));
  builder.add_memory(0x401000, 0x2000, 5);                    // text, not dumped
  builder.add_memory(0x500000, 0x3000, 6, Bytes(0x3000, 3));  // file pages, then bss
  builder.add_file(0x400000, 0x401000, 0, "/bin/prog");
  builder.add_file(0x401000, 0x403000, 0x1000, "/bin/prog");
  builder.add_file(0x500000, 0x501000, 0x3000, "/bin/prog");
  builder.add_file(0x600000, 0x601000, 0x8000, "/lib/left-out.so");  // no segment: gcore does so
  const Bytes core = builder.build();
  const auto image = image_of(core);
  ASSERT_EQ(image->mappings.size(), 5u);
  const auto& m = image->mappings;
  EXPECT_EQ(m[0].path, "/bin/prog");
  EXPECT_EQ(m[0].dumped, 0x1000u);
  EXPECT_EQ(m[1].file_offset, 0x1000u);
  EXPECT_EQ(m[1].dumped, 0u);
  EXPECT_TRUE(m[1].protection->execute);
  EXPECT_EQ(m[2].range, (AddressRange{Address(0x500000), Address(0x501000)}));
  EXPECT_EQ(m[2].file_offset, 0x3000u);
  EXPECT_EQ(m[3].path, "");
  EXPECT_EQ(m[3].dumped, 0x2000u);
  EXPECT_EQ(m[4].path, "/lib/left-out.so");
  EXPECT_FALSE(m[4].protection);

  EXPECT_EQ(image->memory->why_missing(Address(0x401000)), Missing::kNotDumped);
  EXPECT_EQ(image->memory->why_missing(Address(0x600000)), Missing::kNotDumped);
  EXPECT_EQ(image->memory->why_missing(Address(0x404000)), Missing::kUnmapped);
  EXPECT_EQ(image->memory->load<uint8_t>(Address(0x502fff)), 3);
  EXPECT_FALSE(image->memory->load<uint16_t>(Address(0x502fff)));
}

TEST(LoadCore, ReadsMemoryAcrossNeighbouringMappings) {
  CoreBuilder builder = simple_core();
  builder.add_memory(0x1000, 0x1000, 6, Bytes(0x1000, 0x11));
  builder.add_memory(0x2000, 0x1000, 6, Bytes(0x1000, 0x22));
  const Bytes core = builder.build();
  const auto image = image_of(core);
  EXPECT_EQ(image->memory->load<uint32_t>(Address(0x1ffe)), 0x22221111u);
}

TEST(LoadCore, SaysWhatATruncatedCoreLost) {
  CoreBuilder builder = simple_core();
  builder.add_auxv({{25, kStack + 0x800}});
  builder.add_memory(0x1000, 0x1000, 6, Bytes(0x1000, 1));
  builder.add_memory(kStack, 0x1000, 6, Bytes(0x1000, 2));
  Bytes core = builder.build();
  core.resize(core.size() - 0x800);
  const auto image = image_of(core);
  ASSERT_EQ(image->mappings[1].path, "[stack]");
  EXPECT_TRUE(image->mappings[1].truncated);
  EXPECT_FALSE(image->mappings[0].truncated);
  EXPECT_EQ(image->memory->why_missing(Address(kStack + 0x800)), Missing::kTruncated);
  EXPECT_EQ(image->memory->load<uint8_t>(Address(kStack + 0x7ff)), 2);
  EXPECT_THAT(all_notes(*image), HasSubstr("2048 bytes are lost"));
  EXPECT_THAT(all_notes(*image), HasSubstr("[stack]"));
  EXPECT_THAT(all_notes(*image), HasSubstr("ulimit -c unlimited"));
}

TEST(LoadCore, SaysWhenWritableMemoryWasLeftOut) {
  CoreBuilder builder = simple_core();
  builder.add_memory(0x1000, 0x4000, 6);
  const Bytes core = builder.build();
  EXPECT_THAT(all_notes(*image_of(core)), HasSubstr("coredump_filter"));
}

TEST(LoadCore, NamesTheProgramByItsProgramHeaders) {
  CoreBuilder builder = simple_core();
  builder.add_auxv({{3, kText + 64}, {9, kText + 0x10}});
  builder.add_memory(kText, 0x1000, 5);
  builder.add_file(kText, kText + 0x1000, 0, "/opt/app/prog");
  const Bytes core = builder.build();
  EXPECT_EQ(image_of(core)->executable, "/opt/app/prog");
}

TEST(LoadCore, KnowsACoreOfQemuUserAndItsProgram) {
  CoreBuilder builder(CoreBuilder::kAArch64);
  builder.omit_files();
  builder.add_thread({.tid = 7, .pc = 0x5500000100, .current_signal = 11});
  builder.add_process(7, "prog");
  builder.add_auxv({{31, kStack + 8}});
  Bytes stack(0x1000);
  const std::string name = "./prog";
  std::copy(name.begin(), name.end(), stack.begin() + 8);
  builder.add_memory(kStack, 0x1000, 6, stack);
  const Bytes core = builder.build();
  const auto image = image_of(core);
  EXPECT_EQ(image->producer, Producer::kQemuUser);
  EXPECT_EQ(image->executable, "./prog");
  EXPECT_EQ(image->signal.number, 11);
  EXPECT_FALSE(image->signal.code) << "not recorded";
}

TEST(LoadCore, SaysThatAnEmulatorsCoreIsNotThePrograms) {
  CoreBuilder builder;
  builder.add_thread({.current_signal = 11});
  builder.add_siginfo(11, 0, 5);
  builder.add_process(5, "qemu-aarch64");
  const Bytes core = builder.build();
  EXPECT_THAT(all_notes(*image_of(core)), HasSubstr("emulator"));
}

TEST(LoadCore, NamesVdsoVvarAndHeap) {
  CoreBuilder builder = simple_core();
  builder.add_auxv({{3, kText + 64}, {33, 0x7ffff7fc0000}});
  builder.add_memory(kText, 0x1000, 4, Bytes(0x1000, 1));
  builder.add_memory(kText + 0x1000, 0x1000, 6, Bytes(0x1000, 1));  // bss
  builder.add_memory(0x1400000, 0x21000, 6, Bytes(16, 1));
  builder.add_memory(0x7ffff7fbc000, 0x4000, 4);
  builder.add_memory(0x7ffff7fc0000, 0x2000, 5, Bytes(0x2000, 1));
  builder.add_file(kText, kText + 0x1000, 0, "/bin/prog");
  const Bytes core = builder.build();
  const auto image = image_of(core);
  EXPECT_EQ(image->mapping_at(Address(kText + 0x1000))->path, "");
  EXPECT_EQ(image->mapping_at(Address(0x1400000))->path, "[heap]");
  EXPECT_EQ(image->mapping_at(Address(0x7ffff7fbc000))->path, "[vvar]");
  EXPECT_EQ(image->mapping_at(Address(0x7ffff7fc0000))->path, "[vdso]");
}

TEST(LoadCore, ClipsSegmentsThatOverlapOrWrapAround) {
  CoreBuilder builder = simple_core();
  builder.add_memory(0x1000, 0x3000, 6, Bytes(0x3000, 1));
  builder.add_memory(0x2000, 0x3000, 6, Bytes(0x3000, 2));
  builder.add_memory(0x2000, 0x1000, 6, Bytes(0x1000, 3));
  builder.add_raw_load(UINT64_MAX - 10, 100, 0, 100);
  builder.add_raw_load(1, 1, UINT64_MAX, UINT64_MAX);
  builder.add_file(0x1000, 0x2000, 0, "/a");
  builder.add_file(0x1800, 0x2800, 0, "/b");
  const Bytes core = builder.build();
  const auto image = image_of(core);
  ASSERT_TRUE(image.ok());
  Address last;
  for (const Mapping& mapping : image->mappings) {
    EXPECT_LE(last, mapping.range.start);
    EXPECT_LT(mapping.range.start, mapping.range.end);
    last = mapping.range.end;
  }
  EXPECT_EQ(image->memory->load<uint8_t>(Address(0x3fff)), 1);
  EXPECT_EQ(image->memory->load<uint8_t>(Address(0x4000)), 2);
  EXPECT_FALSE(image->memory->load<uint8_t>(Address(1)));
  EXPECT_THAT(all_notes(*image), HasSubstr("overlap"));
}

TEST(LoadCore, RefusesACoreWithoutThreads) {
  CoreBuilder builder;
  builder.add_process(1, "x");
  Bytes core = builder.build();
  EXPECT_EQ(image_of(core).error().code(), ErrorCode::kCorrupt);
  CoreBuilder whole = simple_core();
  core = whole.build();
  core.resize(150);
  EXPECT_EQ(image_of(core).error().code(), ErrorCode::kTruncated);
  EXPECT_THAT(image_of(core).error().message(), HasSubstr("150 of"));
}

TEST(LoadCore, SaysWhatOtherFilesAre) {
  const auto message = [](const Bytes& bytes) {
    const auto image = load_core(bytes, "input");
    return image.ok() ? std::string("it is a core") : image.error().message();
  };
  Bytes elf = simple_core().build();
  elf[4] = 1;
  elf[18] = 3;
  EXPECT_THAT(message(elf), HasSubstr("i386 core"));
  elf[4] = 2;
  elf[18] = 22;
  EXPECT_THAT(message(elf), HasSubstr("s390x core"));
  elf[16] = 3;
  EXPECT_THAT(message(elf), HasSubstr("--exe"));
  elf[16] = 0, elf[17] = 4, elf[18] = 0, elf[19] = 20, elf[5] = 2;
  EXPECT_THAT(message(elf), HasSubstr("big-endian"));
  const auto text = [](std::string_view t) { return inquest::testing::to_bytes(t); };
  EXPECT_THAT(message({}), HasSubstr("empty"));
  EXPECT_THAT(message(text("==12==ERROR: AddressSanitizer\nmore")), HasSubstr("AddressSanitizer"));
  EXPECT_THAT(message(Bytes(100)), HasSubstr("zeros"));
  EXPECT_THAT(message({0xca, 0xfe, 0x00, 0x01}), HasSubstr("ca fe 00 01"));
}

TEST(LoadCore, SurvivesEveryTruncation) {
  CoreBuilder builder = simple_core();
  builder.add_auxv({{3, kText + 64}});
  builder.add_memory(kText, 0x1000, 5, Bytes(0x1000, 1));
  builder.add_file(kText, kText + 0x1000, 0, "/bin/prog");
  const Bytes core = builder.build();
  bool seen_ok = false;
  for (size_t size = 0; size < core.size(); size += 7) {
    const Bytes cut(core.begin(), core.begin() + static_cast<ptrdiff_t>(size));
    const auto image = image_of(cut);
    seen_ok = seen_ok || image.ok();
    if (image.ok()) {
      EXPECT_FALSE(image->notes.empty()) << size;
    }
  }
  EXPECT_TRUE(seen_ok);
}

TEST(LoadCore, ReadsSixtyFiveThousandMappingsAndAThousandThreads) {
  CoreBuilder builder;
  for (int32_t tid = 1; tid <= 1000; ++tid) builder.add_thread({.tid = tid, .pc = 0x1000});
  for (uint64_t i = 0; i < 65'000; ++i) {
    builder.add_raw_load(0x10000 + i * 0x2000, 0x1000, 0, 0);
    if (i % 2 == 0) builder.add_file(0x10000 + i * 0x2000, 0x11000 + i * 0x2000, 0, "/f");
  }
  const Bytes core = builder.build();
  const auto image = image_of(core);
  EXPECT_EQ(image->threads.size(), 1000u);
  EXPECT_EQ(image->mappings.size(), 65'000u);
  EXPECT_EQ(image->mapping_at(Address(0x10000 + 64'998 * 0x2000))->path, "/f");
}

}  // namespace
}  // namespace inquest::process
