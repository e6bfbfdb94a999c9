#include "process/unwind/cfi_step.h"

#include "binary/dwarf/expression.h"

namespace inquest::process {
namespace {

using dwarf::CfaRule;
using dwarf::RegisterRule;
using Outcome = CfiStep::Outcome;

constexpr uint64_t kDwarfRaSignState = 34;  // AADWARF64 section 4.1

class StepContext final : public dwarf::ExpressionContext {
 public:
  StepContext(const isa::RegisterFile& registers, StackWords& stack, uint64_t bias)
      : registers_(registers), stack_(stack), bias_(bias) {}

  std::optional<uint64_t> dwarf_register(uint64_t number) const override {
    const bool a64 = registers_.arch() == isa::Arch::kAArch64;
    if (a64 && number == kDwarfRaSignState) return registers_.get(isa::a64::kRaSignState);
    if (number >= dwarf::kMaxCfiRegister) return std::nullopt;
    return registers_.get(static_cast<isa::RegisterId>(number));
  }
  std::optional<uint64_t> memory(Address address, uint64_t size) const override {
    if (size == 8) {
      const auto word = stack_.load(address);
      if (!word) missing_at_ = address;
      return word;
    }
    uint64_t value = 0;
    const auto got = stack_.memory().read(address, {reinterpret_cast<uint8_t*>(&value), size});
    if (got.size != size) {
      missing_at_ = address + got.size;
      return std::nullopt;
    }
    return value;
  }
  std::optional<uint64_t> link_to_process(uint64_t link) const override { return link + bias_; }
  std::optional<Address> missing_at() const { return missing_at_; }

 private:
  const isa::RegisterFile& registers_;
  StackWords& stack_;
  uint64_t bias_;
  mutable std::optional<Address> missing_at_;
};

class Step {
 public:
  Step(const CodeSite& site, const isa::RegisterFile& callee, bool interrupted, CodeSites& sites,
       StackWords& stack)
      : site_(site), callee_(callee), interrupted_(interrupted), sites_(sites), stack_(stack) {}

  CfiStep run(isa::RegisterFile* caller);

 private:
  bool find_cfa();
  std::optional<uint64_t> cfa_by_frame_record() const;
  bool find_return(isa::RegisterFile* caller);
  // nullopt when unknown; then missing_at_ may say that memory is to blame.
  std::optional<uint64_t> value_of(const RegisterRule& rule);
  std::optional<uint64_t> evaluate(ByteView expression, std::optional<uint64_t> initial);
  std::optional<uint64_t> load(Address address) {
    const auto word = stack_.load(address);
    if (!word) missing_at_ = address;
    return word;
  }
  void give_up() {
    result_.outcome = missing_at_ ? Outcome::kMissing : Outcome::kFailed;
    if (missing_at_) result_.missing_at = *missing_at_;
  }

  const CodeSite& site_;
  const isa::RegisterFile& callee_;
  bool interrupted_;
  CodeSites& sites_;
  StackWords& stack_;
  CfiStep result_;
  std::optional<Address> missing_at_;
};

std::optional<uint64_t> Step::evaluate(ByteView expression, std::optional<uint64_t> initial) {
  if (!sites_.may_evaluate()) return std::nullopt;
  const StepContext context(callee_, stack_, site_.bias);
  const auto value =
      dwarf::evaluate_to_value(expression, context, initial, dwarf::kMaxCfiExpressionSteps);
  if (!value && context.missing_at()) missing_at_ = context.missing_at();
  return value;
}

bool Step::find_cfa() {
  const CfaRule& rule = site_.row.cfa;
  std::optional<uint64_t> value;
  if (rule.kind == CfaRule::Kind::kRegister) {
    value = callee_.get(rule.reg);
    if (value) *value += static_cast<uint64_t>(rule.offset);
    if (!value && rule.reg == isa::sp_register(callee_.arch())) value = cfa_by_frame_record();
  } else if (rule.kind == CfaRule::Kind::kExpression) {
    value = evaluate(rule.expression, std::nullopt);
  }
  if (value) result_.cfa = Address(*value);
  return value.has_value();
}

// AArch64 compilers count from sp, which a frame found by its record lacks. But x29 points at that
// record, and the row says how far it lies below the CFA.
std::optional<uint64_t> Step::cfa_by_frame_record() const {
  if (callee_.arch() != isa::Arch::kAArch64) return std::nullopt;
  const auto fp = callee_.get(isa::a64::kFp);
  const RegisterRule* saved_fp = site_.row.rule_for(isa::a64::kFp);
  const RegisterRule* saved_lr = site_.row.rule_for(isa::a64::kLr);
  if (!fp || saved_fp == nullptr || saved_lr == nullptr) return std::nullopt;
  const bool is_record = saved_fp->kind == RegisterRule::Kind::kAtCfa &&
                         saved_lr->kind == RegisterRule::Kind::kAtCfa &&
                         saved_lr->offset == saved_fp->offset + 8;
  if (!is_record) return std::nullopt;
  return *fp - static_cast<uint64_t>(saved_fp->offset);
}

std::optional<uint64_t> Step::value_of(const RegisterRule& rule) {
  const Address cfa = *result_.cfa;
  switch (rule.kind) {
    case RegisterRule::Kind::kUnspecified:
    case RegisterRule::Kind::kUndefined:
      return std::nullopt;
    case RegisterRule::Kind::kSameValue:
      return callee_.get(rule.reg);
    case RegisterRule::Kind::kAtCfa:
      return load(cfa + static_cast<uint64_t>(rule.offset));
    case RegisterRule::Kind::kIsCfa:
      return (cfa + static_cast<uint64_t>(rule.offset)).value;
    case RegisterRule::Kind::kRegister:
      return rule.offset >= 0 && rule.offset < dwarf::kMaxCfiRegister
                 ? callee_.get(static_cast<isa::RegisterId>(rule.offset))
                 : std::nullopt;
    case RegisterRule::Kind::kAtExpression: {
      const auto address = evaluate(rule.expression, cfa.value);
      return address ? load(Address(*address)) : std::nullopt;
    }
    case RegisterRule::Kind::kIsExpression:
      return evaluate(rule.expression, cfa.value);
  }
  return std::nullopt;
}

bool Step::find_return(isa::RegisterFile* caller) {
  const RegisterRule* rule = site_.row.rule_for(site_.row.return_register);
  std::optional<uint64_t> value;
  missing_at_.reset();  // of a register that the caller can do without
  if (rule == nullptr || rule->kind == RegisterRule::Kind::kSameValue) {
    // Still in the link register, which a call would have overwritten.
    const bool linked = callee_.arch() == isa::Arch::kAArch64 && interrupted_;
    if (linked) value = callee_.get(site_.row.return_register);
  } else {
    value = value_of(*rule);
    if (rule->kind == RegisterRule::Kind::kAtCfa) {
      result_.return_slot = *result_.cfa + static_cast<uint64_t>(rule->offset);
    }
  }
  if (!value) return false;
  result_.raw_return = *value;
  const Address pc = sites_.code_address(*value);
  caller->set_pc(pc);
  if (callee_.arch() == isa::Arch::kAArch64) caller->set(isa::a64::kLr, pc.value);
  return true;
}

CfiStep Step::run(isa::RegisterFile* caller) {
  const RegisterRule* return_rule = site_.row.rule_for(site_.row.return_register);
  if (return_rule != nullptr && return_rule->kind == RegisterRule::Kind::kUndefined) {
    (void)find_cfa();
    result_.outcome = Outcome::kOutermost;
    return result_;
  }
  if (!find_cfa()) {
    give_up();
    return result_;
  }
  *caller = callee_;
  caller->keep_only(site_.kept);
  caller->set_sp(*result_.cfa);
  for (const RegisterRule& rule : site_.row.rules) {
    if (rule.reg == site_.row.return_register || rule.kind == RegisterRule::Kind::kSameValue)
      continue;
    // By far the most common rule.
    const bool stored = rule.kind == RegisterRule::Kind::kAtCfa;
    const auto value =
        stored ? stack_.load(*result_.cfa + static_cast<uint64_t>(rule.offset)) : value_of(rule);
    if (value) {
      caller->set(rule.reg, *value);
    } else {
      caller->forget(rule.reg);
    }
  }
  if (!find_return(caller)) {
    give_up();
    return result_;
  }
  result_.outcome = Outcome::kCaller;
  return result_;
}

}  // namespace

CfiStep step_by_cfi(const CodeSite& site, const isa::RegisterFile& callee, bool interrupted,
                    CodeSites& sites, StackWords& stack, isa::RegisterFile* caller) {
  return Step(site, callee, interrupted, sites, stack).run(caller);
}

}  // namespace inquest::process
