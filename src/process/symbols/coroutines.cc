#include "process/symbols/coroutines.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "process/flow/resume_point.h"
#include "process/symbols/frame_variables.h"
#include "process/symbols/place.h"

namespace inquest::process {
namespace {

constexpr uint64_t kWord = 8;

std::string quoted(const std::string& member) { return "`" + member + "`"; }

}  // namespace

std::optional<CoroutineFrame> Coroutines::frame_at(Address address) {
  if (address.value % kWord != 0) return std::nullopt;
  const auto resume = evidence_.memory.load_pointer(address);
  const auto destroy = evidence_.memory.load_pointer(address + kWord);
  if (!resume || !destroy) return std::nullopt;
  const CoroutineCode* destroys = codes_.at(*destroy);
  if (destroys == nullptr || destroys->part != CoroutinePart::kDestroy) return std::nullopt;
  if (resume->is_null()) return CoroutineFrame{address, destroys->function, true, std::nullopt};
  const CoroutineCode* resumes = codes_.at(*resume);
  if (resumes == nullptr || resumes->part != CoroutinePart::kResume) return std::nullopt;
  return CoroutineFrame{address, resumes->function, false, *resume};
}

// std::noop_coroutine(): resuming and destroying it are the same function, which does nothing.
bool Coroutines::is_idle(Address frame) {
  const auto resume = evidence_.memory.load_pointer(frame);
  return resume && !resume->is_null() && evidence_.modules.find(*resume) != nullptr &&
         evidence_.memory.load_pointer(frame + kWord) == resume;
}

bool Coroutines::is_frame_of(Address address, const CoroutineCode& code) {
  const auto frame = frame_at(address);
  return frame &&
         (frame->finished ? frame->function == code.function : frame->resume == code.start);
}

// gcc gives the function a pointer to the frame; clang places variables in it.
std::optional<Address> Coroutines::by_variables(const Stack& stack, size_t index,
                                                const CoroutineCode& code) {
  FrameContext context(evidence_, stack, index);
  if (context.types() == nullptr) return std::nullopt;
  FrameVariables variables(context);
  for (const FrameVariable& variable : variables.at(context.link_pc())) {
    if (!variable.info.location || !variable.info.type) continue;
    std::optional<Address> found;
    const Place place = place_of(variable.where, kWord, context);
    if (variable.info.name == "frame_ptr") {
      const auto read = place.read(evidence_.memory, kWord);
      if (read.state == ValueState::kPresent)
        found = Address(load<uint64_t>(read.bytes).value_or(0));
    } else if (variable.where.location && variable.where.location->pieces.size() == 1 &&
               variable.where.location->pieces[0].kind == dwarf::Piece::Kind::kMemory) {
      const Address address(variable.where.location->pieces[0].value);
      if (variable.info.name == "__coro_frame") found = address;
      const auto offset = codes_.promise_offset(code);
      if (variable.info.name == "__promise" && offset) found = address - *offset;
    }
    if (found && is_frame_of(*found, code)) return found;
  }
  return std::nullopt;
}

// Its own debug information says where the frame is; else a word that the function, or one that
// led to it, still holds: the only one that leads to a frame of this coroutine.
std::optional<Address> Coroutines::running_frame(const Stack& stack, size_t index,
                                                 const CoroutineCode& code) {
  if (const auto found = by_variables(stack, index, code)) return found;
  const size_t last = std::min(stack.frames.size(), index + kMaxCallersSearched);
  for (size_t i = index; i < last; ++i) {
    const Frame& frame = stack.frames[i];
    std::set<Address> found;
    const auto offer = [&](uint64_t word) {
      const Address address(word);
      if (evidence_.memory.load_pointer(address) == code.start && is_frame_of(address, code))
        found.insert(address);
    };
    for (isa::RegisterId id = 0; id < isa::kRegisterCount; ++id) {
      if (const auto value = frame.registers.get(id)) offer(*value);
    }
    const auto sp = frame.registers.sp();
    for (uint64_t word = 0; sp && frame.cfa && word < kMaxFrameWords; ++word) {
      const Address at = *sp + word * kWord;
      if (at >= *frame.cfa) break;
      const auto value = evidence_.memory.load<uint64_t>(at);
      if (!value) break;
      offer(*value);
    }
    if (found.size() == 1) return *found.begin();
    if (!found.empty()) return std::nullopt;
  }
  return std::nullopt;
}

bool Coroutines::is_in(const AwaitChain& chain, Address frame) {
  return chain.frame.address == frame ||
         std::any_of(chain.awaiters.begin(), chain.awaiters.end(),
                     [&](const Awaiter& one) { return one.frame.address == frame; });
}

void Coroutines::add(const CoroutineFrame& found, const Link& link, bool is_guess,
                     AwaitChain& chain) {
  Awaiter awaiter{.frame = found,
                  .goes_on = {},
                  .member = link.member,
                  .held_at = link.held_at,
                  .is_guess = is_guess};
  if (found.resume)
    awaiter.goes_on =
        find_resume_point(evidence_.image.arch, evidence_.memory, *found.resume, found.address);
  chain.awaiters.push_back(std::move(awaiter));
}

// One of the handles in a promise is that of the coroutine that awaits it.
bool Coroutines::choose(const CoroutineFrame& frame, const std::vector<Link>& links,
                        const std::string& absent, AwaitChain& chain) {
  std::vector<std::pair<CoroutineFrame, const Link*>> found;
  std::string no_frame, circle, nobody = absent;
  for (const Link& link : links) {
    const Address target(link.value);
    if (target == frame.address) continue;  // its own
    if (target.is_null()) {
      nobody = nobody.empty() ? fmt::format("{} in its promise is null", quoted(link.member))
                              : "no handle in its promise is set";
    } else if (is_idle(target)) {
      nobody = fmt::format("{} in its promise is std::noop_coroutine()", quoted(link.member));
    } else if (auto awaiting = frame_at(target); !awaiting) {
      no_frame =
          fmt::format("{} in the promise of {} holds {}, where no coroutine's frame is (any more)",
                      quoted(link.member), frame.function, to_hex(target));
    } else if (is_in(chain, target)) {
      circle = fmt::format("{} in the promise of {} leads back to {}", quoted(link.member),
                           frame.function, awaiting->function);
    } else if (std::none_of(found.begin(), found.end(),
                            [&](const auto& one) { return one.first.address == target; })) {
      found.emplace_back(std::move(*awaiting), &link);
    }
  }
  // The one that awaits it holds its handle, too.
  if (found.size() > 1) {
    std::vector<std::pair<CoroutineFrame, const Link*>> holding;
    bool all_known = true;
    for (const auto& one : found) {
      const auto held = holds(one.first, frame.address);
      all_known = all_known && held.has_value();
      if (held.value_or(false)) holding.push_back(one);
    }
    if (all_known && holding.size() == 1) found = std::move(holding);
  }
  if (found.size() == 1) {
    const auto& [awaiting, link] = found.front();
    add(awaiting, *link, false, chain);
    if (!awaiting.finished) return true;
    chain.end = fmt::format("{} has finished: to resume it is an error", awaiting.function);
    return false;
  }
  if (!found.empty()) {
    chain.end = fmt::format(
        "the promise of {} holds {} handles of coroutines: which of them awaits "
        "it is not known",
        frame.function, found.size());
  } else if (!no_frame.empty()) {
    chain.end = no_frame;
  } else if (!nobody.empty()) {
    chain.end = fmt::format("nothing awaits {}: {}", frame.function, nobody);
  } else {
    chain.end = circle.empty() ? fmt::format("nothing awaits {}", frame.function) : circle;
  }
  return false;
}

bool Coroutines::extend(const CoroutineFrame& frame, const CoroutineCode& code, AwaitChain& chain) {
  const PromiseLayout* promise = codes_.promise(code);
  if (promise == nullptr) {
    if (find_by_links(frame, chain)) return true;
    chain.end = fmt::format("what awaits {} is not known: {}", frame.function, codes_.why_not());
    return false;
  }
  std::vector<Link> links;
  std::string absent;
  for (const PromiseHandle& handle : promise->handles) {
    if (handle.engaged) {
      const auto flag = evidence_.memory.load<uint8_t>(frame.address + *handle.engaged);
      if (flag == 0) {
        absent = fmt::format("{} in its promise is empty", quoted(handle.member));
        continue;
      }
    }
    const Address at = frame.address + handle.offset;
    const auto value = evidence_.memory.load<uint64_t>(at);
    if (!value) {
      chain.end = fmt::format("what awaits {} is not known: {} in its promise, at {}, is {}",
                              frame.function, quoted(handle.member), to_hex(at),
                              to_string(evidence_.memory.why_missing(at)));
      return false;
    }
    links.push_back({handle.member, at, *value});
  }
  const bool only_own = std::all_of(links.begin(), links.end(), [&](const Link& link) {
    return link.value == frame.address.value;
  });
  if (absent.empty() && only_own) {
    chain.end = fmt::format(
        "what awaits {} is not known: its promise ({}) holds no std::coroutine_handle{}{}",
        frame.function, promise->type, links.empty() ? "" : " but its own",
        promise->all_known ? "" : " that could be found");
    return false;
  }
  return choose(frame, links, absent, chain);
}

// As its debug information says, else that of the block of glibc's malloc that it lies in: the size
// of a block stands before it, and the next one says that this one is in use.
std::optional<uint64_t> Coroutines::size_of(const CoroutineFrame& frame) {
  const CoroutineCode* code = frame.resume ? codes_.at(*frame.resume) : nullptr;
  const PromiseLayout* promise = code != nullptr ? codes_.promise(*code) : nullptr;
  if (promise != nullptr && promise->frame_size) return promise->frame_size;
  constexpr uint64_t kFlags = 7, kInUse = 1, kGrain = 16;
  const auto field = evidence_.memory.load<uint64_t>(frame.address - kWord);
  if (!field || frame.address.value % kGrain != 0) return std::nullopt;
  const uint64_t size = *field & ~kFlags;
  if (size % kGrain != 0 || size < 2 * kGrain || size > kMaxFrameBlock) return std::nullopt;
  const auto next = evidence_.memory.load<uint64_t>(frame.address + size - kWord);
  if (!next || (*next & kInUse) == 0) return std::nullopt;
  return size - kWord;
}

std::optional<bool> Coroutines::holds(const CoroutineFrame& frame, Address wanted) {
  const auto size = size_of(frame);
  if (!size) return std::nullopt;
  for (uint64_t offset = 2 * kWord; offset + kWord <= *size && offset < kMaxFrameBlock;
       offset += kWord) {
    const auto value = evidence_.memory.load<uint64_t>(frame.address + offset);
    if (!value) return std::nullopt;
    if (*value == wanted.value) return true;
  }
  return false;
}

bool Coroutines::find_by_links(const CoroutineFrame& frame, AwaitChain& chain) {
  const auto size = size_of(frame);
  if (!size) return false;
  std::optional<std::pair<CoroutineFrame, Link>> only;
  for (uint64_t word = 2; word < kMaxLinkWords && (word + 1) * kWord <= *size; ++word) {
    const Address at = frame.address + word * kWord;
    const auto value = evidence_.memory.load<uint64_t>(at);
    if (!value) return false;
    const Address target(*value);
    if (target == frame.address) break;  // gcc: the handle of its own, right behind the promise
    if (target.is_null() || is_in(chain, target)) continue;
    auto awaiting = frame_at(target);
    if (!awaiting || awaiting->finished) continue;
    const auto held = holds(*awaiting, frame.address);
    if (!held || (only && only->first.address != target)) return false;
    if (*held) only = {std::move(*awaiting), Link{fmt::format("word {}", word), at, *value}};
  }
  if (!only) return false;
  add(only->first, only->second, true, chain);
  return true;
}

std::optional<AwaitChain> Coroutines::chain(const Stack& stack, size_t index, Address function) {
  if (index >= stack.frames.size()) return std::nullopt;
  const CoroutineCode* code = codes_.at(function);
  if (code == nullptr || code->part != CoroutinePart::kResume) return std::nullopt;
  AwaitChain chain;
  chain.frame.function = code->function;
  const auto running = running_frame(stack, index, *code);
  const auto frame = running ? frame_at(*running) : std::nullopt;
  if (!frame) {
    chain.end = fmt::format("what awaits {} is not known: its frame was not found", code->function);
    return chain;
  }
  chain.frame = *frame;
  CoroutineFrame last = *frame;
  while (extend(last, *code, chain)) {
    last = chain.awaiters.back().frame;
    code = codes_.at(*last.resume);
    if (code == nullptr) break;
    if (chain.awaiters.size() < kMaxAwaiters) continue;
    chain.end = fmt::format("cut after {} coroutines", kMaxAwaiters);
    break;
  }
  return chain;
}

}  // namespace inquest::process
