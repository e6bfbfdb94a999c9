// CoroutineCode: which functions are parts of a C++20 coroutine, and where its promise lies.
//
// A coroutine's frame begins with the address of the function that resumes it and of the one that
// destroys it; the promise follows (gcc and clang agree, so that each resumes the other's). The
// compilers name both after the function in the source:
//   gcc    <mangled>.actor and .destroy, where <mangled> takes a pointer to "<function>.Frame"
//   clang  <function>.resume and .destroy, or .cleanup where the frame lies in the caller's
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "process/symbols/evidence.h"

namespace inquest::process {

enum class CoroutinePart : uint8_t {
  kResume,
  kDestroy,  // .cleanup too
};

// What a symbol says of a coroutine.
struct CoroutineSymbol {
  CoroutinePart part = CoroutinePart::kResume;
  std::string_view function;  // of the source, as the linker sees it: a view into the symbol
  std::string_view suffix;    // ".actor", ".actor.cold", ".resume"
  bool is_cold = false;       // what was moved away from the part's beginning
};
// nullopt: the symbol names no part of a coroutine.
std::optional<CoroutineSymbol> coroutine_symbol(std::string_view symbol);

struct CoroutineCode {
  CoroutinePart part = CoroutinePart::kResume;
  std::string function;  // demangled, with parameters: "session(Conn&)"
  Address start;
  const Module* module = nullptr;
};

// Where a std::coroutine_handle lies in a promise.
struct PromiseHandle {
  std::string member;   // "continuation", "base.waiter"
  uint64_t offset = 0;  // from the start of the coroutine's frame
  // It lies in an std::optional: the byte that says whether there is one.
  std::optional<uint64_t> engaged;
};

struct PromiseLayout {
  std::string type;  // of the promise
  std::vector<PromiseHandle> handles;
  bool all_known = true;               // false: it has more parts than were looked at
  std::optional<uint64_t> frame_size;  // bytes, where the debug information describes the frame
};

inline constexpr size_t kMaxPromiseHandles = 32;
inline constexpr size_t kMaxPromiseParts = 2'000;  // members looked at
inline constexpr size_t kMaxSymbolsAsked = 2'000;  // addresses, of one process

// Not thread-safe. The evidence must outlive it.
class CoroutineCodes {
 public:
  explicit CoroutineCodes(Evidence& evidence) : evidence_(evidence) {}

  // Asks about all of these in one pass over each symbol table. Only saves time.
  void prepare(std::vector<Address> addresses);
  // The part of a coroutine that begins at `address`; nullptr: none does.
  const CoroutineCode* at(Address address);
  // The promise of the coroutine that `code` resumes; nullptr without debug information: why_not().
  const PromiseLayout* promise(const CoroutineCode& code);
  const std::string& why_not() const { return why_not_; }
  // How far into the frame the promise is; nullopt when not known.
  std::optional<uint64_t> promise_offset(const CoroutineCode& code);

 private:
  struct Promise {
    std::optional<dwarf::DieRef> type;
    uint64_t offset = 0;
    std::optional<uint64_t> frame_size;
  };
  std::optional<Promise> find_promise(const CoroutineCode& code, Types& types);

  Evidence& evidence_;
  std::map<Address, std::optional<CoroutineCode>> known_;
  struct Layout {
    std::optional<uint64_t> offset;
    std::optional<PromiseLayout> layout;
    std::string why_not;
  };
  const Layout& layout(const CoroutineCode& code);
  std::map<Address, Layout> layouts_;
  std::string why_not_;
};

}  // namespace inquest::process
