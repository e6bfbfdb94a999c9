// Coroutines: which C++20 coroutines wait for the one that a thread runs. The stack shows only who
// resumed it: a scheduler, an event loop. Who awaits it stands in its promise, as the
// std::coroutine_handle that it will resume when it is done.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "process/symbols/coroutine_code.h"
#include "process/symbols/evidence.h"
#include "process/unwind/frame.h"

namespace inquest::process {

// A coroutine's frame that was recognised by the two functions that it begins with.
struct CoroutineFrame {
  Address address;
  std::string function;           // "session(Conn&)"
  bool finished = false;          // it stands behind its last await: nobody may resume it
  std::optional<Address> resume;  // the function that resumes it; nullopt when finished
};

struct Awaiter {
  CoroutineFrame frame;
  // The instructions that it will go on with. Empty: not known.
  std::vector<Address> goes_on;
  std::string member;  // of the awaited one's promise that holds it: "continuation"
  Address held_at;     // where that member lies
  // Found without debug information: see find_by_links.
  bool is_guess = false;
};

struct AwaitChain {
  CoroutineFrame frame;           // of the one that runs
  std::vector<Awaiter> awaiters;  // the one that awaits it first
  std::string end;  // why there are no more of them, a clause: "nothing awaits serve(): …"
};

inline constexpr size_t kMaxAwaiters = 128;
inline constexpr size_t kMaxFrameWords = 512;  // of a stack frame, searched for the coroutine's
inline constexpr size_t kMaxLinkWords = 128;   // of a coroutine's frame, searched for links
inline constexpr uint64_t kMaxFrameBlock = 64 * 1024;  // bytes of one, searched likewise
inline constexpr size_t kMaxCallersSearched = 4;

// Not thread-safe. The evidence must outlive it.
class Coroutines {
 public:
  explicit Coroutines(Evidence& evidence) : evidence_(evidence), codes_(evidence) {}

  // Asks about the functions that begin at these addresses at once. Only saves time.
  void prepare(std::vector<Address> functions) { codes_.prepare(std::move(functions)); }
  // For stack.frames[index], which is in the function that begins at `function`. nullopt: that is
  // not a coroutine's body.
  std::optional<AwaitChain> chain(const Stack& stack, size_t index, Address function);
  // The coroutine whose frame is at `address`.
  std::optional<CoroutineFrame> frame_at(Address address);

 private:
  struct Link {
    std::string member;
    Address held_at;
    uint64_t value = 0;
  };
  std::optional<Address> running_frame(const Stack& stack, size_t index, const CoroutineCode& code);
  std::optional<Address> by_variables(const Stack& stack, size_t index, const CoroutineCode& code);
  bool is_frame_of(Address address, const CoroutineCode& code);
  // Adds the one that awaits `frame`, or says why the chain ends.
  bool extend(const CoroutineFrame& frame, const CoroutineCode& code, AwaitChain& chain);
  bool choose(const CoroutineFrame& frame, const std::vector<Link>& links,
              const std::string& absent, AwaitChain& chain);
  // Two frames that hold each other's address: one awaits the other. Without debug information it
  // is not known where the promise ends.
  bool find_by_links(const CoroutineFrame& frame, AwaitChain& chain);
  // Does the coroutine's frame hold `wanted` among its variables? nullopt: its size is not known.
  std::optional<bool> holds(const CoroutineFrame& frame, Address wanted);
  std::optional<uint64_t> size_of(const CoroutineFrame& frame);
  static bool is_in(const AwaitChain& chain, Address frame);
  void add(const CoroutineFrame& found, const Link& link, bool is_guess, AwaitChain& chain);
  bool is_idle(Address frame);

  Evidence& evidence_;
  CoroutineCodes codes_;
};

}  // namespace inquest::process
