#include <algorithm>
#include <span>

#include "diagnosis/facts/roles.h"
#include "diagnosis/text/runtime_stack.h"

namespace inquest::diagnosis {
namespace {

using Names = std::span<const std::string_view>;

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool starts_with_one_of(std::string_view text, Names prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return text.starts_with(prefix); });
}

bool is_one_of(std::string_view text, Names names) {
  return std::find(names.begin(), names.end(), text) != names.end();
}

CodeRole library_if(bool library) { return library ? CodeRole::kLibrary : CodeRole::kUser; }

// Folders of Go's own src/.
constexpr std::string_view kGoPackages[] = {
    "archive",  "bufio",   "bytes",   "cmp",      "compress", "container", "context", "crypto",
    "database", "debug",   "embed",   "encoding", "errors",   "expvar",    "flag",    "fmt",
    "go",       "hash",    "html",    "image",    "index",    "internal",  "io",      "iter",
    "log",      "maps",    "math",    "mime",     "net",      "os",        "path",    "plugin",
    "reflect",  "regexp",  "runtime", "slices",   "sort",     "strconv",   "strings", "structs",
    "sync",     "syscall", "testing", "text",     "time",     "unicode",   "unique",  "unsafe",
    "vendor",   "weak"};

// How a Go program ends itself: what stands on the stack above the code that failed.
constexpr std::string_view kGoEnding[] = {"panic",
                                          "runtime.throw",
                                          "runtime.fatal",
                                          "runtime.fatalthrow",
                                          "runtime.dopanic",
                                          "runtime.gopanic",
                                          "runtime.sigpanic",
                                          "runtime.panicmem",
                                          "runtime.panicmemAddr",
                                          "runtime.panicdivide",
                                          "runtime.raise",
                                          "runtime.abort",
                                          "runtime.dieFromSignal",
                                          "runtime.crash",
                                          "sync.fatal",
                                          "sync.throw",
                                          "runtime.raise.abi0"};
constexpr std::string_view kGoEndingPrefixes[] = {"runtime.goPanic", "runtime.panic",
                                                  "runtime.fatalpanic", "internal/sync.fatal",
                                                  "internal/runtime/maps.fatal"};

CodeRole go_role(std::string_view function, std::string_view file) {
  if (function == "runtime.goexit" || function == "runtime.main" || function == "runtime.mstart" ||
      function == "runtime.rt0_go")
    return CodeRole::kStart;
  if (is_one_of(function, kGoEnding) || starts_with_one_of(function, kGoEndingPrefixes))
    return CodeRole::kAbort;
  if (contains(file, "/pkg/mod/") || contains(file, "/vendor/") || file == "_cgo_gotypes.go")
    return CodeRole::kLibrary;
  // "net/http.(*conn).serve": the first element of the package path.
  const std::string_view first = function.substr(0, function.find_first_of("/."));
  // A module may be called like a folder of Go's own; its files are not below one of that name.
  if (!is_one_of(first, kGoPackages)) return CodeRole::kUser;
  return library_if(file.empty() || file.starts_with(first) ||
                    contains(file, "/src/" + std::string(first)) ||
                    contains(file, "/src/runtime/") || contains(file, "/src/internal/"));
}

CodeRole java_role(std::string_view function) {
  static constexpr std::string_view kPrefixes[] = {"java.",
                                                   "javax.",
                                                   "jdk.",
                                                   "sun.",
                                                   "com.sun.",
                                                   "kotlin.",
                                                   "kotlinx.",
                                                   "scala.",
                                                   "groovy.",
                                                   "android.",
                                                   "androidx.",
                                                   "dalvik.",
                                                   "com.android.",
                                                   "libcore.",
                                                   "org.junit.",
                                                   "junit.",
                                                   "org.springframework.",
                                                   "org.apache.",
                                                   "org.eclipse.",
                                                   "org.hibernate.",
                                                   "org.slf4j.",
                                                   "org.bouncycastle.",
                                                   "com.google.gson.",
                                                   "com.google.common.",
                                                   "com.google.protobuf.",
                                                   "com.fasterxml.",
                                                   "com.zaxxer.",
                                                   "ch.qos.",
                                                   "reactor.",
                                                   "okhttp3.",
                                                   "io.grpc.",
                                                   "io.micrometer.",
                                                   "io.netty.",
                                                   "java/",
                                                   "jdk/"};
  // "java.base/java.lang.Thread.run", "app//pkg.Class.f"
  const size_t slash = function.rfind('/');
  const std::string_view name =
      slash == std::string_view::npos ? function : function.substr(slash + 1);
  return library_if(starts_with_one_of(name, kPrefixes));
}

}  // namespace

CodeRole runtime_role(Language language, std::string_view function, std::string_view file) {
  switch (language) {
    case Language::kGo:
      return go_role(function, file);
    case Language::kPython:
      return python_role(file);
    case Language::kJavaScript:
      return javascript_role(file);
    case Language::kJava:
      return java_role(function);
    case Language::kRuby:
      return library_if(contains(file, "/gems/") || contains(file, "/lib/ruby/") ||
                        file.starts_with("<internal:"));
    case Language::kPhp:
      return library_if(contains(file, "/vendor/") || file.empty());
    case Language::kDotNet:
      return library_if(function.starts_with("System.") || function.starts_with("Microsoft."));
  }
  return CodeRole::kUnknown;
}

}  // namespace inquest::diagnosis
