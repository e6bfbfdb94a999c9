#include "process/runtime/cpython/coroutines.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace inquest::process::cpython {
namespace {

// PyFrameState and its predecessors (Include/internal/pycore_frame.h): between the first two of
// these it is suspended, behind the second it is done.
struct FrameStates {
  int8_t created, executing;
};
FrameStates frame_states_of(const Version& version) {
  if (version.is_at_least(15)) return {0, 4};
  return {static_cast<int8_t>(version.is_at_least(13) ? -3 : -2), 0};
}
// A suspended coroutine's stack holds what it awaits, and little else.
constexpr int64_t kMaxStack = 1 << 16;
constexpr uint32_t kWrapped = 16;  // of a coroutine_wrapper and of the like: the coroutine

struct Standing {
  CoroutineState state = CoroutineState::kUnknown;
  Address frame;  // null: it has none any more
};

// Up to 3.10 the generator points to a frame object, which it loses when it is done.
Result<Standing> old_standing(const Objects& objects, Address generator) {
  const Layout& layout = objects.layout();
  Standing standing;
  INQ_TRY(standing.frame, objects.pointer(generator, *layout.generator_frame));
  if (standing.frame.is_null()) {
    standing.state = CoroutineState::kFinished;
    return standing;
  }
  INQ_TRY_STATUS(objects.check_type(standing.frame, "frame"));
  INQ_TRY(const int32_t index, objects.field<int32_t>(standing.frame, layout.frame_instruction));
  bool is_running = false;
  if (layout.generator_running) {
    INQ_TRY(const uint8_t flag, objects.field<uint8_t>(generator, *layout.generator_running));
    is_running = flag != 0;
  } else {
    // 3.10: the depth of its stack is unknown while it runs.
    INQ_TRY(const int32_t depth,
            objects.field<int32_t>(standing.frame, layout.frame_stack_size.value_or(0)));
    is_running = depth < 0;
  }
  standing.state = is_running  ? CoroutineState::kRunning
                   : index < 0 ? CoroutineState::kCreated
                               : CoroutineState::kSuspended;
  return standing;
}

Result<Standing> standing_of(const Objects& objects, const Version& version, Address generator) {
  const Layout& layout = objects.layout();
  if (layout.generator_frame) return old_standing(objects, generator);
  if (!layout.generator_inner_frame || !layout.generator_state)
    return Error(ErrorCode::kUnsupported, "this version does not tell where its frame is");
  INQ_TRY(const int8_t state, objects.field<int8_t>(generator, *layout.generator_state));
  const auto [created, executing] = frame_states_of(version);
  Standing standing{.state = CoroutineState::kSuspended,
                    .frame = generator + *layout.generator_inner_frame};
  if (state == executing) standing.state = CoroutineState::kRunning;
  if (state == created) standing.state = CoroutineState::kCreated;
  if (state > executing) return Standing{.state = CoroutineState::kFinished, .frame = {}};
  if (state < created)
    return Error(ErrorCode::kCorrupt, fmt::format("{} is no state of a coroutine", state));
  return standing;
}

// A word of the stack that is a number itself (3.15).
bool is_number(uint64_t word) { return (word & 3) == 3; }

// What lies on top of the stack of a suspended frame; null: nothing. In 3.15 that may be the place
// reached in what is iterated, or none: then what is iterated, or awaited, lies below.
Result<Address> top_of_stack(const Objects& objects, const Version& version, Address frame) {
  const Layout& layout = objects.layout();
  Address end;
  if (layout.frame_stack_end) {
    INQ_TRY(end, objects.pointer(frame, *layout.frame_stack_end));
  } else if (layout.frame_stack_size && layout.frame_values) {
    INQ_TRY(const int32_t size, objects.field<int32_t>(frame, *layout.frame_stack_size));
    if (size <= 0) return Address();
    if (size > kMaxStack) return Error(ErrorCode::kCorrupt, "its stack has no size");
    Address start = frame + *layout.frame_values;
    if (layout.frame_stack) {
      INQ_TRY(start, objects.pointer(frame, *layout.frame_stack));
    }
    end = start + static_cast<uint64_t>(size) * 8;
  }
  if (end.value < 8) return Address();
  INQ_TRY(const uint64_t word, objects.field<uint64_t>(Address(end.value - 8), 0));
  Address top(without_mark(word, version));
  if (version.is_at_least(15) && (top.is_null() || is_number(word)) && end.value >= 16) {
    INQ_TRY(const uint64_t below, objects.field<uint64_t>(Address(end.value - 16), 0));
    top = is_number(below) ? Address() : Address(without_mark(below, version));
  }
  if (!top.is_null() && !may_be_object(top))
    return Error(ErrorCode::kCorrupt, "what lies on its stack is no object");
  return top;
}

bool has_frame(Kind kind) {
  return kind == Kind::kCoroutine || kind == Kind::kGenerator || kind == Kind::kAsyncGenerator;
}

// What stands between: the wrapper that __await__() makes, and steps of asynchronous generators.
Result<Address> unwrap(const Objects& objects, const Types& types, Address object) {
  INQ_TRY(const Type* type, types.of(object));
  if (type->kind != Kind::kCoroutineWrapper && type->kind != Kind::kAsyncStep) return object;
  return objects.pointer(object, kWrapped);
}

}  // namespace

AwaitingChain awaiting_chain(const Objects& objects, const Types& types, const Version& version,
                             FrameReader& frames, Address coroutine, bool with_variables) {
  AwaitingChain chain;
  std::unordered_set<Address> seen;
  const auto step = [&](Address& at) -> Status {
    INQ_TRY(const Type* type, types.of(at));
    if (!has_frame(type->kind)) {
      chain.awaited = at;
      chain.awaited_type = type->name;
      at = {};
      return {};
    }
    INQ_TRY(const Standing standing, standing_of(objects, version, at));
    if (chain.frames.empty()) chain.state = standing.state;
    at = {};
    if (standing.frame.is_null()) return {};
    INQ_TRY(RuntimeFrame frame, frames.read_one(standing.frame, with_variables));
    chain.frames.push_back(std::move(frame));
    // Only a coroutine never yields anything but what it awaits, and those made from a generator
    // that await it in their stead.
    if (standing.state != CoroutineState::kSuspended) return {};
    INQ_TRY(const Address top, top_of_stack(objects, version, standing.frame));
    if (top.is_null()) return {};
    INQ_TRY(at, unwrap(objects, types, top));
    if (type->kind == Kind::kGenerator && !at.is_null()) {
      INQ_TRY(const Type* next, types.of(at));
      if (!has_frame(next->kind) && next->kind != Kind::kFuture && next->kind != Kind::kTask)
        at = {};
    }
    return {};
  };
  for (Address at = coroutine; !at.is_null();) {
    if (!seen.insert(at).second || seen.size() > kMaxAwaiting) {
      chain.gap = "the chain of what awaits what has no end";
      break;
    }
    if (const Status status = step(at); !status.ok()) {
      chain.gap = status.error().message();
      break;
    }
  }
  return chain;
}

}  // namespace inquest::process::cpython
