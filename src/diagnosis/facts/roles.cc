#include "diagnosis/facts/roles.h"

#include <algorithm>
#include <array>

#include "diagnosis/facts/tool_roles.h"

namespace inquest::diagnosis {
namespace {

using Names = std::string_view;

template <size_t N>
bool is_one_of(std::string_view name, const std::array<Names, N>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

template <size_t N>
bool starts_with_one_of(std::string_view name, const std::array<Names, N>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

constexpr std::array<Names, 17> kStartNames = {"_start",
                                               "__libc_start_main",
                                               "__libc_start_main_impl",
                                               "__libc_start_call_main",
                                               "generic_start_main",
                                               "start_thread",
                                               "clone",
                                               "clone3",
                                               "__clone",
                                               "__clone3",
                                               "thread_start",
                                               "_start_c",
                                               "libc_start_main_stage2",
                                               "_dl_start",
                                               "_dl_start_user",
                                               "__clone_internal",
                                               "__thread_start"};

constexpr std::array<Names, 6> kSignalNames = {"__restore_rt",          "__restore",
                                               "__kernel_rt_sigreturn", "__kernel_sigreturn",
                                               "__vdso_rt_sigreturn",   "__sigreturn"};

constexpr std::array<Names, 61> kAbortNames = {
    // the C library
    "raise", "gsignal", "abort", "pthread_kill", "__pthread_kill", "__pthread_kill_implementation",
    "__pthread_kill_internal", "pthread_kill@@GLIBC_2.34", "tgkill", "__libc_message",
    "__libc_message_impl", "__libc_message_wrapper", "__libc_fatal", "malloc_printerr",
    "malloc_printerr_tail", "__fortify_fail", "__fortify_fail_abort", "__chk_fail",
    "__stack_chk_fail", "__stack_chk_fail_local", "__assert_fail", "__assert_fail_base",
    "__assert_perror_fail", "__assert", "__libc_assert_fail", "__malloc_assert", "a_crash",
    "__set_abort_message", "__libc_android_abort", "DebugBreak", "CrashTrampolineAsm",
    // C++
    "std::terminate", "std::unexpected", "__cxa_throw", "__cxa_rethrow", "__cxa_pure_virtual",
    "__cxa_deleted_virtual", "__cxa_bad_cast", "__cxa_bad_typeid",
    "__cxa_throw_bad_array_new_length", "__clang_call_terminate", "__cxa_call_terminate",
    "__cxa_call_unexpected", "__gxx_personality_v0", "std::__glibcxx_assert_fail",
    "std::__replacement_assert", "std::__1::__libcpp_verbose_abort", "std::__libcpp_verbose_abort",
    "abort_message", "boost::throw_exception", "boost::assertion_failed",
    "boost::assertion_failed_msg",
    // Rust
    "rust_begin_unwind", "rust_panic", "rust_oom", "__rust_start_panic",
    "__rust_alloc_error_handler", "__rg_oom", "__rdl_oom", "__rustc::rust_begin_unwind",
    "__rustc::rust_panic"};

constexpr std::array<Names, 37> kAbortPrefixes = {"__cxxabiv1::__terminate",
                                                  "__cxxabiv1::__unexpected",
                                                  "__cxxabiv1::__cxa_throw",
                                                  "__gnu_cxx::__verbose_terminate_handler",
                                                  "demangling_terminate_handler",
                                                  "demangling_unexpected_handler",
                                                  "std::__terminate",
                                                  "_Unwind_RaiseException",
                                                  "_Unwind_Resume",
                                                  "_Unwind_ForcedUnwind",
                                                  "std::__throw_",
                                                  "std::__1::__throw_",
                                                  "std::panicking::",
                                                  "core::panicking::",
                                                  "std::panic::",
                                                  "panic_abort::",
                                                  "panic_unwind::",
                                                  "std::rt::begin_panic",
                                                  "std::rt::panic_",
                                                  "std::process::abort",
                                                  "core::intrinsics::abort",
                                                  "core::option::unwrap_failed",
                                                  "core::option::expect_",
                                                  "core::result::unwrap_failed",
                                                  "core::cell::panic_",
                                                  "alloc::alloc::handle_alloc_error",
                                                  "alloc::raw_vec::capacity_overflow",
                                                  "alloc::raw_vec::handle_error",
                                                  "std::alloc::rust_oom",
                                                  "std::alloc::default_alloc_error_hook",
                                                  "core::slice::index::slice_",
                                                  "core::str::slice_error_fail",
                                                  "__rustc::__rust_start_panic",
                                                  "absl::log_internal::",
                                                  "absl::lts_",
                                                  "google::LogMessage",
                                                  "std::sys::backtrace::__rust_end_"};

// Fatal-error functions of well-known run-times and libraries, by exact name.
constexpr std::array<Names, 22> kFatalNames = {"g_log",
                                               "g_logv",
                                               "g_log_structured",
                                               "g_log_structured_array",
                                               "g_log_default_handler",
                                               "g_error",
                                               "g_assertion_message",
                                               "g_assertion_message_expr",
                                               "g_assert_warning",
                                               "_g_log_abort",
                                               "qFatal",
                                               "QMessageLogger::fatal",
                                               "V8_Fatal",
                                               "v8::base::FatalOOM",
                                               "node::Abort",
                                               "node::Assert",
                                               "node::(anonymous namespace)::DefaultAbortHandler",
                                               "v8::base::OS::Abort",
                                               "v8::internal::Isolate::CreateMessageOrAbort",
                                               "os_abort",
                                               "os_abort_impl",
                                               "fatal_error_exit"};

constexpr std::array<Names, 16> kLanguagePrefixes = {"std::",
                                                     "__gnu_cxx::",
                                                     "__cxxabiv1::",
                                                     "__cxa_",
                                                     "__gnu_debug::",
                                                     "operator new",
                                                     "operator delete",
                                                     "_Unwind_",
                                                     "__rust_",
                                                     "__rdl_",
                                                     "__rg_",
                                                     "__rustc::",
                                                     "<std::",
                                                     "decltype(auto) std::",
                                                     "execute_native_thread_routine",
                                                     "__dynamic_cast"};

// Names that Rust's library has to itself only when the code is Rust.
constexpr std::array<Names, 9> kRustPrefixes = {
    "core::",       "alloc::", "<core::",     "<alloc::", "hashbrown::",
    "<hashbrown::", "<&T as ", "<dyn core::", "<[T]"};

constexpr std::array<Names, 80> kCLibraryNames = {
    "strlen",     "strnlen",     "strcpy",         "strncpy",       "strcat",    "strncat",
    "strcmp",     "strncmp",     "strchr",         "strrchr",       "strstr",    "strdup",
    "strndup",    "strtok",      "strtok_r",       "strtol",        "strtoul",   "strtod",
    "strcasecmp", "strncasecmp", "strspn",         "strcspn",       "stpcpy",    "memcpy",
    "memmove",    "memset",      "memcmp",         "memchr",        "memrchr",   "mempcpy",
    "wcslen",     "wcscpy",      "malloc",         "free",          "cfree",     "calloc",
    "realloc",    "memalign",    "posix_memalign", "aligned_alloc", "qsort",     "bsearch",
    "printf",     "fprintf",     "sprintf",        "snprintf",      "vprintf",   "vfprintf",
    "vsprintf",   "vsnprintf",   "puts",           "fputs",         "fwrite",    "fread",
    "fopen",      "fclose",      "fgets",          "fflush",        "fputc",     "putchar",
    "atoi",       "atol",        "getenv",         "setenv",        "read",      "write",
    "open",       "close",       "mmap",           "munmap",        "nanosleep", "usleep",
    "sleep",      "poll",        "select",         "epoll_wait",    "exit",      "_exit",
    "longjmp",    "atof"};

constexpr std::array<Names, 29> kCLibraryPrefixes = {
    "_int_malloc",  "_int_free",    "_int_realloc", "_int_memalign",      "tcache_",
    "unlink_chunk", "munmap_chunk", "mremap_chunk", "malloc_consolidate", "sysmalloc",
    "_IO_",         "__libc_",      "__GI_",        "__printf",           "__vfprintf",
    "__memcpy",     "__memmove",    "__memset",     "__memcmp",           "__memchr",
    "__str",        "__wmem",       "__rawmem",     "__vsnprintf",        "__pthread_",
    "pthread_",     "__nptl_",      "__aeabi_",     "__run_exit_handlers"};

constexpr std::array<Names, 14> kSystemDirectories = {"/lib/",
                                                      "/lib64/",
                                                      "/lib32/",
                                                      "/usr/lib/",
                                                      "/usr/lib64/",
                                                      "/usr/lib32/",
                                                      "/usr/libexec/",
                                                      "/run/host/usr/lib/",
                                                      "/nix/store/",
                                                      "/gnu/store/",
                                                      "/snap/core",
                                                      "/app/lib/",
                                                      "/usr/aarch64-linux-gnu/lib/",
                                                      "/usr/x86_64-linux-gnu/lib/"};

// Below a system directory, but code that was added to the system by somebody.
constexpr std::array<Names, 4> kAddOnDirectories = {"/site-packages/", "/dist-packages/",
                                                    "/node_modules/", "/gems/"};

constexpr std::array<Names, 14> kSystemLibraryNames = {
    "libc.so",  "libc-2.", "libm.so", "libm-2.",   "libpthread",   "libdl.so",    "librt.so",
    "ld-linux", "ld-2.",   "ld-musl", "libc.musl", "libstdc++.so", "libgcc_s.so", "libc++"};

std::string_view file_name(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// "_ZN4core9panicking5panic17h0123456789abcdefE" or "_RNv…"
bool is_rust_linkage(std::string_view name) {
  if (name.starts_with("_R")) return true;
  const size_t hash = name.rfind("17h");
  return name.starts_with("_ZN") && hash != std::string_view::npos && name.size() - hash >= 20;
}

bool is_rust_library_file(std::string_view file) {
  return file.starts_with("/rustc/") || contains(file, "/library/core/src/") ||
         contains(file, "/library/std/src/") || contains(file, "/library/alloc/src/");
}

// Headers of the system and the compiler, inlined into whoever includes them.
bool is_system_header(std::string_view file) {
  return file.starts_with("/usr/include/") ||
         (file.starts_with("/usr/") && contains(file, "-linux-gnu/include/")) ||
         (contains(file, "/include/") &&
          (contains(file, "/lib/gcc/") || contains(file, "/lib/clang/")));
}

// libgcc's arithmetic, linked into the program itself: __addvsi3, __udivti3, __popcountdi2
bool is_compiler_helper(std::string_view name) {
  if (!name.starts_with("__") || name.size() < 6) return false;
  const char width = name[name.size() - 3], last = name.back();
  return (width == 's' || width == 'd' || width == 't') && name[name.size() - 2] == 'i' &&
         last >= '2' && last <= '4' &&
         name.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ:<_", 2) == std::string_view::npos;
}

// The C++ library's own headers, wherever a build keeps them.
bool is_cxx_library_file(std::string_view file) {
  return contains(file, "/include/c++/") || contains(file, "/c++/v1/") ||
         (contains(file, "libc++") && contains(file, "/include/"));
}

// Libraries that consist of templates as the C++ library does: what fails in them was handed to
// them.
bool is_template_library(std::string_view name) {
  return name.starts_with("absl::") || name.starts_with("boost::") ||
         name.starts_with("folly::detail::") || name.starts_with("base::internal::");
}

// Between Rust's collections and the allocator that a program chose: it only hands on.
bool is_rust_allocator(std::string_view name) {
  return contains(name, " as core::alloc::global::GlobalAlloc>::") ||
         contains(name, " as core::alloc::Allocator>::");
}

bool is_language(const RoleInput& input) {
  if (is_rust_library_file(input.file) || is_cxx_library_file(input.file)) return true;
  if (is_template_library(input.short_name) || is_rust_allocator(input.short_name)) return true;
  if (starts_with_one_of(input.short_name, kLanguagePrefixes)) return true;
  if (!starts_with_one_of(input.short_name, kRustPrefixes)) return false;
  // A C++ program may well have a namespace `core` of its own.
  if (!input.file.empty()) return false;
  return input.linkage_name.empty()
             ? contains(input.short_name, "{{") || contains(input.short_name, " as ")
             : is_rust_linkage(input.linkage_name);
}

std::string_view without_alias_prefix(std::string_view name) {
  if (name.starts_with("__GI_")) name.remove_prefix(5);
  return name;
}

}  // namespace

bool is_c_library(std::string_view path) {
  const std::string_view name = file_name(path);
  return name.starts_with("libc.so") || name.starts_with("libc-2.") ||
         name.starts_with("ld-musl") || name.starts_with("libc.musl") ||
         name.starts_with("ld-linux") || name.starts_with("ld-2.") ||
         name.starts_with("libpthread");
}

bool is_cxx_runtime(std::string_view path) {
  static constexpr std::array<Names, 5> kNames = {"libstdc++.so", "libc++abi", "libc++.so",
                                                  "libgcc_s.so", "libunwind"};
  return starts_with_one_of(file_name(path), kNames);
}

bool is_python_interpreter(std::string_view path) {
  if (contains(path, "/lib-dynload/")) return true;
  std::string_view name = file_name(path);
  const bool is_library = name.starts_with("lib");
  if (is_library) name.remove_prefix(3);
  constexpr std::string_view kName = "python3";
  if (!name.starts_with(kName)) return false;
  name.remove_prefix(kName.size());
  name = name.substr(0, is_library ? name.find(".so") : name.size());
  return name.find_first_not_of(".0123456789mdt") == Names::npos;
}

bool is_system_library(std::string_view path) {
  if (starts_with_one_of(file_name(path), kSystemLibraryNames)) return true;
  const bool added = std::any_of(kAddOnDirectories.begin(), kAddOnDirectories.end(),
                                 [&](std::string_view part) { return contains(path, part); });
  return !added && starts_with_one_of(path, kSystemDirectories);
}

bool is_c_library_function(std::string_view name) {
  std::string_view plain = without_alias_prefix(name);
  if (starts_with_one_of(plain, kCLibraryPrefixes)) return true;
  while (plain.starts_with("_")) plain.remove_prefix(1);
  return is_one_of(plain, kCLibraryNames);
}

bool is_abort_machinery(std::string_view name) {
  const std::string_view plain = without_alias_prefix(name);
  if (is_one_of(plain, kAbortNames) || is_one_of(plain, kFatalNames) || is_check_machinery(plain))
    return true;
  if (starts_with_one_of(plain, kAbortPrefixes))
    return !plain.starts_with("absl::lts_") || contains(plain, "log_internal");
  // __memcpy_chk and its family end the process when they find an overflow. Seen on a stack above
  // nothing else, they are where it happened.
  return (plain.starts_with("__") && plain.ends_with("_chk")) ||
         contains(plain, "abort_internal") || plain.starts_with("__asan_report") ||
         plain.starts_with("__asan::Report") || plain.starts_with("__sanitizer::Die") ||
         plain.starts_with("__sanitizer::Abort") ||
         plain.starts_with("__asan::ScopedInErrorReport") || plain.starts_with("__ubsan_handle_");
}

CodeRole role_of(const RoleInput& input) {
  if (is_one_of(input.short_name, kStartNames)) return CodeRole::kStart;
  if (is_one_of(input.short_name, kSignalNames)) return CodeRole::kSignal;
  if (input.short_name.starts_with("std::rt::lang_start")) return CodeRole::kStart;
  if (is_fuzzer_driver(input.short_name, input.file)) return CodeRole::kStart;
  if (is_abort_machinery(input.short_name)) return CodeRole::kAbort;
  if (is_sanitizer_run_time(input.short_name, input.file)) return CodeRole::kLibrary;
  if (is_language(input)) return CodeRole::kLanguage;
  if (input.module_is_vdso) return CodeRole::kLibrary;
  if (input.module_path.empty()) {
    if (input.short_name.empty()) return CodeRole::kUnknown;
    const bool library = is_c_library_source(input.file) || is_system_header(input.file) ||
                         (input.file.empty() && is_c_library_function(input.short_name));
    return library ? CodeRole::kLibrary : CodeRole::kUser;
  }
  if (!input.module_is_main && is_system_library(input.module_path)) return CodeRole::kLibrary;
  if (is_python_interpreter(input.module_path)) return CodeRole::kLibrary;
  if (is_system_header(input.file) || is_compiler_helper(input.short_name))
    return CodeRole::kLibrary;
  // In a static program the C library has no module of its own; with debug information its file
  // tells.
  if (input.file.empty() && is_c_library_function(input.short_name)) return CodeRole::kLibrary;
  return CodeRole::kUser;
}

CodeRole python_role(std::string_view file) {
  static constexpr std::array<Names, 6> kLibraries = {"/site-packages/",   "/dist-packages/",
                                                      "/lib/python",       "/lib64/python",
                                                      "\\site-packages\\", "\\Lib\\"};
  if (file.starts_with("<")) return CodeRole::kLanguage;  // "<frozen importlib>", "<string>"
  const bool is_library = std::any_of(kLibraries.begin(), kLibraries.end(),
                                      [&](Names part) { return contains(file, part); });
  return is_library ? CodeRole::kLibrary : CodeRole::kUser;
}

CodeRole javascript_role(std::string_view file) {
  static constexpr std::array<Names, 7> kOwn = {"node:",   "internal/", "bun:", "electron/js2c/",
                                                "native:", "deno:",     "ext:"};
  // Up to Node 14 its own scripts stood there as "events.js".
  static constexpr std::array<Names, 21> kOldScripts = {"events.js",
                                                        "events.js",
                                                        "fs.js",
                                                        "net.js",
                                                        "module.js",
                                                        "timers.js",
                                                        "http.js",
                                                        "assert.js",
                                                        "vm.js",
                                                        "buffer.js",
                                                        "tls.js",
                                                        "dgram.js",
                                                        "child_process.js",
                                                        "util.js",
                                                        "zlib.js",
                                                        "domain.js",
                                                        "_http_client.js",
                                                        "_http_server.js",
                                                        "_stream_readable.js",
                                                        "_stream_writable.js",
                                                        "bootstrap_node.js"};
  if (file.empty() || file.starts_with("<") || file == "native" || file == "native code" ||
      file == "[native code]")
    return CodeRole::kLanguage;
  const bool is_own =
      std::any_of(kOwn.begin(), kOwn.end(), [&](Names start) { return file.starts_with(start); }) ||
      std::find(kOldScripts.begin(), kOldScripts.end(), file) != kOldScripts.end();
  const bool is_library =
      is_own || contains(file, "/node_modules/") || contains(file, "\\node_modules\\");
  return is_library ? CodeRole::kLibrary : CodeRole::kUser;
}

bool is_sanitizer_function(const FunctionFact& function) {
  return is_sanitizer_run_time(function.short_name, function.file);
}

}  // namespace inquest::diagnosis
