#include "process/symbols/frame_context.h"

#include <algorithm>

#include "binary/isa/decode.h"
#include "process/symbols/thread_local.h"
#include "process/symbols/vector_registers.h"

namespace inquest::process {
namespace {

// Is frames[index + 1] really the caller of frames[index]? Not at the end of a folded cycle's only
// round.
bool caller_is_kept(const Stack& stack, size_t index) {
  if (index + 1 >= stack.frames.size()) return false;
  if (stack.omitted && index + 1 == stack.omitted->before) return false;
  if (!stack.cycle) return true;
  return index + 1 != stack.cycle->first + stack.cycle->period;
}

}  // namespace

const Thread* thread_of(const ProcessImage& image, const Stack& stack) {
  if (stack.frames.empty()) return nullptr;
  const auto& registers = stack.frames.front().registers;
  for (const auto& thread : image.threads) {
    if (thread.registers.pc() == registers.pc() && thread.registers.sp() == registers.sp())
      return &thread;
  }
  return nullptr;
}

FrameContext::FrameContext(Evidence& evidence, const Stack& stack, size_t index, int depth)
    : evidence_(evidence),
      stack_(stack),
      index_(index),
      depth_(depth),
      frame_(stack.frames[index]),
      module_(evidence.modules.find(frame_.lookup_pc())) {
  if (module_ == nullptr) {
    why_not_ = "the code at " + to_hex(frame_.pc) + " belongs to no module";
    return;
  }
  types_ = evidence.files.types(*module_);
  if (types_ == nullptr) why_not_ = evidence.files.why_not(*module_);
  link_pc_ = module_->to_link(frame_.lookup_pc());
}

void FrameContext::move_to(uint64_t link_pc) { link_pc_ = link_pc; }

std::optional<ByteView> FrameContext::vector_register(uint64_t number) const {
  if (index_ != 0 || frame_.how != FoundBy::kContext) return std::nullopt;
  const Thread* thread = thread_of(evidence_.image, stack_);
  if (thread == nullptr) return std::nullopt;
  return process::vector_register(evidence_.image.arch, thread->vector_state, number);
}

std::optional<uint64_t> FrameContext::dwarf_register(uint64_t number) const {
  if (number <= 32) return frame_.registers.get(static_cast<isa::RegisterId>(number));
  // DWARF numbers segment bases 58 and 59 on x86-64.
  if (evidence_.image.arch == isa::Arch::kX86_64 && (number == 58 || number == 59))
    return frame_.registers.get(number == 58 ? isa::x86::kFsBase : isa::x86::kGsBase);
  return std::nullopt;
}

std::optional<uint64_t> FrameContext::low_bits(uint64_t number) const {
  if (const auto value = dwarf_register(number)) return value;
  const auto bytes = vector_register(number);
  return bytes ? load<uint64_t>(*bytes) : std::nullopt;
}

std::optional<uint64_t> FrameContext::memory(Address address, uint64_t size) const {
  if (size == 0 || size > 8) return std::nullopt;
  uint8_t bytes[8] = {};
  const auto got = evidence_.memory.read(address, {bytes, size});
  if (got.size != size) return std::nullopt;
  return load<uint64_t>(ByteView(bytes, sizeof(bytes)));
}

std::optional<uint64_t> FrameContext::frame_base() const {
  if (types_ == nullptr || in_frame_base_) return std::nullopt;
  if (frame_.how == FoundBy::kTailCall) return std::nullopt;  // its room is that of others now
  const auto expression = types_->info().frame_base(link_pc_);
  if (!expression) return std::nullopt;
  in_frame_base_ = true;
  const auto value = dwarf::evaluate_to_value(*expression, *this);
  in_frame_base_ = false;
  return value;
}

std::optional<uint64_t> FrameContext::tls_address(uint64_t offset) const {
  if (module_ == nullptr) return std::nullopt;
  const bool x86 = evidence_.image.arch == isa::Arch::kX86_64;
  const auto id = x86 ? isa::x86::kFsBase : isa::a64::kTpidr;
  auto thread_pointer = frame_.registers.get(id);
  if (!thread_pointer) {
    const Thread* thread = thread_of(evidence_.image, stack_);
    if (thread != nullptr) thread_pointer = thread->registers.get(id);
  }
  if (!thread_pointer) {
    why_no_tls_ = "the thread pointer is not known";
    return std::nullopt;
  }
  const ThreadLocalBlock block = thread_local_block(evidence_, *module_, *thread_pointer);
  why_no_tls_ = block.why_not;
  return block.start ? std::optional(*block.start + offset) : std::nullopt;
}

std::optional<uint64_t> FrameContext::link_to_process(uint64_t link_address) const {
  if (module_ == nullptr) return std::nullopt;
  return module_->to_process(link_address).value;
}

std::optional<uint64_t> FrameContext::indexed_address(uint64_t index) const {
  if (types_ == nullptr) return std::nullopt;
  const auto unit = types_->info().unit_at(link_pc_);
  return unit ? types_->info().indexed_address(*unit, index) : std::nullopt;
}

std::optional<ByteView> FrameContext::called_expression(uint64_t die_offset, bool in_unit) const {
  if (types_ == nullptr) return std::nullopt;
  const auto unit = types_->info().unit_at(link_pc_);
  return unit ? types_->info().location_of_die(*unit, die_offset, in_unit) : std::nullopt;
}

std::optional<dwarf::BaseType> FrameContext::base_type(uint64_t unit_offset) const {
  if (types_ == nullptr) return std::nullopt;
  const auto unit = types_->info().unit_at(link_pc_);
  return unit ? types_->info().base_type(*unit, unit_offset) : std::nullopt;
}

unsigned FrameContext::offset_size() const {
  const auto unit = types_ != nullptr ? types_->info().unit_at(link_pc_) : std::nullopt;
  return unit ? types_->info().offset_size(*unit) : 4;
}

// Where the indirect call before the return address went: through a register that the callee had
// to hand back, or through a slot that does not change (the global offset table).
std::optional<Address> FrameContext::indirect_target(const Frame& caller) const {
  constexpr uint64_t kLongestCall = 7, kShortestCall = 2;
  const auto arch = evidence_.image.arch;
  for (uint64_t length = kLongestCall; length >= kShortestCall; --length) {
    const ByteView code = evidence_.memory.view(caller.pc - length, length);
    const auto call = isa::decode(arch, code, caller.pc - length);
    if (!call.ok() || call->flow != isa::Flow::kCall || call->length != length) continue;
    if (call->target.through_register) {
      const isa::RegisterId id = *call->target.through_register;
      const auto value = caller.registers.get(id);
      return value && isa::is_callee_saved(arch, id) ? std::optional(Address(*value))
                                                     : std::nullopt;
    }
    if (!call->target.through_memory || call->memory.empty()) continue;
    const isa::MemoryOperand& slot = call->memory[0];
    if (slot.index || !slot.base || *slot.base != isa::pc_register(arch)) return std::nullopt;
    const auto address = slot.effective_address(caller.registers, call->next_pc());
    const auto target = address ? evidence_.memory.load_pointer(*address) : std::nullopt;
    return target;
  }
  return std::nullopt;
}

// A tail call in between would make the caller's record speak of another function's entry.
std::optional<bool> FrameContext::call_reaches_this_frame(const Frame& caller) const {
  if (caller.how == FoundBy::kTailCall) return true;  // put there because its jump leads here
  const auto scopes = types_->info().scopes_at(link_pc_);
  if (scopes.empty() || module_ == nullptr) return false;
  const Address entry = module_->to_process(scopes.back().low_pc);
  const auto arch = evidence_.image.arch;
  const uint64_t call_size = arch == isa::Arch::kX86_64 ? 5 : 4;
  const ByteView code = evidence_.memory.view(caller.pc - call_size, call_size);
  const auto call = isa::decode(arch, code, caller.pc - call_size);
  const bool direct = call.ok() && call->flow == isa::Flow::kCall && call->length == call_size &&
                      call->target.direct;
  if (direct) return evidence_.names.through_stub(*call->target.direct) == entry;
  const auto target = indirect_target(caller);
  if (!target) return std::nullopt;
  return evidence_.names.through_stub(*target) == entry;
}

const Frame* FrameContext::caller() const {
  if (types_ == nullptr || !caller_is_kept(stack_, index_)) return nullptr;
  const Frame& caller = stack_.frames[index_ + 1];
  if (caller.interrupted || caller.is_signal_handler_return || caller.trust == Trust::kLow ||
      !caller.is_exact())
    return nullptr;
  return &caller;
}

bool FrameContext::was_called_by_next_frame() const {
  const Frame* from = caller();
  return from != nullptr && call_reaches_this_frame(*from).value_or(true);
}

std::optional<uint64_t> FrameContext::entry_value(ByteView expression) const {
  const Frame* from = depth_ < kMaxEntryValueDepth ? caller() : nullptr;
  if (from == nullptr) return std::nullopt;
  const FrameContext context(evidence_, stack_, index_ + 1, depth_ + 1);
  if (context.types() == nullptr) return std::nullopt;
  const auto site = context.types()->info().call_site(context.module()->to_link(from->pc));
  if (!site || site->is_tail_call != (from->how == FoundBy::kTailCall)) return std::nullopt;
  // Only for a call that is known to have come here: a function reached through a pointer may
  // have jumped on, with other arguments.
  if (!call_reaches_this_frame(*from).value_or(false)) return std::nullopt;
  for (const auto& parameter : site->parameters) {
    if (std::ranges::equal(parameter.location, expression))
      return dwarf::evaluate_to_value(parameter.value, context);
  }
  return std::nullopt;
}

}  // namespace inquest::process
