#include "process/runtime/v8/code.h"

#include "process/runtime/v8/position_table.h"

namespace inquest::process::v8 {
namespace {

constexpr uint64_t kMaxCodeSize = 2 << 20;  // bytes from the start of code to an instruction
constexpr uint64_t kFields = 14;            // words of a code object that may be fields
constexpr size_t kMaxInlined = 256;         // calls within each other
constexpr uint64_t kInliningEntry = 16;     // bytes: a position and the index of a function

// The object before `pc` whose Map is that of code. Words of the instructions themselves seldom
// look like that, and what starts there must say that it does.
class CodeFinder {
 public:
  CodeFinder(const Heap& heap) : heap_(heap), layout_(heap.layout()) {}

  std::optional<Code> find(Address pc) const {
    const uint16_t wanted = layout_.types.instruction_stream != 0 ? layout_.types.instruction_stream
                                                                  : layout_.types.code;
    Address at(pc.value & ~uint64_t{7});
    for (uint64_t back = 0; back < kMaxCodeSize; back += 8, at = at - 8) {
      const auto map = heap_.word(at);
      if (!map.ok()) return std::nullopt;
      if (!map->is_object() || (map->bits & 2) != 0) continue;
      const auto type = heap_.load<uint16_t>(map->object() + layout_.map_instance_type);
      if (!type.ok() || *type != wanted || !heap_.is(*map, layout_.types.map)) continue;
      const Address start = at + layout_.code_instruction_start;
      if (pc < start) continue;
      if (auto code = describe(Word{at.value + 1}, start)) return code;
    }
    return std::nullopt;
  }

 private:
  std::optional<Code> describe(Word stream, Address start) const {
    if (layout_.types.instruction_stream == 0) return with_fields_of(stream, start);
    // The instructions lie apart from what is told of them, which points back to them.
    for (uint64_t offset = 8; offset < layout_.code_instruction_start; offset += 8) {
      const auto code = heap_.field(stream, offset);
      if (!code.ok() || !heap_.is(*code, layout_.types.code)) continue;
      for (uint64_t field = 8; field < 8 * kFields; field += 8) {
        const auto value = heap_.field(*code, field);
        if (value.ok() && value->bits == start.value) return with_fields_of(*code, start);
      }
    }
    return std::nullopt;
  }

  std::optional<Code> with_fields_of(Word object, Address start) const {
    const Types& types = layout_.types;
    Code code{.instructions = start, .deopt_data = {}, .byte_arrays = {}};
    for (uint64_t field = 8; field < 8 * kFields; field += 8) {
      const auto value = heap_.field(object, field);
      if (!value.ok()) break;
      const auto type = heap_.type_of(*value);
      if (!type.ok()) continue;
      if (*type == types.map && field > 8) break;  // the next object
      if (heap_.is_bytes(*value)) code.byte_arrays.push_back(*value);
      const bool is_array = *type == types.fixed_array || *type == types.trusted_fixed_array ||
                            *type == types.protected_fixed_array;
      if (is_array && *type != 0 && !code.deopt_data && is_deopt_data(*value))
        code.deopt_data = *value;
    }
    // Where instructions and fields are in one object the first table is of relocations.
    const bool has_relocations = types.trusted_byte_array == 0;
    if (has_relocations && code.byte_arrays.size() > 1)
      code.byte_arrays.erase(code.byte_arrays.begin());
    return code;
  }

  // Code that was not optimised has an empty array there.
  bool is_deopt_data(Word array) const {
    const auto length = heap_.array_length(array);
    return length.ok() && *length > layout_.deopt_inlining_positions;
  }

  const Heap& heap_;
  const Layout& layout_;
};

}  // namespace

std::optional<Code> code_at(const Heap& heap, Address pc) { return CodeFinder(heap).find(pc); }

std::vector<InlinedCall> calls_at(const Heap& heap, const Code& code, Address pc, bool is_return) {
  std::vector<InlinedCall> calls;
  const Layout& layout = heap.layout();
  if (!code.deopt_data || pc <= code.instructions) return calls;
  const uint64_t offset = pc - code.instructions - (is_return ? 1 : 0);
  std::optional<SourcePosition> position;
  for (const Word& array : code.byte_arrays) {
    const auto table = heap.contents(array);
    if (!table.ok()) continue;
    position = position_at(*table, offset, layout.positions_have_flag);
    if (position) break;
  }
  const auto literals = heap.element(*code.deopt_data, layout.deopt_literals);
  const auto inlining = heap.element(*code.deopt_data, layout.deopt_inlining_positions);
  if (!position || !literals.ok() || !inlining.ok()) return calls;
  Bytes table;
  if (auto contents = heap.contents(*inlining); contents.ok()) table = *std::move(contents);
  while (position && calls.size() < kMaxInlined) {
    if (!position->inlined) {
      calls.push_back({.shared = std::nullopt, .offset = position->offset});
      return calls;
    }
    const uint64_t entry = uint64_t{*position->inlined} * kInliningEntry;
    const auto outer = load<int64_t>(table, entry);
    const auto function = load<int32_t>(table, entry + sizeof(int64_t));
    if (!outer || !function || *function < 0) return {};
    const auto shared = heap.element(*literals, static_cast<uint64_t>(*function));
    if (!shared.ok()) return {};
    calls.push_back({.shared = *shared, .offset = position->offset});
    position = SourcePosition::unpack(*outer);
  }
  return {};  // a chain that does not end at the frame's own function
}

}  // namespace inquest::process::v8
