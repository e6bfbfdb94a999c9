#include "diagnosis/facts/abort.h"

#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/facts/abort_text.h"
#include "diagnosis/facts/call_arguments.h"
#include "diagnosis/facts/caller_argument.h"
#include "diagnosis/facts/cxx_exception.h"
#include "diagnosis/facts/frames.h"
#include "diagnosis/facts/roles.h"
#include "diagnosis/facts/rust_panic.h"
#include "diagnosis/facts/signals.h"
#include "diagnosis/facts/told.h"
#include "diagnosis/facts/user_place.h"
#include "process/runtime/v8/v8.h"

namespace inquest::diagnosis {
namespace {

using Kind = AbortFacts::Kind;

constexpr uint64_t kShortestNearbyText = 6;
constexpr uint64_t kLongestNearbyText = 512;
constexpr uint64_t kPage = 4096;
constexpr uint64_t kMaxMessageRecord = 64 * 1024;
constexpr size_t kMaxMessagePages = 16 * 1024;
constexpr uint64_t kUnnamedPanicStack = 8 * 1024;  // bytes of stack above abort() that are searched
constexpr size_t kOutOfMemoryFrames = 3;  // user frames next to abort() whose names are looked at

// The frames that only end the process, and the first function below them.
struct Ending {
  const Site& site;
  const StackFacts& frames;
  size_t below = 0;  // the first frame that is more than that

  // The frame, from site.frame to the first one below, in which a function satisfies `is_it`.
  template <typename Predicate>
  std::optional<size_t> find(Predicate is_it) const {
    for (size_t i = site.frame; i <= below && i < frames.frames.size(); ++i) {
      for (const FunctionFact& function : frames.frames[i].functions) {
        if (is_it(std::string_view(function.short_name))) return i;
      }
    }
    return std::nullopt;
  }
  std::optional<size_t> find_name(std::initializer_list<std::string_view> names) const {
    return find([&](std::string_view name) {
      return std::any_of(names.begin(), names.end(),
                         [&](std::string_view wanted) { return name == wanted; });
    });
  }
  Evidence evidence(size_t frame) const {
    return {Evidence::Kind::kFrame, frame_text(frames, frame), frames.frames[frame].pc, frame};
  }
};

void add_glibc_message(const Site& site, AbortFacts& facts) {
  for (const auto& module : site.modules.all()) {
    if (!is_c_library(module->path) && !module->is_main) continue;
    const auto variable = site.symbols.find_symbol(*module, "__abort_msg");
    const auto text =
        variable ? read_abort_message(site.modules.memory(), *variable) : std::nullopt;
    if (!text || text->empty()) continue;
    facts = parse_abort_text(*text);
    facts.evidence.push_back({Evidence::Kind::kMemory,
                              fmt::format("__abort_msg of {}: \"{}\"", module->name, facts.message),
                              *variable, std::nullopt});
    return;
  }
}

void add_searched_message(const Site& site, AbortFacts& facts) {
  const auto found = search_abort_message(site.image);
  if (!found) return;
  facts = parse_abort_text(found->text);
  facts.evidence.push_back({Evidence::Kind::kMemory,
                            fmt::format("a message of the C library at {}: \"{}\"",
                                        to_hex(found->record), facts.message),
                            found->record, std::nullopt});
}

void add_told_message(const Site& site, AbortFacts& facts) {
  const auto words = told_last_words(site.image);
  if (!words) return;
  facts = parse_abort_text(words->value);
  facts.evidence.push_back({Evidence::Kind::kText,
                            fmt::format("what the program told its crash reporter as {}: \"{}\"",
                                        words->name, facts.message),
                            std::nullopt, std::nullopt});
}

std::optional<std::string> read_literal(const Site& site, Address address, uint64_t max) {
  if (address.value < 4096) return std::nullopt;
  bool complete = false;
  auto text = site.modules.memory().load_c_string(address, max, &complete);
  if (!text || !complete || text->empty() || !is_plausible_text(*text)) return std::nullopt;
  return text;
}

// A failed check passes its texts to the function that ends the process: (file, line, function,
// condition) for libstdc++, (condition, file, line, function) for assert().
void add_assertion_arguments(const Ending& ending, size_t machinery, bool condition_last,
                             AbortFacts& facts) {
  const Site& site = ending.site;
  if (machinery + 1 >= site.stack.frames.size() || !site.stack.frames[machinery + 1].is_exact())
    return;
  const CallArguments arguments = constant_arguments(site.modules, site.symbols, site.arch(),
                                                     site.stack.frames[machinery + 1].pc);
  const auto text = [&](unsigned n) {
    return arguments.values[n]
               ? read_literal(site, Address(*arguments.values[n]), kMaxAbortText).value_or("")
               : std::string();
  };
  const auto line = arguments.values[condition_last ? 1 : 2];
  facts.condition = text(condition_last ? 3 : 0);
  facts.file = text(condition_last ? 0 : 1);
  facts.function = text(condition_last ? 2 : 3);
  if (line) facts.line = static_cast<uint32_t>(*line);
  if (facts.message.empty() && !facts.condition.empty()) {
    facts.message = fmt::format("{}:{}: {}: Assertion '{}' failed.", facts.file, facts.line,
                                facts.function, facts.condition);
  }
}

void add_assertion(const Ending& ending, AbortFacts& facts) {
  if (const auto frame =
          ending.find_name({"std::__glibcxx_assert_fail", "std::__replacement_assert"})) {
    facts.kind = Kind::kAssertion;
    facts.evidence.push_back(ending.evidence(*frame));
    add_assertion_arguments(ending, *frame, true, facts);
  } else if (const auto plain = ending.find_name(
                 {"__assert_fail", "__GI___assert_fail", "__assert", "__libc_assert_fail"})) {
    facts.kind = Kind::kAssertion;
    facts.evidence.push_back(ending.evidence(*plain));
    add_assertion_arguments(ending, *plain, false, facts);
  }
}

void add_exception(const Ending& ending, AbortFacts& facts) {
  const auto terminate = ending.find([](std::string_view name) {
    return name == "std::terminate" || name.starts_with("__cxxabiv1::__terminate") ||
           name == "__cxa_throw" || name == "__cxa_rethrow" || name == "__clang_call_terminate" ||
           name == "__cxa_call_terminate" ||
           name.starts_with("__gnu_cxx::__verbose_terminate_handler") ||
           name.starts_with("std::__terminate") || name.starts_with("demangling_terminate_handler");
  });
  if (!terminate) return;
  const Site& site = ending.site;
  facts.kind = Kind::kTerminate;
  facts.evidence.push_back(ending.evidence(*terminate));
  ExceptionSearch search{.memory = site.modules.memory(), .arch = site.arch()};
  const auto tp = site.registers().get(site.arch() == isa::Arch::kX86_64 ? isa::x86::kFsBase
                                                                         : isa::a64::kTpidr);
  if (tp) search.thread_pointer = Address(*tp);
  // Words of the frames that carry the exception to its end. A terminate without an exception has
  // none of it in flight, so the heap is searched only when a throwing function is on the stack.
  const auto sp = site.registers().sp();
  const auto end =
      site.stack.frames[std::min(ending.below, site.stack.frames.size() - 1)].registers.sp();
  const bool throwing = ending
                            .find([](std::string_view name) {
                              return name == "__cxa_throw" || name == "__cxa_rethrow";
                            })
                            .has_value();
  if (sp && end && *sp < *end && throwing) search.stack_words = {*sp, *end};
  if (throwing) search.heap = site.map.heaps();
  const auto exception = find_exception(search);
  if (throwing) facts.kind = Kind::kException;  // which one, the evidence may not hold any more
  if (!exception) return;
  facts.kind = Kind::kException;
  facts.exception_type = exception->type;
  facts.exception_what = exception->what;
  facts.evidence.push_back({Evidence::Kind::kMemory,
                            fmt::format("exception object{}{} at {}, found through {}",
                                        exception->type.empty() ? "" : " of type ", exception->type,
                                        to_hex(exception->object), exception->found),
                            exception->object, std::nullopt});
}

// V8 ends the process for an exception that nothing caught when it is asked to
// (--abort-on-uncaught-exception); process.abort() and os.abort() are how scripts call abort().
void add_script(const Ending& ending, AbortFacts& facts) {
  if (ending.below >= ending.frames.frames.size()) return;
  const FrameFact& below = ending.frames.frames[ending.below];
  const auto thrown = ending.find(process::v8::throws_exception);
  if (thrown && ending.find_name({"v8::base::OS::Abort"})) {
    facts.kind = Kind::kException;
    facts.by_script = true;
    facts.evidence.push_back(ending.evidence(*thrown));
    const std::string text = ending.frames.runtime ? ending.frames.runtime->exception : "";
    const size_t colon = text.find(": ");
    const bool has_type = text.find(' ') == colon + 1 || colon == std::string::npos;
    if (has_type) facts.exception_type = text.substr(0, colon);
    if (colon != std::string::npos) facts.exception_what = has_type ? text.substr(colon + 2) : text;
    return;
  }
  const auto asked = ending.find_name({"node::Abort", "os_abort", "os_abort_impl"});
  // Node.js ends itself so, too, below a function of its own.
  if (!asked || below.run_time.empty() || below.functions.back().short_name.starts_with("node::"))
    return;
  facts.kind = Kind::kAbortCall;
  facts.by_script = true;
  facts.evidence.push_back(ending.evidence(*asked));
}

void add_panic_words(const std::optional<Panic>& panic, AbortFacts& facts) {
  if (!panic) return;
  if (panic->location) {
    facts.file = panic->location->file;
    facts.line = panic->location->line;
    facts.evidence.push_back(
        {Evidence::Kind::kMemory,
         fmt::format("panic location at {}: {}:{}:{}", to_hex(panic->location_address), facts.file,
                     facts.line, panic->location->column),
         panic->location_address, std::nullopt});
  }
  if (panic->message.empty()) return;
  facts.message = panic->message;
  facts.evidence.push_back({Evidence::Kind::kMemory,
                            fmt::format("panic message at {}", to_hex(panic->message_address)),
                            panic->message_address, std::nullopt});
}

void add_panic(const Ending& ending, AbortFacts& facts) {
  const Site& site = ending.site;
  const auto frame = ending.find(is_panic_function);
  if (!frame) return;
  facts.kind = ending.find_name({"alloc::alloc::handle_alloc_error", "std::alloc::rust_oom"})
                   ? Kind::kOutOfMemory
                   : Kind::kPanic;
  facts.evidence.push_back(ending.evidence(*frame));
  add_panic_words(
      find_panic(site.image, site.modules, site.symbols, site.stack, ending.frames, site.frame),
      facts);
}

// A stripped Rust program: frames without names above abort(), and a location in Rust code in their
// stack words.
void add_unnamed_panic(const Ending& ending, AbortFacts& facts) {
  const Site& site = ending.site;
  if (ending.below >= ending.frames.frames.size()) return;
  const FrameFact& caller = ending.frames.frames[ending.below];
  const process::Module* main = site.modules.main();
  if (main == nullptr || caller.module != main->path || !caller.functions.back().short_name.empty())
    return;
  const auto sp = site.registers().sp();
  const auto end = site.stack.frames.back().registers.sp();
  if (!sp || !end || *end <= *sp) return;
  const auto panic = find_unnamed_panic(site.image, site.modules.memory(),
                                        {*sp, std::min(*end, *sp + kUnnamedPanicStack)});
  if (!panic) return;
  facts.kind = Kind::kPanic;
  add_panic_words(panic, facts);
}

// free() and its kin found the pointer or its block wrong: which expression was it?
void add_freed_argument(const Ending& ending, AbortFacts& facts) {
  for (size_t i = ending.site.frame; i < ending.frames.frames.size(); ++i) {
    const std::string& name = ending.frames.frames[i].functions.back().short_name;
    const bool frees = name == "free" || name == "cfree" || name == "__libc_free" ||
                       name == "__GI___libc_free" || name == "realloc" ||
                       name == "__libc_realloc" || name == "__GI___libc_realloc";
    if (!frees) continue;
    facts.argument = first_argument(ending.site, ending.frames, i);
    return;
  }
}

bool speaks_of_memory(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  for (const std::string_view part :
       {"xmalloc", "xcalloc", "xrealloc", "xstrdup", "out_of_mem", "outofmem", "oom", "alloc_fail",
        "allocation_fail", "allocerror", "alloc_error", "no_memory", "memory_exhausted",
        "g_malloc"}) {
    const size_t at = lower.find(part);
    if (at == std::string::npos) continue;
    // "room", "bloom" are not "oom".
    if (part == "oom" && ((at > 0 && lower[at - 1] != '_' && lower[at - 1] != ':') ||
                          (at + 3 < lower.size() && lower[at + 3] != '_'))) {
      continue;
    }
    return true;
  }
  return false;
}

// A program's own give-up function: what it is called, and the texts that the code before abort()
// refers to.
void add_own_words(const Ending& ending, AbortFacts& facts) {
  const Site& site = ending.site;
  size_t seen = 0;
  for (size_t i = ending.below; i < ending.frames.frames.size() && seen < kOutOfMemoryFrames; ++i) {
    ++seen;
    for (const FunctionFact& function : ending.frames.frames[i].functions) {
      if (!speaks_of_memory(function.short_name)) continue;
      facts.kind = Kind::kOutOfMemory;
      facts.evidence.push_back(ending.evidence(i));
      break;
    }
  }
  if (ending.below >= site.stack.frames.size() || ending.below == site.frame) return;
  for (const Address at :
       nearby_references(site.modules, site.arch(), site.stack.frames[ending.below].pc)) {
    const process::Mapping* mapping = site.image.mapping_at(at);
    if (mapping == nullptr ||
        (mapping->protection && (mapping->protection->write || mapping->protection->execute)))
      continue;
    auto text = read_literal(site, at, kLongestNearbyText);
    if (!text || text->size() < kShortestNearbyText) continue;
    facts.evidence.push_back(
        {Evidence::Kind::kText,
         fmt::format("the code before the call refers to the text \"{}\"", *text), at,
         ending.below});
    if (facts.kind == Kind::kAbortCall && parse_abort_text(*text).kind == Kind::kOutOfMemory)
      facts.kind = Kind::kOutOfMemory;
    if (facts.evidence.size() > 4) return;
  }
}

// What the functions above say when there is no message.
void add_by_names(const Ending& ending, AbortFacts& facts) {
  const auto set = [&](Kind kind, std::optional<size_t> frame) {
    if (!frame || facts.kind != Kind::kNone) return;
    facts.kind = kind;
    facts.evidence.push_back(ending.evidence(*frame));
  };
  const auto begins = [&](std::string_view prefix) {
    return ending.find([prefix](std::string_view name) { return name.starts_with(prefix); });
  };
  set(Kind::kPureVirtual, ending.find_name({"__cxa_pure_virtual", "__cxa_deleted_virtual"}));
  set(Kind::kStackSmashing, ending.find_name({"__stack_chk_fail", "__stack_chk_fail_local"}));
  set(Kind::kGlibcHeap, begins("malloc_printerr"));
  set(Kind::kSanitizer, begins("__sanitizer::"));
  set(Kind::kSanitizer, begins("__asan"));
  set(Kind::kSanitizer, begins("__ubsan"));
  set(Kind::kFortify, begins("__fortify_fail"));
  set(Kind::kFortify, ending.find([](std::string_view name) {
    return name == "__chk_fail" || (name.starts_with("__") && name.ends_with("_chk"));
  }));
}

}  // namespace

std::optional<std::string> read_abort_message(const process::MemoryReader& memory,
                                              Address variable) {
  // struct abort_msg_s { unsigned int size; char msg[]; } in a mapping of its own; size is that of
  // the whole mapping.
  const auto record = memory.load_pointer(variable);
  if (!record || record->is_null()) return std::nullopt;
  const auto size = memory.load<uint32_t>(*record);
  if (!size || *size <= sizeof(uint32_t)) return std::nullopt;
  auto text = memory.load_c_string(*record + 4, std::min<uint64_t>(*size - 4, kMaxAbortText));
  return text && is_plausible_text(*text) ? text : std::nullopt;
}

std::optional<FoundMessage> search_abort_message(const process::ProcessImage& image) {
  size_t pages = 0;
  for (const process::Mapping& mapping : image.mappings) {
    const bool anonymous =
        mapping.path.empty() && (!mapping.protection || mapping.protection->write);
    if (!anonymous || image.memory == nullptr) continue;
    for (Address page = mapping.range.start; page < mapping.range.end; page = page + kPage) {
      if (++pages > kMaxMessagePages) return std::nullopt;
      const auto size = image.memory->load<uint32_t>(page);
      if (!size || *size == 0 || *size % kPage != 0 || *size > kMaxMessageRecord) continue;
      auto text = image.memory->load_c_string(page + 4, kMaxAbortText);
      if (!text || !is_plausible_text(*text)) continue;
      const Kind kind = parse_abort_text(*text).kind;
      if (kind != Kind::kNone && kind != Kind::kOther) return FoundMessage{*std::move(text), page};
    }
  }
  return std::nullopt;
}

AbortFacts describe_abort(const Site& site, const StackFacts& frames) {
  AbortFacts facts;
  if (site.frame >= site.stack.frames.size() || site.frame >= frames.frames.size()) return facts;
  const Ending ending{site, frames, first_frame_below_abort(frames, site.frame)};
  const bool aborted = site.signal.number == kSigAbrt;
  const bool by_itself = site.signal.sender_pid == site.image.pid;
  if (aborted && site.signal.sender_pid && !by_itself) return facts;
  const bool ends_itself = aborted || ending.below > site.frame || site.signal.number == kSigTrap ||
                           site.signal.number == kSigIll;
  if (!ends_itself) return facts;
  if (aborted) add_glibc_message(site, facts);
  if (aborted && facts.kind == Kind::kNone) add_searched_message(site, facts);
  if (facts.kind == Kind::kNone) add_told_message(site, facts);
  if (facts.kind == Kind::kNone || facts.kind == Kind::kOther) {
    AbortFacts named;
    add_script(ending, named);
    if (named.kind == Kind::kNone) add_by_names(ending, named);
    if (named.kind == Kind::kNone) add_assertion(ending, named);
    if (named.kind == Kind::kNone) add_panic(ending, named);
    if (named.kind == Kind::kNone) add_exception(ending, named);
    if (named.kind != Kind::kNone) {
      if (named.message.empty()) named.message = facts.message;
      named.evidence.insert(named.evidence.end(), facts.evidence.begin(), facts.evidence.end());
      facts = std::move(named);
    }
  }
  if (facts.kind == Kind::kGlibcHeap) add_freed_argument(ending, facts);
  if (facts.kind != Kind::kNone) return facts;
  if (const auto call = ending.find_name({"abort", "__GI_abort"}); call && aborted) {
    facts.kind = Kind::kAbortCall;
    facts.evidence.push_back(ending.evidence(*call));
    add_unnamed_panic(ending, facts);
    if (facts.kind == Kind::kAbortCall) add_own_words(ending, facts);
  } else if (aborted || (by_itself && site.signal.code && *site.signal.code <= 0)) {
    facts.kind = Kind::kRaise;
    if (aborted && ending.below > site.frame) add_own_words(ending, facts);
  }
  return facts;
}

}  // namespace inquest::diagnosis
