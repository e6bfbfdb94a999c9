// STACK CFI expressions: docs/symbol_files.md and postfix_evaluator.h of Breakpad.
#include "process/unwind/breakpad_rows.h"

#include <algorithm>
#include <charconv>
#include <vector>

namespace inquest::process {
namespace {

using dwarf::CfaRule;
using dwarf::RegisterRule;

// DWARF 5, section 7.7.1.
constexpr uint8_t kDeref = 0x06, kConst8s = 0x0f, kPick = 0x15, kAnd = 0x1a, kDiv = 0x1b,
                  kMinus = 0x1c, kMod = 0x1d, kMul = 0x1e, kNeg = 0x1f, kPlus = 0x22, kBregx = 0x92;

std::optional<int64_t> number(std::string_view word) {
  int64_t value = 0;
  const auto [stop, failure] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (failure != std::errc() || stop != word.data() + word.size()) return std::nullopt;
  return value;
}

// "$rbx", "x29", "fp": DWARF's number. The names that Breakpad has for AArch64 include older ones.
std::optional<uint16_t> register_of(isa::Arch arch, std::string_view name) {
  if (name.starts_with('$')) name.remove_prefix(1);
  if (arch == isa::Arch::kAArch64) {
    if (name == "fp") return isa::a64::kFp;
    // dump_syms writes ".ra: .ra" where a function has restored its link register.
    if (name == "lr" || name == ".ra") return isa::a64::kLr;
  }
  const auto id = isa::register_by_name(arch, name);
  if (!id || *id >= dwarf::kMaxCfiRegister) return std::nullopt;
  return *id;
}

uint16_t link_register(isa::Arch arch) {
  return arch == isa::Arch::kX86_64 ? isa::x86::kRip : isa::a64::kLr;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (words.size() <= kMaxPostfixWords) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    if (text.empty()) break;
    const size_t end = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

// "X N +" or "X N -": the distance that is added to X.
std::optional<int64_t> distance_of(const std::vector<std::string_view>& words) {
  if (words.size() < 3) return std::nullopt;
  const auto value = number(words[1]);
  if (!value || *value == INT64_MIN) return std::nullopt;
  if (words[2] == "+") return value;
  if (words[2] == "-") return -*value;
  return std::nullopt;
}

// Operations for a postfix expression, with the depth of the stack as they go.
class Translation {
 public:
  Translation(isa::Arch arch, bool cfa_is_pushed)
      : arch_(arch), has_cfa_(cfa_is_pushed), depth_(cfa_is_pushed ? 1 : 0) {}

  bool add(std::string_view word) {
    if (const auto value = number(word)) return push_constant(static_cast<uint64_t>(*value));
    if (word == ".cfa") return push_cfa();
    if (const auto reg = register_of(arch_, word)) return push_register(*reg);
    if (word == "^") return operate({kDeref}, 1);
    if (word == "+") return operate({kPlus}, 2);
    if (word == "-") return operate({kMinus}, 2);
    if (word == "*") return operate({kMul}, 2);
    if (word == "/") return operate({kDiv}, 2);
    if (word == "%") return operate({kMod}, 2);
    if (word == "@") return operate({kNeg, kAnd}, 2);  // down to a multiple, of a power of two
    return false;
  }
  // One value on top of what was there.
  bool is_whole() const { return depth_ == base() + 1; }

  Bytes bytes;

 private:
  size_t base() const { return has_cfa_ ? 1 : 0; }

  bool push_constant(uint64_t value) {
    bytes.push_back(kConst8s);
    for (unsigned shift = 0; shift < 64; shift += 8) {
      bytes.push_back(static_cast<uint8_t>(value >> shift));
    }
    ++depth_;
    return true;
  }
  bool push_cfa() {  // it lies at the bottom
    if (!has_cfa_) return false;
    bytes.push_back(kPick);
    bytes.push_back(static_cast<uint8_t>(depth_ - 1));
    ++depth_;
    return true;
  }
  bool push_register(uint16_t reg) {
    bytes.push_back(kBregx);
    bytes.push_back(static_cast<uint8_t>(reg));
    bytes.push_back(0);
    ++depth_;
    return true;
  }
  bool operate(std::initializer_list<uint8_t> operations, size_t takes) {
    if (depth_ < base() + takes) return false;
    bytes.insert(bytes.end(), operations);
    depth_ -= takes - 1;
    return true;
  }

  isa::Arch arch_;
  bool has_cfa_;
  size_t depth_;
};

}  // namespace

ByteView BreakpadRows::translate(std::string_view expression, bool cfa_is_pushed) {
  const auto words = words_of(expression);
  Translation translation(arch_, cfa_is_pushed);
  if (words.empty() || words.size() > kMaxPostfixWords) return {};
  for (const std::string_view word : words) {
    if (!translation.add(word)) return {};
  }
  if (!translation.is_whole()) return {};
  expressions_.push_back(std::move(translation.bytes));
  return expressions_.back();
}

CfaRule BreakpadRows::cfa_rule(std::string_view expression) {
  const auto words = words_of(expression);
  const auto reg = words.empty() ? std::nullopt : register_of(arch_, words[0]);
  const auto distance = distance_of(words);
  if (reg && words.size() == 1) return {.kind = CfaRule::Kind::kRegister, .reg = *reg};
  if (reg && distance && words.size() == 3) {
    return {.kind = CfaRule::Kind::kRegister, .reg = *reg, .offset = *distance};
  }
  const ByteView operations = translate(expression, false);
  if (operations.empty()) return {};
  return {.kind = CfaRule::Kind::kExpression, .expression = operations};
}

RegisterRule BreakpadRows::register_rule(uint16_t reg, std::string_view expression) {
  using Kind = RegisterRule::Kind;
  const auto words = words_of(expression);
  const auto distance = distance_of(words);
  const bool from_cfa = !words.empty() && words[0] == ".cfa";
  if (from_cfa && words.size() == 1) return {.kind = Kind::kIsCfa, .reg = reg};
  if (from_cfa && distance && words.size() == 3) {
    return {.kind = Kind::kIsCfa, .reg = reg, .offset = *distance};
  }
  if (from_cfa && distance && words.size() == 4 && words[3] == "^") {
    return {.kind = Kind::kAtCfa, .reg = reg, .offset = *distance};
  }
  const auto source = words.size() == 1 ? register_of(arch_, words[0]) : std::nullopt;
  if (source == reg) return {.kind = Kind::kSameValue, .reg = reg};
  if (source) return {.kind = Kind::kRegister, .reg = reg, .offset = *source};
  const ByteView operations = translate(expression, true);
  if (operations.empty()) return {.kind = Kind::kUndefined, .reg = reg};
  return {.kind = Kind::kIsExpression, .reg = reg, .expression = operations};
}

std::optional<dwarf::CfiRow> BreakpadRows::row_at(uint64_t pc) {
  const auto found = symbols_.rules_at(module_.to_breakpad(pc));
  if (!found) return std::nullopt;
  dwarf::CfiRow row;
  row.start = to_link(found->start);
  row.end = to_link(found->end);
  row.function_start = to_link(found->function_start);
  row.function_end = to_link(found->function_end);
  row.return_register = link_register(arch_);
  bool has_return = false;
  for (const breakpad::FrameRule& rule : found->rules) {
    if (rule.name == ".cfa") {
      row.cfa = cfa_rule(rule.expression);
      continue;
    }
    const bool is_return = rule.name == ".ra";
    const auto reg = is_return ? std::optional(row.return_register) : register_of(arch_, rule.name);
    // The caller's stack pointer is the CFA. On AArch64 .ra goes before a rule for the register.
    if (!reg || *reg == isa::sp_register(arch_)) continue;
    if (!is_return && *reg == row.return_register && has_return) continue;
    has_return = has_return || is_return;
    std::erase_if(row.rules, [&](const RegisterRule& other) { return other.reg == *reg; });
    row.rules.push_back(register_rule(*reg, rule.expression));
  }
  if (row.cfa.kind == CfaRule::Kind::kNone) return std::nullopt;
  std::sort(row.rules.begin(), row.rules.end(),
            [](const RegisterRule& a, const RegisterRule& b) { return a.reg < b.reg; });
  return row;
}

std::optional<dwarf::CfiTable::Function> BreakpadRows::function_at(uint64_t pc) {
  const auto found = symbols_.rules_at(module_.to_breakpad(pc));
  if (!found) return std::nullopt;
  return dwarf::CfiTable::Function{to_link(found->function_start), to_link(found->function_end)};
}

}  // namespace inquest::process
