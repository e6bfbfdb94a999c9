#include "diagnosis/facts/facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "diagnosis/facts/facts_json.h"
#include "diagnosis/facts/poison.h"
#include "diagnosis/facts/roles.h"
#include "diagnosis/facts/signals.h"
#include "diagnosis/facts/source.h"

namespace inquest::diagnosis {
namespace {

TEST(Signals, NamesOfSignalsAndCodes) {
  EXPECT_EQ(signal_name(11), "SIGSEGV");
  EXPECT_EQ(signal_name(37), "SIGRTMIN+3");
  EXPECT_EQ(signal_name(99), "signal 99");
  EXPECT_EQ(signal_code_name(11, 1), "SEGV_MAPERR");
  EXPECT_EQ(signal_code_name(11, 128), "SI_KERNEL");
  EXPECT_EQ(signal_code_name(8, 1), "FPE_INTDIV");
  EXPECT_EQ(signal_code_name(8, 77), "77");
}

TEST(Signals, SystemCallsDifferByArchitecture) {
  EXPECT_EQ(system_call_name(isa::Arch::kX86_64, 257), "openat");
  EXPECT_EQ(system_call_name(isa::Arch::kAArch64, 56), "openat");
  EXPECT_EQ(system_call_name(isa::Arch::kX86_64, 59), "execve");
  EXPECT_EQ(system_call_name(isa::Arch::kAArch64, 79), "newfstatat");
  EXPECT_EQ(system_call_name(isa::Arch::kX86_64, 9999), "");
}

TEST(Signals, SenderTellsSelfFromOthers) {
  process::ProcessImage image;
  image.pid = 7;
  process::Signal signal{.number = 6, .code = kSiTkill, .sender_pid = 7};
  EXPECT_TRUE(describe_signal(signal, image).sent_by_self);
  signal = {.number = 11, .code = kSiUser, .sender_pid = 1};
  EXPECT_TRUE(describe_signal(signal, image).sent_by_other);
  signal = {.number = 11, .code = 1, .address = Address(0)};
  EXPECT_FALSE(describe_signal(signal, image).sent_by_other);
}

struct RoleCase {
  RoleInput input;
  CodeRole role;
};

TEST(Roles, ByNameFileAndModule) {
  const std::string_view kLibc = "/lib/x86_64-linux-gnu/libc.so.6", kProgram = "/opt/shop/checkout";
  const RoleCase cases[] = {
      {{.short_name = "quote", .module_path = kProgram, .module_is_main = true}, CodeRole::kUser},
      {{.module_path = kProgram, .module_is_main = true}, CodeRole::kUser},
      {{.short_name = "__strlen_avx2", .module_path = kLibc}, CodeRole::kLibrary},
      {{.short_name = "__strlen_avx2", .module_path = kProgram, .module_is_main = true},
       CodeRole::kLibrary},
      {{.short_name = "raise", .module_path = kLibc}, CodeRole::kAbort},
      {{.short_name = "__assert_fail", .module_path = kLibc}, CodeRole::kAbort},
      {{.short_name = "__memcpy_chk", .module_path = kLibc}, CodeRole::kAbort},
      {{.short_name = "std::terminate", .module_path = "/usr/lib/libstdc++.so.6"},
       CodeRole::kAbort},
      {{.short_name = "std::vector<int>::at", .module_path = kProgram, .module_is_main = true},
       CodeRole::kLanguage},
      {{.short_name = "core::Engine::run",
        .linkage_name = "_ZN4core6Engine3runEv",
        .module_path = kProgram},
       CodeRole::kUser},
      {{.short_name = "core::slice::len",
        .linkage_name = "_RNvNtC4core5slice3len",
        .module_path = kProgram},
       CodeRole::kLanguage},
      {{.short_name = "core::panicking::panic_fmt", .module_path = kProgram}, CodeRole::kAbort},
      {{.short_name = "<shop::Jemalloc as core::alloc::global::GlobalAlloc>::dealloc",
        .file = "src/main.rs",
        .module_path = kProgram,
        .module_is_main = true},
       CodeRole::kLanguage},
      {{.short_name = "__libc_start_call_main", .module_path = kLibc}, CodeRole::kStart},
      {{.short_name = "__restore_rt", .module_path = kLibc}, CodeRole::kSignal},
      {{.short_name = "f", .module_path = "/usr/lib/python3/dist-packages/fast.so"},
       CodeRole::kUser},
      {{.short_name = "PyObject_GetAttr",
        .module_path = "/opt/conda/bin/python3.12",
        .module_is_main = true},
       CodeRole::kLibrary},
      {{.short_name = "list_sort", .module_path = "/opt/py/lib/libpython3.9.so.1.0"},
       CodeRole::kLibrary},
      {{.short_name = "string_at", .module_path = "/opt/py/lib/python3.9/lib-dynload/_ctypes.so"},
       CodeRole::kLibrary},
      {{.short_name = "f", .module_path = "/opt/py/lib/python3.9/site-packages/fast.so"},
       CodeRole::kUser},
      {{.short_name = "main", .module_path = "/opt/python3-shop/shop", .module_is_main = true},
       CodeRole::kUser},
      {{.short_name = "main", .module_path = "/opt/shop/python3shop", .module_is_main = true},
       CodeRole::kUser},
      {{.short_name = "deflate", .module_path = "/usr/lib/x86_64-linux-gnu/libz.so.1"},
       CodeRole::kLibrary},
      {{.short_name = "PostgresMain",
        .module_path = "/usr/lib/postgresql/15/bin/postgres",
        .module_is_main = true},
       CodeRole::kUser},
      {{.short_name = "__interceptor_free", .module_path = kProgram, .module_is_main = true},
       CodeRole::kLibrary},
      {{.short_name = "free", .file = "../../src/libsanitizer/asan/asan_malloc_linux.cpp"},
       CodeRole::kLibrary},
      {{.short_name = "fuzzer::Fuzzer::ExecuteCallback", .module_path = kProgram},
       CodeRole::kStart},
      {{.short_name = "LLVMFuzzerTestOneInput", .module_path = kProgram}, CodeRole::kUser},
      {{.short_name = "printf_positional", .file = "./stdio-common/./stdio-common/vfprintf.c"},
       CodeRole::kLibrary},
      {{.short_name = "strlen"}, CodeRole::kLibrary},
      {{.short_name = "open", .file = "src/door.c"}, CodeRole::kUser},
      {{}, CodeRole::kUnknown},
  };
  for (const RoleCase& one : cases) {
    EXPECT_EQ(to_string(role_of(one.input)), to_string(one.role))
        << one.input.short_name << " in " << one.input.module_path;
  }
}

TEST(Poison, PatternsAndTheirLimits) {
  EXPECT_TRUE(find_poison(0xdddddddddddddddd)->means_freed);
  EXPECT_EQ(find_poison(0xdddddddddddddddd + 16)->displacement, 16);
  EXPECT_EQ(find_poison(0x5a5a5a5a5a5a5a5a - 8)->displacement, -8);
  EXPECT_TRUE(find_poison(0xcccccccc)->means_uninitialised);
  EXPECT_TRUE(find_poison(0xdead000000000122)->means_freed);
  EXPECT_EQ(find_poison(~uint64_t{0})->name, "all bits set (-1)");
  EXPECT_FALSE(find_poison(0x4141414141414141).has_value());
  EXPECT_FALSE(find_poison(0x7f1234567890).has_value());
  EXPECT_FALSE(find_poison(0).has_value());
}

TEST(Poison, TextAndErrors) {
  EXPECT_EQ(as_text(0x6f6c6c6568), "hello");
  EXPECT_FALSE(as_text(0x41414141).has_value());          // too short to be sure
  EXPECT_FALSE(as_text(0x0041410041414141).has_value());  // a hole
  EXPECT_EQ(as_negative_errno(static_cast<uint64_t>(-12)), "ENOMEM");
  EXPECT_EQ(as_negative_errno(static_cast<uint64_t>(-1)), "");
}

TEST(Source, LinesAroundThePlace) {
  const auto lines = source_excerpt("somewhere/else/src/diagnosis/facts/facts_test.cc", 2);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0], "    1 | #include \"diagnosis/facts/facts.h\"");
  EXPECT_TRUE(source_excerpt("no/such/file.cc", 1).empty());
  EXPECT_TRUE(source_excerpt("src/diagnosis/facts/facts_test.cc", 1000000).empty());
}

TEST(Source, WhatMayBeASecretIsNotShown) {
  namespace fs = std::filesystem;
  const fs::path directory = fs::path(testing::TempDir()) / "source-secret";
  fs::create_directories(directory);
  const auto excerpt_of = [&](const char* name, fs::perms permissions) {
    const fs::path path = directory / name;
    fs::remove(path);
    std::ofstream(path) << "the first line\n";
    fs::permissions(path, permissions);
    return source_excerpt(path.string(), 1);
  };
  constexpr fs::perms kOwner = fs::perms::owner_read | fs::perms::owner_write;
  EXPECT_TRUE(excerpt_of("id_rsa", kOwner).empty());
  EXPECT_FALSE(excerpt_of("makefile", kOwner | fs::perms::others_read).empty());
  // Who works as root has a lot to lose.
  EXPECT_EQ(excerpt_of("main.CC", kOwner).empty(), ::geteuid() == 0);
  const fs::path link = directory / "link.c";
  fs::remove(link);
  excerpt_of("id_rsa", kOwner);
  fs::create_symlink(directory / "id_rsa", link);
  EXPECT_TRUE(source_excerpt(link.string(), 1).empty());
}

TEST(Source, ThatWasChangedAfterTheBinaryIsNotShown) {
  namespace fs = std::filesystem;
  const fs::path directory = fs::path(testing::TempDir()) / "source-newer";
  fs::create_directories(directory);
  const fs::path source = directory / "a.c", binary = directory / "a.out";
  std::ofstream(source) << "int main() {}\n";
  std::ofstream(binary) << "x";
  const auto now = fs::file_time_type::clock::now();
  fs::last_write_time(source, now - std::chrono::hours(1));
  fs::last_write_time(binary, now);
  EXPECT_EQ(source_excerpt(source.string(), 1, {}, binary.string()).size(), 1u);
  EXPECT_THAT(source_excerpt(source.string(), 1, {}, binary.string())[0],
              testing::HasSubstr("int main"));
  fs::last_write_time(source, now + std::chrono::hours(1));
  EXPECT_THAT(source_excerpt(source.string(), 1, {}, binary.string())[0],
              testing::HasSubstr("a.c is newer than the binary"));
  EXPECT_THAT(source_excerpt(source.string(), 1, {}, (directory / "gone").string())[0],
              testing::HasSubstr("int main"));
}

Facts full_facts() {
  Facts facts;
  facts.process.executable = "/opt/shop/checkout";
  facts.process.pid = 71;
  facts.process.uid = 33;
  facts.signal.number = 11;
  facts.signal.code = -6;
  facts.signal.address = Address(0xffffffffffffffff);
  facts.delivered = facts.signal;
  facts.own_handler = true;
  FrameFact frame;
  frame.index = 3;
  frame.pc = Address(0x555500001234);
  frame.module_offset = 0x1234;
  frame.functions.push_back({.name = "quote(Order*)",
                             .short_name = "quote",
                             .file = "q.cc",
                             .line = 41,
                             .role = CodeRole::kUser,
                             .source = {"   41 | x \"quoted\"\t\xc3\xa9"}});
  frame.variables.push_back(
      {.name = "order", .type = "Order*", .why_not = "optimized out", .is_argument = true});
  frame.runtime_frames.push_back({.language = "Python",
                                  .function = "Order.quote",
                                  .file = "/srv/order.py",
                                  .line = 12,
                                  .column = 5,
                                  .role = CodeRole::kUser,
                                  .gap = "nothing"});
  frame.awaited =
      AwaitFact{.coroutine = "read(Conn&)",
                .address = Address(0x5000),
                .awaiters = {{.language = "C++", .function = "serve()", .file = "a.cc", .line = 7}},
                .end = "nothing awaits serve()",
                .evidence = {{Evidence::Kind::kMemory, "`next`", Address(0x5010), {}}}};
  facts.crashing.frames = {frame};
  facts.crashing.runtime = RuntimeStackFact{.runtime = "CPython 3.11.2",
                                            .total_frames = 7,
                                            .holds_lock = true,
                                            .exception = "ValueError: too late",
                                            .apart = {frame.runtime_frames[0]},
                                            .notes = {"a note"}};
  facts.user_runtime_frame = frame.runtime_frames[0];
  facts.runtimes = {{"CPython 3.11.2", "Python", "the symbol _PyRuntime of python3.11"}};
  facts.crashing.cycle = CycleFact{1, 2, 18402, {"a", "b"}};
  facts.crashing.omitted = OmittedFact{3, 40};
  facts.user_frame = 0;
  facts.fault.emplace();
  facts.fault->kind = "load";
  facts.fault->access = AccessKind::kRead;
  facts.fault->feeds_call = true;
  facts.fault->divisor = 0x8000000000000000;
  facts.fault->operand.emplace();
  facts.fault->operand->bad_value = 0;
  facts.fault->operand->displacement = -8;
  facts.fault->operand->expression =
      ExpressionFact{.text = "order->pricing", .trust = "exact", .value = 1, .steps = {"s"}};
  facts.fault->operand->member = MemberFact{"struct Pricing", "rate", "double", 56};
  facts.fault->address_facts = AddressFacts{
      .address = Address(0x38), .traits = {AddressTrait::kNearNull, AddressTrait::kUnmapped}};
  facts.fault->changed_since =
      Fact{"changed", {{Evidence::Kind::kMemory, "8 bytes", Address(8), 2}}};
  facts.fault->finished_coroutine = Fact{"read() had finished when it was resumed", {}};
  facts.abort.kind = AbortFacts::Kind::kPanic;
  facts.modules.push_back(
      {.path = "/lib/libc.so.6", .start = Address(1), .end = Address(2), .on_crash_path = true});
  facts.missing.push_back({"no debug information", {}});
  facts.advice.emplace_back("install it");
  return facts;
}

TEST(FactsJson, RoundTripKeepsEverything) {
  const std::string text = to_json(full_facts());
  const auto back = facts_from_json(text);
  ASSERT_TRUE(back.ok()) << back.error().message();
  EXPECT_EQ(to_json(*back), text);
  EXPECT_EQ(back->signal.address, Address(0xffffffffffffffff));
  EXPECT_EQ(back->fault->divisor, 0x8000000000000000u);
  EXPECT_EQ(back->fault->operand->displacement, -8);
  EXPECT_EQ(back->fault->operand->bad_value, 0u);
  EXPECT_TRUE(back->fault->address_facts->has(AddressTrait::kUnmapped));
  EXPECT_EQ(back->crashing.frames[0].functions[0].role, CodeRole::kUser);
  EXPECT_EQ(back->fault->changed_since->evidence[0].frame, 2u);
  EXPECT_FALSE(back->process.gid.has_value());
  EXPECT_EQ(back->crashing.frames[0].runtime_frames[0].column, 5u);
  EXPECT_TRUE(back->crashing.runtime->holds_lock);
  EXPECT_EQ(back->crashing.frames[0].awaited->awaiters[0].line, 7u);
  EXPECT_EQ(back->crashing.frames[0].awaited->address, Address(0x5000));
  EXPECT_TRUE(back->fault->finished_coroutine);
}

TEST(FactsJson, RefusesWrongShapesByName) {
  EXPECT_EQ(facts_from_json("{}").error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(facts_from_json(R"({"version": 999})").error().code(), ErrorCode::kUnsupported);
  const auto wrong = facts_from_json(R"({"version": 1, "crashing": {"frames": [{"pc": 12}]}})");
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().message().find("crashing.frames.pc"), std::string::npos)
      << wrong.error().message();
  EXPECT_FALSE(facts_from_json(R"({"version": 1, "abort": {"kind": "no such kind"}})").ok());
  EXPECT_FALSE(facts_from_json(R"({"version": 1, "process": {"pid": 99999999999}})").ok());
}

TEST(FactsJson, PassesOverNamesOfLaterWriters) {
  EXPECT_TRUE(facts_from_json(R"({"version": 1, "from_the_future": [1, 2]})").ok());
}

}  // namespace
}  // namespace inquest::diagnosis
