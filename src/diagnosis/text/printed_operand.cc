#include "diagnosis/text/printed_operand.h"

#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxRegisters = 128;

// The value of "%rax" or of nothing at all.
std::optional<uint64_t> value_of(std::string_view name, const PrintedRegisters& registers) {
  if (name.empty()) return 0;
  if (!name.starts_with('%')) return std::nullopt;
  const auto found = registers.find(name.substr(1));
  return found == registers.end() ? std::nullopt : std::optional<uint64_t>(found->second);
}

// "0x38", "-0x8", "" in front of the bracket
std::optional<uint64_t> displacement_of(std::string_view text) {
  if (text.empty()) return 0;
  const bool negative = text.starts_with('-');
  const auto value = hex_of(negative ? text.substr(1) : text);
  if (!value) return std::nullopt;
  return negative ? uint64_t{0} - *value : *value;
}

}  // namespace

bool take_register_line(std::string_view text, PrintedRegisters& registers) {
  Words words(trim(text));
  const std::string_view name = words.take_word();
  if (name.empty() || name.size() > 5 || !words.rest().starts_with(" ")) return false;
  words.skip_blanks();
  const auto value = words.take_hex();
  if (!value || registers.size() >= kMaxRegisters) return false;
  registers.insert_or_assign(std::string(name), *value);
  return true;
}

std::optional<PrintedOperand> printed_operand(std::string_view instruction,
                                              const PrintedRegisters& registers) {
  const size_t open = instruction.find('(');
  const size_t close = instruction.find(')', open);
  if (open == std::string_view::npos || close == std::string_view::npos ||
      instruction.find("%fs:") != std::string_view::npos ||
      instruction.find("%gs:") != std::string_view::npos || instruction.starts_with("lea"))
    return std::nullopt;
  const size_t start = instruction.find_last_of(" ,*\t", open);
  const auto displacement =
      displacement_of(instruction.substr(start == std::string_view::npos ? 0 : start + 1,
                                         open - (start == std::string_view::npos ? 0 : start + 1)));
  const std::string_view inside = instruction.substr(open + 1, close - open - 1);
  const size_t comma = inside.find(',');
  const std::string_view base = inside.substr(0, comma);
  std::string_view index, scale = "1";
  if (comma != std::string_view::npos) {
    index = inside.substr(comma + 1);
    if (const size_t second = index.find(','); second != std::string_view::npos) {
      scale = index.substr(second + 1);
      index = index.substr(0, second);
    }
  }
  const auto base_value = value_of(base, registers);
  const auto index_value = value_of(index, registers);
  const auto factor = number_of(scale);
  if (!displacement || !base_value || !index_value || !factor) return std::nullopt;
  PrintedOperand operand;
  operand.address = Address(*base_value + *index_value * *factor + *displacement);
  operand.base = base.empty() ? "" : base.substr(1);
  operand.base_value = *base_value;
  operand.displacement = *displacement;
  operand.indexed = !index.empty();
  // gdb's spelling has the destination last.
  if (instruction.starts_with("mov"))
    operand.access = close + 1 == instruction.size() ? AccessKind::kWrite : AccessKind::kRead;
  return operand;
}

}  // namespace inquest::diagnosis
