// OriginTrace: follows one value backwards: through the function it was used in, into callers,
// through memory that still holds it, and into the functions that returned it.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "diagnosis/facts/origin_fills.h"
#include "diagnosis/facts/origin_stores.h"
#include "diagnosis/facts/origin_trail.h"
#include "process/flow/returns.h"

namespace inquest::diagnosis {

// What the death looks like: a value that merely dangles was right once, and who set it is not to
// blame; of an access beyond the end, who made the memory or the number is.
enum class OriginTheme : uint8_t { kValue, kLifetime, kBounds };

// A value at one moment: what `spot` held before instruction `at` of `body`.
struct Followed {
  FunctionBody* body = nullptr;
  size_t at = 0;
  process::Spot spot;
  std::optional<uint64_t> value;
  std::string name;  // what the source calls it; may be empty
};

class OriginTrace {
 public:
  OriginTrace(OriginCode& code, OriginTrail& trail, OriginTheme theme)
      : code_(code),
        trail_(trail),
        about_lifetime_(theme == OriginTheme::kLifetime),
        about_bounds_(theme == OriginTheme::kBounds) {}

  void follow(Followed value);
  // From what instruction `at` reads of its memory operand 0, whatever it does with it.
  void follow_memory(FunctionBody& body, size_t at, std::optional<uint64_t> value,
                     const std::string& name);
  // Who stores to what instruction `at` loads or frees, and who leaves it as it is. True when
  // somebody was found who could have given it the value.
  bool blame_writers(FunctionBody& body, size_t at, size_t operand, std::optional<uint64_t> value,
                     const std::string& name);
  // Who writes to the member that instruction `at` reads, whatever the value.
  // The functions that do, each once.
  std::set<std::string> blame_all_writers(FunctionBody& body, size_t at, size_t operand,
                                          Reason reason, const std::string& deed);
  // What an expression was worth, as far as the facts of the fault tell.
  void know(std::string text, uint64_t value) {
    known_text_ = std::move(text);
    known_value_ = value;
  }

 private:
  struct Definition {
    size_t at = 0;
    bool is_entry = false;
    bool is_filled = false;  // a slot that the call at `at` was given the address of
  };
  bool advance(Followed& value);
  std::optional<Definition> choose(const Followed& value);
  std::optional<Definition> the_link(const Followed& value,
                                     const std::vector<Definition>& candidates);
  bool may_be(const Followed& value, size_t definition);
  bool by_slot_write(Followed& value, size_t definition);
  bool by_register_write(Followed& value, size_t definition);
  bool is_culprit(const Followed& value, size_t definition, std::optional<uint64_t> base,
                  std::optional<uint64_t> index);
  bool by_sum(Followed& value, size_t definition);
  bool to_caller(Followed& value);
  bool steps_itself(const Followed& value, size_t definition);
  Fills fills_slot(const Followed& value, size_t call);
  void filled(const Followed& value, size_t call);
  bool returned(Followed& value, size_t call);
  bool inside_callee(Followed& value, size_t call, Address target);
  bool loaded(Followed& value, size_t definition);
  void constant(const Followed& value, size_t at, uint64_t constant);
  void note_inlining(const Followed& value, size_t definition);
  void ambiguous(const Followed& value, const process::Reaching& reaching,
                 const std::vector<Definition>& candidates);
  void blame_cast(FunctionBody& body, size_t at, isa::RegisterId id);
  void never_set(const Followed& value);
  void lost(const Followed& value, size_t at, std::string why);
  // The object at `address` is a global, or on the stack of some function: who made it known?
  void blame_global(FunctionBody& body, size_t at, Address address, Reason reason,
                    const std::string& name);
  std::string given_to(FunctionBody& taker, Address pc);
  void blame_locals(FunctionBody& body, size_t at, const std::string& type);
  bool in_frame(Followed& value, Address address, uint32_t size, const std::string& text);
  // Does the pointer lead to an object of the type that it should? nullopt: nobody can tell.
  std::optional<bool> leads_right(const process::SourceExpression& pointer, Address object,
                                  std::string& found);
  bool by_accessor(Followed& value, size_t call, const std::string& callee);
  bool is_on_stack(const std::string& function);
  bool is_on_some_stack(uint64_t value) const;

  enum class Passed : uint8_t { kIt, kOther, kUnknown };
  StoreTarget target_of(FunctionBody& body, size_t at, size_t operand);
  bool blame_store(const FoundStore& store, std::optional<uint64_t> value, const std::string& name);
  bool blame_sharing(const FoundStore& store, const std::string& name);
  bool blame_computed(FunctionBody& body, size_t at, const CodePlace& where,
                      std::optional<uint64_t> value, const std::string& name);
  bool blame_callers(const FoundStore& store, isa::RegisterId argument,
                     std::optional<uint64_t> value, const std::string& name);
  bool blame_result(FunctionBody& body, size_t call, const CodePlace& where,
                    std::optional<uint64_t> value, const std::string& name);
  std::optional<Address> may_return(FunctionBody& body, uint64_t value, int depth);
  Passed blame_argument(Address call, isa::RegisterId argument, uint64_t value,
                        const std::string& name);
  void blame_only_writer(const StoreAnswer& answer, const std::string& name);
  bool blame_skipped(const StoreAnswer& answer, const StoreTarget& target);
  void blame_makers(const StoreAnswer& answer, const StoreTarget& target);
  bool blame_bulk(FunctionBody& body, size_t at, size_t operand, const StoreTarget& target,
                  std::optional<uint64_t> value);
  bool blame_element_stores(Address near, const std::string& structure,
                            const process::MemberBefore& over, const StoreTarget& target,
                            std::optional<uint64_t> value);
  bool blame_bulk_call(const FoundCall& call, const StoreTarget& target,
                       const std::string& structure,
                       const std::vector<process::MemberBefore>& before,
                       std::optional<uint64_t> value);
  std::string name_of(const Followed& value, size_t at, isa::RegisterId id);

  const CodePlace& place(const FunctionBody& body, size_t at) {
    return code_.place(body.code()[at].pc);
  }

  OriginCode& code_;
  OriginTrail& trail_;
  int steps_ = 0, depth_ = 0;
  bool about_lifetime_, about_bounds_;
  std::string known_text_;
  std::string wanted_;  // the type that the wrong object was taken for
  uint64_t known_value_ = 0;
  bool has_writers_ = false;      // of the member that was asked about last
  bool is_changed_ = false;       // memory holds another value by now
  bool is_wrong_object_ = false;  // what is followed is a pointer to something else
  bool owner_told_ = false;       // of a slot that others filled in
  std::set<std::tuple<const FunctionBody*, size_t, process::Spot>> visited_;
};

}  // namespace inquest::diagnosis
