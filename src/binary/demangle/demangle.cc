#include "binary/demangle/demangle.h"

#include <libiberty/demangle.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <optional>

#include "binary/demangle/roomy_stack.h"

namespace inquest::demangle {
namespace {

// libiberty's own limit on recursion also refuses names of more than half as many characters,
// honest ones too. Beyond this size the limit is lifted and the name gets a large stack instead.
constexpr size_t kMaxSizeOnCallersStack = DEMANGLE_RECURSION_LIMIT / 2 - 24;

// What libiberty keeps on the stack while it prints is quadratic: (template arguments lists) x
// (references to template parameters). Names that would need more than this are not demangled.
constexpr size_t kMaxPrintTable = kRoomyStackSize / 4;

using Callback = int (*)(const char* mangled, int options, demangle_callbackref sink, void* opaque);

// One call of libiberty. `escape` leads out of it when the output grows over the limit: its
// callback has no other way to stop, and a name of 250 bytes can ask for gigabytes. Nothing but C
// frames lie between.
struct Job {
  Callback function;
  const char* mangled;
  int options;
  std::string output;
  bool done = false;
  std::jmp_buf escape;
};

void take_output(const char* text, size_t size, void* opaque) {
  auto* job = static_cast<Job*>(opaque);
  if (size <= kMaxDemangledSize - job->output.size()) {
    job->output.append(text, size);
    return;
  }
  // Punycode identifiers are printed from a heap buffer that is freed right after: let that happen,
  // stop at the next piece, which is plain.
  const bool plain = std::all_of(text, text + size, [](char c) { return (c & 0x80) == 0; });
  job->output.resize(kMaxDemangledSize);
  if (plain) std::longjmp(job->escape, 1);
}

void run(void* opaque) {
  auto* job = static_cast<Job*>(opaque);
  job->done = false;
  if (setjmp(job->escape) == 0) {
    job->done = job->function(job->mangled, job->options, take_output, job) != 0;
  }
}

// An upper bound of the table: every 'I' may open template arguments, every 'R' or 'O' be such a
// reference, and libiberty counts each twice.
bool print_table_fits(std::string_view symbol) {
  const auto count = [&](char c) {
    return static_cast<size_t>(std::count(symbol.begin(), symbol.end(), c));
  };
  constexpr size_t kEntrySize = 16;
  return 4 * count('I') * (count('R') + count('O')) * kEntrySize <= kMaxPrintTable;
}

std::optional<std::string> call(Callback function, const std::string& symbol, int options) {
  Job job{};
  job.function = function;
  job.mangled = symbol.c_str();
  job.options = options;
  // The Rust part keeps no tables and bounds its recursion whatever the size.
  if (symbol.size() <= kMaxSizeOnCallersStack || function == rust_demangle_callback) {
    run(&job);
  } else {
    if (!print_table_fits(symbol)) return std::nullopt;
    job.options |= DMGL_NO_RECURSE_LIMIT;
    if (!call_on_roomy_stack(run, &job)) return std::nullopt;
  }
  if (!job.done || job.output.size() >= kMaxDemangledSize) return std::nullopt;
  return std::move(job.output);
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// Where "_ZN3foo3bar17h0123456789abcdefE" ends, C++'s way with a hash as the last component; 0 for
// other names.
size_t rust_legacy_size(std::string_view symbol) {
  constexpr size_t kHashSize = 20;  // 17h + 16 digits + E
  if (!symbol.starts_with("_ZN")) return 0;
  const size_t start = symbol.rfind("17h");
  if (start == std::string_view::npos || symbol.size() - start < kHashSize) return 0;
  const auto hash = symbol.substr(start, kHashSize);
  const bool valid = hash.ends_with('E') && std::all_of(hash.begin() + 3, hash.end() - 1, is_hex);
  const size_t end = start + kHashSize;
  return valid && (end == symbol.size() || symbol[end] == '.') ? end : 0;
}

std::optional<std::string> demangle_mangled(const std::string& symbol, int options) {
  if (symbol.starts_with("_R") || rust_legacy_size(symbol) != 0) {
    if (auto name = call(rust_demangle_callback, symbol, DMGL_NO_OPTS)) return name;
  }
  if (symbol.starts_with("_Z")) return call(cplus_demangle_v3_callback, symbol, options);
  constexpr std::string_view kInitializer = "_GLOBAL__sub_I_";
  if (symbol.starts_with(kInitializer) && symbol.compare(kInitializer.size(), 2, "_Z") == 0) {
    const auto name = call(cplus_demangle_v3_callback, symbol.substr(kInitializer.size()), options);
    if (name) return "global constructors keyed to " + *name;
  }
  return std::nullopt;
}

std::string demangle_with(std::string_view symbol, Suffix suffix, int options) {
  if (symbol.size() > kMaxMangledSize || symbol.find('\0') != std::string_view::npos) {
    return std::string(symbol);
  }
  const auto split = split_suffix(symbol);
  const std::string mangled(split.name);
  std::string text = demangle_mangled(mangled, options).value_or(mangled);
  if (suffix == Suffix::kShow && !split.suffix.empty()) {
    text.append(" [").append(split.suffix).append("]");
  }
  return text;
}

constexpr std::array<std::string_view, 14> kCloneWords = {
    "cold",  "hot",   "part",       "constprop", "isra", "lto_priv", "llvm",
    "clone", "local", "localalias", "unlikely",  "warm", "resolver", "__uniq"};

bool is_number(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Drops ".word" or ".word.123" with a known word from the end of `name`, or says that there is
// none.
bool drop_clone_suffix(std::string_view& name) {
  size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return false;
  if (is_number(name.substr(dot + 1))) {
    const size_t before = name.rfind('.', dot - 1);
    if (before == std::string_view::npos || before == 0) return false;
    const auto word = name.substr(before + 1, dot - before - 1);
    if (std::find(kCloneWords.begin(), kCloneWords.end(), word) == kCloneWords.end()) return false;
    name = name.substr(0, before);
    return true;
  }
  const auto word = name.substr(dot + 1);
  if (std::find(kCloneWords.begin(), kCloneWords.end(), word) == kCloneWords.end()) return false;
  name = name.substr(0, dot);
  return true;
}

// "name@VERSION" and "name@@VERSION"; Itanium and Rust names hold no '@'.
std::string_view without_version(std::string_view name) {
  const size_t at = name.find('@');
  return at == std::string_view::npos || at == 0 ? name : name.substr(0, at);
}

// " [clone .cold]", as perf and c++filt write it.
std::string_view clone_note(std::string_view symbol) {
  const size_t at = symbol.rfind(" [clone ");
  return at == std::string_view::npos || at == 0 || !symbol.ends_with(']') ? std::string_view()
                                                                           : symbol.substr(at);
}

}  // namespace

SplitSymbol split_suffix(std::string_view symbol) {
  if (const auto note = clone_note(symbol); !note.empty()) {
    constexpr size_t kOpening = 8;  // " [clone "
    return {symbol.substr(0, symbol.size() - note.size()),
            note.substr(kOpening, note.size() - kOpening - 1)};
  }
  std::string_view name = without_version(symbol);
  if (const size_t size = rust_legacy_size(name); size != 0) {
    name = name.substr(0, size);  // the dots before are its own
  } else if (name.starts_with("_Z") || name.starts_with("_R")) {
    // Neither grammar has dots: one can only begin what a compiler appended.
    name = name.substr(0, name.find('.'));
  } else {
    while (drop_clone_suffix(name)) {
    }
  }
  return {name, symbol.substr(name.size())};
}

std::string demangle(std::string_view symbol, Suffix suffix) {
  return demangle_with(symbol, suffix, DMGL_PARAMS | DMGL_ANSI);
}

std::string demangle_name_only(std::string_view symbol, Suffix suffix) {
  return demangle_with(symbol, suffix, DMGL_NO_OPTS);
}

}  // namespace inquest::demangle
