#include <fmt/format.h>

#include "diagnosis/verdict/rules.h"

namespace inquest::diagnosis {
namespace {

constexpr uint64_t kNullPage = 4096;
constexpr uint64_t kNearNull = 65536;  // the usual vm.mmap_min_addr: nothing can be mapped below

// Facts of the refused access, looked up once for all rules below.
struct Access {
  const Facts& facts;
  const FaultFacts& fault;
  const OperandFacts* operand;  // may be nullptr
  const AddressFacts* at;       // of the refused address; may be nullptr
  const AddressFacts* pointer;  // of the bad register's value; may be nullptr

  bool at_has(AddressTrait trait) const { return at != nullptr && at->has(trait); }
  bool pointer_has(AddressTrait trait) const { return pointer != nullptr && pointer->has(trait); }
  bool has(AddressTrait trait) const { return at_has(trait) || pointer_has(trait); }
  bool writes() const {
    return fault.access == AccessKind::kWrite || fault.access == AccessKind::kReadWrite;
  }
  std::string words() const { return operand != nullptr ? pointer_words(*operand) : "a pointer"; }
  std::string member() const { return operand != nullptr ? member_words(*operand) : ""; }
};

Hypothesis start(const Access& a, CrashClass crash_class, std::string sentence) {
  Hypothesis h;
  h.crash_class = crash_class;
  h.sentence = std::move(sentence);
  h.expression = expression_of(a.fault);
  if (!a.fault.instruction.empty()) {
    h.facts_for.push_back(
        fmt::format("`{}` was refused: {}", a.fault.instruction, access_words(a.fault)));
  }
  if (a.operand != nullptr && a.operand->bad_value && !a.operand->bad_register.empty()) {
    h.facts_for.push_back(
        fmt::format("{} = {}", a.operand->bad_register, to_hex(*a.operand->bad_value)));
  }
  if (a.at != nullptr && !a.at->statement.empty()) h.facts_for.push_back(a.at->statement);
  if (a.pointer != nullptr && a.pointer != a.at && !a.pointer->has(AddressTrait::kNull) &&
      !a.pointer->statement.empty() &&
      (a.at == nullptr || a.pointer->statement != a.at->statement)) {
    h.facts_for.push_back(a.pointer->statement);
  }
  if (a.operand != nullptr && a.operand->expression) {
    const ExpressionFact& e = *a.operand->expression;
    if (e.trust == "heuristic") {
      h.facts_against.push_back(fmt::format(
          "that the value is `{}` is a guess: the compiler did not record it here", e.text));
    }
  }
  return h;
}

// The allocator itself stumbled: over the pointer it was given, or over its own records.
void inside_allocator(const Access& a, Proposals& out) {
  if (a.facts.crash_frame >= a.facts.crashing.frames.size()) return;
  std::string name;
  for (const FunctionFact& function : a.facts.crashing.frames[a.facts.crash_frame].functions) {
    name = function.short_name;
  }
  for (const std::string_view freeing :
       {"cfree", "free", "__libc_free", "_int_free", "__GI___libc_free", "realloc",
        "__libc_realloc", "malloc_usable_size"}) {
    if (name != freeing) continue;
    out.push_back(
        {start(a, CrashClass::kInvalidFree,
               fmt::format("{}() was given a pointer that is no heap block: {} was refused while "
                           "it looked for the block's header",
                           name, access_words(a.fault))),
         90});
    out.push_back(
        {start(a, CrashClass::kHeapCorruption, "the header in front of the block was overwritten"),
         60});
    return;
  }
  for (const std::string_view allocating :
       {"malloc", "_int_malloc", "__libc_malloc", "calloc", "__libc_calloc", "malloc_consolidate",
        "unlink_chunk", "unlink_chunk.isra.0", "_int_realloc", "tcache_get"}) {
    if (name != allocating) continue;
    out.push_back(
        {start(a, CrashClass::kHeapCorruption,
               fmt::format("the allocator's own lists are damaged: {} in {}() was refused",
                           access_words(a.fault), name)),
         97});
    return;
  }
}

// The register is null, or it holds an element's address computed from a pointer that is.
bool is_null_pointer(const OperandFacts& operand) {
  if (!operand.bad_value) return false;
  if (*operand.bad_value == 0) return true;
  return operand.expression && operand.expression->trust != "heuristic" &&
         operand.expression->value == 0 && *operand.bad_value < kNearNull;
}

// `double*`, `const char*`, `T**`: an offset from one of these is an index.
bool points_to_scalar(const std::string& type) {
  if (type.empty() || type.find("**") != std::string::npos) return !type.empty();
  for (const std::string_view word :
       {"int", "char", "long", "short", "double", "float", "bool", "unsigned", "_t*", "_t *"}) {
    if (type.find(word) != std::string::npos) return type.find("struct") == std::string::npos;
  }
  return false;
}

// "`p` is null: the 4-byte read at 0x38 is member `x` of `struct S`"
void null_pointer(const Access& a, Proposals& out) {
  if (a.operand == nullptr || !is_null_pointer(*a.operand)) return;
  const std::string member = a.member();
  // Without types, an offset is the only sign that there was an object.
  const bool is_vtable = a.operand->member && a.operand->member->member.starts_with("_vptr");
  const bool is_member =
      (!member.empty() && !is_vtable) ||
      (member.empty() && a.operand->displacement != 0 &&
       (!a.operand->expression || !points_to_scalar(a.operand->expression->type)));
  std::string sentence = fmt::format("{} is null: {}", a.words(), access_words(a.fault));
  if (is_vtable) {
    sentence += " is its vtable pointer, for a virtual call";
  } else if (!member.empty()) {
    sentence += fmt::format(" is {}", member);
  } else if (a.operand->displacement != 0) {
    sentence +=
        fmt::format(" is {} bytes into an object that is not there", a.operand->displacement);
  } else {
    sentence += " has nothing behind it";
  }
  Hypothesis h = start(a, is_member ? CrashClass::kNullMemberAccess : CrashClass::kNullDereference,
                       std::move(sentence));
  if (a.operand->expression && !a.operand->expression->base_variable.empty()) {
    const ExpressionFact& e = *a.operand->expression;
    const std::string of = e.function.empty() ? "" : fmt::format(" of `{}()`", e.function);
    h.facts_for.push_back(fmt::format("`{}` is {}{}", e.base_variable, e.base_kind, of));
  }
  h.would_confirm = "the path that leaves it null: who was to set it, and who was to check it";
  h.next_command = explain_command(a.facts, "--full");
  out.push_back({std::move(h), 96});
}

// The pointer itself is small: null plus or minus the offset of a member whose address was taken.
void derived_from_null(const Access& a, Proposals& out) {
  const uint64_t address = a.fault.address ? a.fault.address->value : kNearNull;
  if (a.operand != nullptr && a.operand->bad_value) {
    const uint64_t value = *a.operand->bad_value;
    if (is_null_pointer(*a.operand)) return;
    if (value < kNullPage) {
      Hypothesis h =
          start(a, CrashClass::kNullMemberAccess,
                fmt::format("{} is {}, a small offset from null: the address of a member "
                            "of an object that is not there, used in {}",
                            a.words(), to_hex(value), access_words(a.fault)));
      h.would_confirm = "which null object this offset belongs to, one caller up";
      h.next_command = explain_command(a.facts, "--full");
      out.push_back({std::move(h), 78});
      Hypothesis integer = start(
          a, CrashClass::kWildPointer,
          fmt::format("{} holds the small number {} that was never a pointer", a.words(), value));
      out.push_back({std::move(integer), 50});
    } else if (value >= uint64_t(0) - kNullPage) {
      const int64_t negative = static_cast<int64_t>(value);
      Hypothesis h = start(a, CrashClass::kNullMemberAccess,
                           fmt::format("{} is {}: null minus the offset of a member (container_of "
                                       "of null, or the element before the first)",
                                       a.words(), negative));
      out.push_back({std::move(h), 62});
      Hypothesis error = start(a, CrashClass::kWildPointer,
                               fmt::format("{} is {}: an error value used as a pointer (MAP_FAILED "
                                           "is -1, system calls answer -errno)",
                                           a.words(), negative));
      out.push_back({std::move(error), negative == -1 ? 80 : 55});
    }
    return;
  }
  if (address < kNearNull) {
    Hypothesis h = start(
        a, address == 0 ? CrashClass::kNullDereference : CrashClass::kNullMemberAccess,
        fmt::format("{} lies in the first pages, where nothing is ever mapped: a null pointer{}",
                    access_words(a.fault), address == 0 ? "" : " and an offset"));
    h.facts_against.push_back("the instruction could not be tied to a register");
    out.push_back({std::move(h), 80});
  }
}

void freed_memory(const Access& a, Proposals& out) {
  if (a.has(AddressTrait::kFreedTcacheLink)) {
    Hypothesis h = start(a, CrashClass::kUseAfterFree,
                         fmt::format("{} was read from memory that had been freed: its value is a "
                                     "mangled link of glibc's free list",
                                     a.words()));
    h.would_confirm = "the stack of the free() call: valgrind or AddressSanitizer prints it";
    h.next_command = fmt::format("valgrind --num-callers=30 {}", executable_of(a.facts));
    out.push_back({std::move(h), 84});
    return;
  }
  const AddressFacts* poisoned = a.at_has(AddressTrait::kPoison) ? a.at : a.pointer;
  if (!a.has(AddressTrait::kPoison)) return;
  const std::string& poison = poisoned->poison_name;
  const bool uninitialised = poison.find("uninit") != std::string::npos;
  Hypothesis h =
      start(a, uninitialised ? CrashClass::kUninitialisedPointer : CrashClass::kUseAfterFree,
            fmt::format("{} holds the fill pattern of {} memory ({})", a.words(),
                        uninitialised ? "uninitialised" : "freed", poison));
  h.next_command = fmt::format("valgrind --track-origins=yes {}", executable_of(a.facts));
  const bool generic = poison.find("0xdead") != std::string::npos;
  out.push_back({std::move(h), generic ? 58 : 80});
  if (generic) {
    out.push_back({start(a, CrashClass::kWildPointer,
                         fmt::format("{} holds the marker {} that some code stored on purpose",
                                     a.words(), poison)),
                   62});
  }
}

void mapping_forbids(const Access& a, Proposals& out) {
  if (a.at == nullptr) return;
  if (a.writes() && a.at->has(AddressTrait::kReadOnlyMapping)) {
    const std::string where = a.at->symbol.empty() ? a.at->mapping : a.at->symbol;
    Hypothesis h = start(a, CrashClass::kWriteToReadOnly,
                         fmt::format("{} points into read-only memory ({}): {} was refused",
                                     a.words(), where, access_words(a.fault)));
    h.would_confirm = "whether the object is a string literal or a const table";
    out.push_back({std::move(h), 93});
  }
  if (a.at->has(AddressTrait::kNoAccessMapping) && !a.fault.stack_pointer_in_guard) {
    out.push_back(
        {start(a, CrashClass::kOutOfBoundsAccess,
               fmt::format("{} ran into memory that is mapped without access ({}): a guard "
                           "page, or memory given back",
                           access_words(a.fault), a.at->mapping)),
         76});
  }
}

void beyond_bounds(const Access& a, Proposals& out) {
  const bool past = a.at_has(AddressTrait::kJustPastMapping);
  const bool before = a.at_has(AddressTrait::kJustBeforeMapping);
  if (past || before) {
    out.push_back(
        {start(a, CrashClass::kOutOfBoundsAccess,
               fmt::format("{} is {} bytes {} {}: an index or a length went too far",
                           access_words(a.fault), a.at->distance,
                           past ? "past the end of" : "before the start of", a.at->mapping)),
         past ? 82 : 55});
    return;
  }
  // The base is good and the index carried it away.
  if (a.operand != nullptr && a.operand->index && !a.operand->bad_value && a.at != nullptr &&
      a.at->has(AddressTrait::kUnmapped)) {
    const auto index = a.operand->index->value;
    out.push_back(
        {start(a, CrashClass::kOutOfBoundsAccess,
               fmt::format("the index `{}`{} carries {} outside every mapping",
                           a.operand->index->text, index ? fmt::format(" = {}", *index) : "",
                           access_words(a.fault))),
         80});
  }
}

void misaligned(const Access& a, Proposals& out) {
  if (!a.at_has(AddressTrait::kMisaligned)) return;
  out.push_back(
      {start(a, CrashClass::kMisalignedAccess,
             fmt::format("`{}` needs an aligned address and {} is not", a.fault.instruction,
                         a.fault.address ? to_hex(*a.fault.address) : "its operand")),
       92});
}

void truncated_file(const Access& a, Proposals& out) {
  const bool bus = a.facts.signal.name == "SIGBUS";
  // Some producers (qemu) record no code; then a mapped address speaks for itself.
  const bool no_code = !a.facts.signal.code && a.at != nullptr &&
                       !a.at->has(AddressTrait::kUnmapped) && !a.at->has(AddressTrait::kMisaligned);
  if (!bus || (a.facts.signal.code_name != "BUS_ADRERR" &&
               !a.at_has(AddressTrait::kBeyondEndOfFile) && !no_code)) {
    return;
  }
  const std::string file = a.at != nullptr ? a.at->mapping : "";
  Hypothesis h =
      start(a, CrashClass::kBusTruncatedFile,
            fmt::format("{} lies in a mapping of {} beyond the end of the file: it was cut "
                        "short while it was mapped (or its disk is full or failing)",
                        access_words(a.fault), file.empty() ? "a file" : file));
  h.would_confirm = "the size of the file now and when it was mapped";
  if (!file.empty()) h.next_command = fmt::format("stat '{}'", file.substr(0, file.find(' ')));
  out.push_back({std::move(h), 92});
}

void wild(const Access& a, Proposals& out) {
  const bool text = a.has(AddressTrait::kText) || a.has(AddressTrait::kUtf16Text);
  if (text) {
    const AddressFacts* bad = a.pointer != nullptr && !a.pointer->text.empty() ? a.pointer : a.at;
    Hypothesis h = start(a, CrashClass::kWildPointer,
                         fmt::format("{} holds text (\"{}\"): a buffer next to it was overrun",
                                     a.words(), bad->text));
    h.next_command = fmt::format("valgrind {}", executable_of(a.facts));
    out.push_back({std::move(h), 82});
    return;
  }
  if (a.has(AddressTrait::kTruncatedPointer)) {
    out.push_back({start(a, CrashClass::kWildPointer,
                         fmt::format("{} lost its upper 32 bits: a pointer went through an int (a "
                                     "missing prototype, or a cast)",
                                     a.words())),
                   80});
  }
  if (a.has(AddressTrait::kBitFlip)) {
    out.push_back(
        {start(a, CrashClass::kWildPointer,
               fmt::format("{} is one bit away from a mapped address: a flipped bit, or a "
                           "flag left in the pointer",
                           a.words())),
         48});
  }
  if (a.has(AddressTrait::kNull) || a.has(AddressTrait::kNearNull)) return;
  const bool nowhere = a.has(AddressTrait::kUnmapped) || a.has(AddressTrait::kNonCanonical) ||
                       a.has(AddressTrait::kKernelHalf);
  if (!nowhere) return;
  Hypothesis h = start(
      a, CrashClass::kWildPointer,
      fmt::format("{} points nowhere: {} lies in no mapping", a.words(), access_words(a.fault)));
  h.would_confirm = "who wrote the value: a watchpoint on where it is kept, or rr";
  h.next_command = fmt::format("valgrind --track-origins=yes {}", executable_of(a.facts));
  out.push_back({std::move(h), 60});
  out.push_back(
      {start(a, CrashClass::kUninitialisedPointer, fmt::format("{} was never set", a.words())),
       40});
  out.push_back(
      {start(a, CrashClass::kUseAfterFree,
             fmt::format("{} was read from memory that now belongs to something else", a.words())),
       38});
}

}  // namespace

void propose_from_memory(const Facts& facts, Proposals& out) {
  if (!facts.fault || facts.fault->pc_is_bad || facts.signal.sent_by_other) return;
  if (facts.signal.name != "SIGSEGV" && facts.signal.name != "SIGBUS") return;
  const FaultFacts& fault = *facts.fault;
  if (fault.kind == "return" || fault.stack_pointer_in_guard) return;
  const OperandFacts* operand = fault.operand ? &*fault.operand : nullptr;
  const AddressFacts* pointer =
      operand != nullptr && operand->pointer ? &*operand->pointer : nullptr;
  const AddressFacts* at = fault.address_facts           ? &*fault.address_facts
                           : operand && operand->address ? &*operand->address
                                                         : nullptr;
  const Access access{facts, fault, operand, at, pointer};
  inside_allocator(access, out);
  null_pointer(access, out);
  derived_from_null(access, out);
  truncated_file(access, out);
  misaligned(access, out);
  mapping_forbids(access, out);
  freed_memory(access, out);
  beyond_bounds(access, out);
  wild(access, out);
}

}  // namespace inquest::diagnosis
