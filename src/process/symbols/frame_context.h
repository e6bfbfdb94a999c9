// FrameContext: one frame of a stack as DWARF expressions see it: its registers, memory, frame
// base, and the values that its caller recorded for its entry.
#pragma once

#include <optional>
#include <string>

#include "binary/dwarf/expression.h"
#include "process/symbols/evidence.h"
#include "process/unwind/frame.h"

namespace inquest::process {

inline constexpr int kMaxEntryValueDepth = 8;
inline constexpr int kMaxImplicitPointers = 64;  // followed for one frame

class FrameContext final : public dwarf::ExpressionContext {
 public:
  // All must outlive it. `index` is into stack.frames.
  FrameContext(Evidence& evidence, const Stack& stack, size_t index, int depth = 0);

  const Frame& frame() const { return frame_; }
  const Module* module() const { return module_; }
  Types* types() const { return types_; }  // nullptr: see why_not()
  const std::string& why_not() const { return why_not_; }
  uint64_t link_pc() const { return link_pc_; }  // of lookup_pc
  Evidence& evidence() const { return evidence_; }
  // Where DW_AT_location lists and frame bases are looked up: another pc of the same function.
  void move_to(uint64_t link_pc);

  // Is the next frame the one whose call entered this function? Not after a tail call, a signal, a
  // guess, or at the end of a folded cycle.
  bool was_called_by_next_frame() const;

  // Why tls_address could not answer, once it was asked.
  const std::string& why_no_tls() const { return why_no_tls_; }
  // Things behind DW_OP_implicit_pointer may point at further ones: false when that was enough.
  bool may_follow_implicit_pointer() const { return implicit_pointers_++ < kMaxImplicitPointers; }

  // Vector registers are recorded for the innermost frame only.
  std::optional<ByteView> vector_register(uint64_t number) const;

  std::optional<uint64_t> dwarf_register(uint64_t number) const override;
  std::optional<uint64_t> low_bits(uint64_t number) const override;
  std::optional<uint64_t> memory(Address address, uint64_t size) const override;
  std::optional<uint64_t> frame_base() const override;
  std::optional<Address> call_frame_cfa() const override { return frame_.cfa; }
  std::optional<uint64_t> tls_address(uint64_t offset) const override;
  std::optional<uint64_t> link_to_process(uint64_t link_address) const override;
  std::optional<uint64_t> indexed_address(uint64_t index) const override;
  std::optional<uint64_t> entry_value(ByteView expression) const override;
  std::optional<ByteView> called_expression(uint64_t die_offset, bool in_unit) const override;
  std::optional<dwarf::BaseType> base_type(uint64_t unit_offset) const override;
  unsigned offset_size() const override;

 private:
  // Did the call that `caller` made enter this frame's function, and not another one that jumped
  // here? nullopt: an indirect call, whose target is not known any more.
  std::optional<bool> call_reaches_this_frame(const Frame& caller) const;
  std::optional<Address> indirect_target(const Frame& caller) const;
  const Frame* caller() const;

  Evidence& evidence_;
  const Stack& stack_;
  size_t index_;
  int depth_;
  const Frame& frame_;
  const Module* module_ = nullptr;
  Types* types_ = nullptr;
  std::string why_not_;
  uint64_t link_pc_ = 0;
  mutable bool in_frame_base_ = false;
  mutable int implicit_pointers_ = 0;
  mutable std::string why_no_tls_;
};

// The thread whose innermost frame this stack starts from; nullptr when no thread matches.
const Thread* thread_of(const ProcessImage& image, const Stack& stack);

}  // namespace inquest::process
