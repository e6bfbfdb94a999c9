#include "diagnosis/facts/tool_roles.h"

#include <algorithm>
#include <array>

namespace inquest::diagnosis {
namespace {

using Names = std::string_view;

template <size_t N>
bool starts_with_one_of(std::string_view name, const std::array<Names, N>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

constexpr std::array<Names, 26> kSanitizerPrefixes = {"__asan_",
                                                      "__asan::",
                                                      "__hwasan_",
                                                      "__hwasan::",
                                                      "__msan_",
                                                      "__msan::",
                                                      "__tsan_",
                                                      "__tsan::",
                                                      "__ubsan_",
                                                      "__ubsan::",
                                                      "__lsan_",
                                                      "__lsan::",
                                                      "__sanitizer_",
                                                      "__sanitizer::",
                                                      "__interceptor_",
                                                      "___interceptor_",
                                                      "__interceptor_trampoline_",
                                                      "__sancov",
                                                      "__cfi_",
                                                      "__cfi::",
                                                      "scudo::",
                                                      "gwp_asan::",
                                                      "MemcmpInterceptorCommon",
                                                      "StrstrCheck",
                                                      "printf_common",
                                                      "scanf_common"};

constexpr std::array<Names, 26> kFuzzerDrivers = {"fuzzer::Fuzzer::",
                                                  "fuzzer::RunOneTest",
                                                  "fuzzer::FuzzerDriver",
                                                  "fuzzer::RunInputs",
                                                  "LLVMFuzzerRunDriver",
                                                  "fuzzer::MutationDispatcher::",
                                                  "fuzzer::CrashResistantMerge",
                                                  "fuzzer::RunIndividualTests",
                                                  "centipede::RunnerMain",
                                                  "centipede::RunOneInput",
                                                  "centipede::RunTests",
                                                  "honggfuzz_main",
                                                  "fuzzer::PrintStackTrace",
                                                  "fuzzer::(anonymous namespace)::",
                                                  "fuzzer::CrashHandler",
                                                  "fuzzer::HandleMalloc",
                                                  "fuzzer::MallocHook",
                                                  "centipede::RunnerCallbacks",
                                                  "fuzztest::internal::",
                                                  "testing::internal::",
                                                  "testing::UnitTest::",
                                                  "testing::Test::Run",
                                                  "testing::TestInfo::",
                                                  "testing::TestSuite::",
                                                  "testing::TestCase::",
                                                  "RUN_ALL_TESTS"};

constexpr std::array<Names, 25> kCheckPrefixes = {
    // Chromium, WebKit, V8, Skia
    "logging::LogMessage", "logging::CheckError", "logging::NotReachedError",
    "logging::CheckLogMessage", "logging::CheckNoreturnError",
    "logging::(anonymous namespace)::", "logging::RawCheck", "base::ImmediateCrash",
    "base::debug::BreakDebugger", "base::debug::DebugBreak", "base::debug::StackTrace",
    "base::debug::CollectStackTrace", "WTFCrash", "WTF::Crash", "WTFReportBacktrace",
    "v8::base::FatalImpl", "v8::base::ImmediateCrash", "v8::base::OS::DebugBreak", "SkAbort",
    "sk_abort",
    // Android, glog, others
    "__android_log_assert", "android::base::LogMessage", "google::LogMessageFatal",
    "google::CheckOpMessage", "SbSystemBreakIntoDebugger"};

}  // namespace

bool is_check_machinery(std::string_view name) {
  return starts_with_one_of(name, kCheckPrefixes) || name == "ImmediateCrash";
}

bool is_sanitizer_run_time(std::string_view name, std::string_view file) {
  if (contains(file, "/compiler-rt/lib/") || contains(file, "/libsanitizer/") ||
      contains(file, "/honggfuzz/libhfuzz/"))
    return true;
  return starts_with_one_of(name, kSanitizerPrefixes);
}

bool is_fuzzer_driver(std::string_view name, std::string_view file) {
  if (starts_with_one_of(name, kFuzzerDrivers)) return true;
  if (contains(file, "/centipede/runner")) return true;
  return name == "main" && (file.ends_with("/FuzzerMain.cpp") || file.ends_with("/afl_driver.cpp"));
}

bool is_c_library_source(std::string_view file) {
  if (contains(file, "/sysdeps/unix/") || contains(file, "/sysdeps/x86_64/") ||
      contains(file, "/sysdeps/posix/") || contains(file, "/sysdeps/aarch64/") ||
      contains(file, "bionic/libc/") || contains(file, "/build/glibc") ||
      contains(file, "/eglibc-") || contains(file, "/glibc-2."))
    return true;
  for (const std::string_view part : {"nptl/", "csu/", "stdlib/", "malloc/", "string/", "assert/",
                                      "debug/", "signal/", "libio/", "stdio-common/"}) {
    if (file.starts_with("./") && file.substr(2).starts_with(part)) {
      // Debian's "./nptl/./nptl/x.c"
      const std::string_view rest = file.substr(2 + part.size());
      return rest.starts_with("./") || rest.starts_with("../");
    }
  }
  return file.starts_with("../csu/") || file.starts_with("../nptl/") ||
         file.starts_with("vg_replace_");
}

}  // namespace inquest::diagnosis
