#include "process/symbols/call_results.h"

#include <fmt/format.h>

#include <algorithm>

namespace inquest::process {
namespace {

using dwarf::DieRef;

// "std::vector<int>::operator[]" → "std::vector", "operator[]". Template arguments of the class are
// left out; colons inside them do not count.
struct MethodName {
  std::string scope, name;
};
MethodName split_method(const std::string& qualified) {
  int nesting = 0;
  size_t colons = std::string::npos;
  for (size_t i = 0; i + 1 < qualified.size(); ++i) {
    if (qualified.compare(i, 8, "operator") == 0 && nesting == 0) break;
    if (qualified[i] == '<') ++nesting;
    if (qualified[i] == '>') --nesting;
    if (nesting == 0 && qualified[i] == ':' && qualified[i + 1] == ':') colons = i;
  }
  if (colons == std::string::npos) return {{}, qualified};
  MethodName out{plain_type_name(qualified.substr(0, colons)), qualified.substr(colons + 2)};
  if (!out.name.starts_with("operator")) out.name = out.name.substr(0, out.name.find('<'));
  return out;
}

bool one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

// The object of the class `scope` that the pointer or reference `traced` designates: a member at
// offset 0 has the address of the whole.
std::optional<SourceObject> object_behind(Evidence& evidence, const Traced& traced,
                                          const std::string& scope) {
  if (const auto located = locate(evidence, traced, 0, scope)) {
    if (is_structure(located->from.types->strip(located->path.type))) return located->path.object;
  }
  const Known* single = traced.single();
  if (single != nullptr && single->form == Known::Form::kAddress) return single->object;
  if (single != nullptr && single->role == ContainerRole::kNone)
    return SourceObject{spell(*single), true};
  return std::nullopt;
}

class Result {
 public:
  Result(Evidence& evidence, const CodeName& callee,
         const std::function<Traced(unsigned)>& argument)
      : evidence_(evidence), callee_(callee), argument_(argument) {
    types_ = callee.module != nullptr ? evidence.files.types(*callee.module) : nullptr;
    if (types_ != nullptr && callee.die) type_ = types_->get(*callee.die).target;
  }

  Traced get() {
    const MethodName method = split_method(callee_.name);
    if (callee_.name.starts_with("std::") || callee_.name.starts_with("__gnu_cxx::")) {
      if (auto folded = of_library(method)) return *folded;
    }
    Known known;
    known.base_variable = callee_.name;
    known.base_kind = "return value";
    return finish(std::move(known), {callee_.name + "()", false}, false);
  }

 private:
  std::optional<Traced> of_library(const MethodName& method) {
    if (method.scope == "std" &&
        one_of(method.name, {"move", "forward", "addressof", "__addressof", "as_const"}))
      return argument_(0);
    const Traced self = argument_(0);
    const auto object = object_behind(evidence_, self, method.scope);
    const Known* base = self.base ? &*self.base : nullptr;
    if (!object || base == nullptr) return std::nullopt;
    const std::string text = as_primary(spell(*object));
    const std::string access = object->through_pointer ? object->text + "->" : text + ".";
    // Internal accessors return what their object holds.
    if (one_of(method.name, {"operator->", "get", "_M_ptr", "_M_get", "__get_pointer", "base"}) ||
        method.name.starts_with("operator "))
      return finish(*base, {spell(*object), false}, false);
    if (method.name == "operator*") return finish(*base, {spell(*object), true}, true);
    if (one_of(method.name, {"operator[]", "at"})) {
      const std::string index = spell_number(argument_(1));
      if (index.empty()) return std::nullopt;
      if (method.name == "at") return finish(*base, {access + "at(" + index + ")", false}, true);
      return finish(*base, element_of(*object, index), true);
    }
    if (one_of(method.name, {"front", "back", "top", "value"}))
      return finish(*base, {access + method.name + "()", false}, true);
    if (method.name.starts_with("_") || method.name.starts_with("operator")) return std::nullopt;
    return finish(*base, {access + method.name + "()", false}, false);
  }

  // `reference`: the function returns the address of `object`.
  Traced finish(Known origin, SourceObject object, bool reference) {
    origin.types = types_;
    origin.type = type_;
    origin.form = Known::Form::kContents;
    origin.role = ContainerRole::kNone;
    origin.trust = std::max(origin.trust, ExpressionTrust::kTraced);
    origin.value.reset();
    origin.location.reset();
    origin.member.reset();
    origin.object = std::move(object);
    if (types_ != nullptr && type_) {
      const auto& type = types_->strip(*type_);
      if (is_reference(type)) {
        reference = true;
        origin.type = type.target;
      }
    }
    if (reference) {
      origin.form = Known::Form::kAddress;
      origin.is_reference = true;
    }
    origin.steps.push_back(fmt::format("`{}` was returned by {}()", spell(origin), callee_.name));
    // An address says what it is worth in the register only; integers may be indices.
    return Traced::of(std::move(origin));
  }

  Evidence& evidence_;
  const CodeName& callee_;
  const std::function<Traced(unsigned)>& argument_;
  Types* types_ = nullptr;
  std::optional<DieRef> type_;
};

}  // namespace

Traced call_result(Evidence& evidence, const CodeName& callee,
                   const std::function<Traced(unsigned)>& argument) {
  return Result(evidence, callee, argument).get();
}

}  // namespace inquest::process
