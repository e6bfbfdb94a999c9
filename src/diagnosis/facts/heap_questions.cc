#include "diagnosis/facts/heap_questions.h"

#include <fmt/format.h>

namespace inquest::diagnosis {
namespace {

constexpr uint64_t kFirstPages = 65536;
constexpr size_t kMaxVariables = 64;

bool is_scalar(const std::string& type) {
  for (const std::string_view word :
       {"void", "char", "int", "long", "short", "float", "double", "bool", "unsigned", "signed",
        "size_t", "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64"}) {
    if (type == word || type.starts_with(std::string(word) + " ")) return true;
  }
  return type.ends_with("int8_t") || type.ends_with("int16_t") || type.ends_with("int32_t") ||
         type.ends_with("int64_t");
}

// "const shop::Order*" → "shop::Order", "&mut Pool" → "Pool"; empty for what has no members.
std::string pointee(std::string type) {
  for (size_t before = 0; before != type.size();) {
    before = type.size();
    while (type.ends_with(' ') || type.ends_with('*') || type.ends_with('&')) type.pop_back();
    if (type.ends_with(" const") || type.ends_with("*const")) type.resize(type.size() - 5);
    for (const std::string_view word :
         {"const ", "volatile ", "struct ", "class ", "union ", "*const ", "*mut ", "&mut ", "&"}) {
      if (type.starts_with(word)) type.erase(0, word.size());
    }
  }
  return is_scalar(type) || type.find('(') != std::string::npos ? std::string() : type;
}

class Collector {
 public:
  Collector(const Site& site, const Facts& facts) : site_(site), facts_(facts) {}

  std::vector<HeapQuestion> collect() {
    add_argument();
    add_fault();
    add_place_of_bad_value();
    add_variables(facts_.open_frame().value_or(site_.frame));
    if (facts_.open_frame() && *facts_.open_frame() != site_.frame) add_variables(site_.frame);
    add_registers(site_.frame);
    if (facts_.open_frame() && *facts_.open_frame() != site_.frame)
      add_registers(*facts_.open_frame());
    std::vector<HeapQuestion> ordered;
    for (const bool strong : {true, false}) {
      for (HeapQuestion& question : out_) {
        if (question.strong == strong) ordered.push_back(std::move(question));
      }
    }
    return ordered;
  }

 private:
  void add(std::string of, uint64_t value, bool strong, std::string type = {}) {
    if (value < kFirstPages) return;
    out_.push_back({std::move(of), Address(value), std::move(type), strong});
  }

  void add_argument() {
    const auto& argument = facts_.abort.argument;
    if (facts_.abort.kind != AbortFacts::Kind::kGlibcHeap || !argument || !argument->value) return;
    add(fmt::format("free()'s argument `{}`", argument->text), *argument->value, true,
        pointee(argument->type));
  }

  void add_fault() {
    if (!facts_.fault) return;
    const FaultFacts& fault = *facts_.fault;
    if (fault.address) add("the fault address", fault.address->value, true);
    if (fault.operand && fault.operand->bad_value) {
      const std::string of = fault.operand->expression
                                 ? fmt::format("`{}`", fault.operand->expression->text)
                                 : fault.operand->bad_register;
      add(of, *fault.operand->bad_value, true,
          fault.operand->expression ? pointee(fault.operand->expression->type) : "");
    }
  }

  // The bad pointer was a part of something: of what? Its address may be in no register any more.
  void add_place_of_bad_value() {
    const auto wanted = bad_value(facts_);
    if (site_.variables == nullptr || !wanted) return;
    const FaultFacts& fault = *facts_.fault;
    const process::OperandExplanation explained =
        fault.pc_is_bad ? site_.variables->explain_call_target(site_.stack, fault.frame)
                        : site_.variables->explain_operand(site_.stack, fault.frame, 0);
    if (!explained.pointer || !explained.pointer->location) return;
    const Address place = *explained.pointer->location;
    if (site_.modules.memory().load<uint64_t>(place) != *wanted) return;
    add("the place of the bad pointer", place.value, true);
  }

  // Pointers among arguments and locals: the object that was worked on.
  void add_variables(size_t frame) {
    if (site_.variables == nullptr || frame >= site_.stack.frames.size()) return;
    size_t seen = 0;
    for (const process::Variable& variable : site_.variables->variables(site_.stack, frame)) {
      if (!variable.is_pointer || !variable.value.scalar || ++seen > kMaxVariables) continue;
      const bool is_this = variable.name == "this";
      add(fmt::format("`{}` of {}()", variable.name, variable.function), *variable.value.scalar,
          is_this, pointee(variable.type));
    }
  }

  void add_registers(size_t index) {
    if (index >= site_.stack.frames.size()) return;
    const isa::RegisterFile& registers = site_.stack.frames[index].registers;
    for (isa::RegisterId id = 0; id <= isa::a64::kLr; ++id) {
      const auto name = isa::register_name(registers.arch(), id);
      const auto value = registers.get(id);
      if (!value || name.empty() || name == "rip" || name == "rsp" || name == "sp") continue;
      add(std::string(name), *value, false);
      if (!out_.empty() && out_.back().of == name) out_.back().is_register = true;
    }
  }

  const Site& site_;
  const Facts& facts_;
  std::vector<HeapQuestion> out_;
};

}  // namespace

std::optional<uint64_t> bad_value(const Facts& facts) {
  if (!facts.fault) return std::nullopt;
  const FaultFacts& fault = *facts.fault;
  std::optional<uint64_t> value;
  if (fault.operand && fault.operand->bad_value) value = fault.operand->bad_value;
  if (fault.pc_is_bad && fault.address) value = fault.address->value;
  if (!value || *value < kFirstPages) return std::nullopt;
  return value;
}

std::vector<HeapQuestion> heap_questions(const Site& site, const Facts& facts) {
  return Collector(site, facts).collect();
}

}  // namespace inquest::diagnosis
