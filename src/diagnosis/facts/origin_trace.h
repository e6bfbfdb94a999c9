// OriginTrace: follows one value backwards: through the function it was used in, into callers,
// through memory that still holds it, and into the functions that returned it.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "diagnosis/facts/origin_stores.h"
#include "diagnosis/facts/origin_trail.h"
#include "process/flow/returns.h"

namespace inquest::diagnosis {

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
  OriginTrace(OriginCode& code, OriginTrail& trail) : code_(code), trail_(trail) {}

  void follow(Followed value);
  // Who stores to what instruction `at` loads or frees, and who leaves it as it is.
  void blame_writers(FunctionBody& body, size_t at, size_t operand, std::optional<uint64_t> value,
                     const std::string& name);

 private:
  struct Definition {
    size_t at = 0;
    bool is_entry = false;
    bool is_filled = false;  // a slot that the call at `at` was given the address of
  };
  bool advance(Followed& value);
  std::optional<Definition> choose(const Followed& value);
  bool may_be(const Followed& value, size_t definition);
  bool by_slot_write(Followed& value, size_t definition);
  bool by_register_write(Followed& value, size_t definition);
  bool is_culprit(const Followed& value, size_t definition, std::optional<uint64_t> base,
                  std::optional<uint64_t> index);
  bool by_sum(Followed& value, size_t definition);
  bool to_caller(Followed& value);
  void filled(const Followed& value, size_t call);
  bool returned(Followed& value, size_t call);
  bool inside_callee(Followed& value, size_t call, Address target);
  bool loaded(Followed& value, size_t definition);
  void constant(const Followed& value, size_t at, uint64_t constant);
  void note_inlining(const Followed& value, size_t definition);
  void ambiguous(const Followed& value, const process::Reaching& reaching,
                 const std::vector<Definition>& candidates);
  void never_set(const Followed& value);
  void lost(const Followed& value, size_t at, std::string why);
  // The object at `address` is a global, or on the stack of some function: who made it known?
  void blame_global(FunctionBody& body, size_t at, Address address, int weight,
                    const std::string& name);
  std::string given_to(FunctionBody& taker, Address pc);
  bool in_frame(Followed& value, Address address, uint32_t size, const std::string& text);
  void blame_callers(const FoundStore& store, isa::RegisterId argument,
                     std::optional<uint64_t> value, const std::string& name);
  void blame_result(FunctionBody& body, size_t call, const CodePlace& where,
                    std::optional<uint64_t> value, const std::string& name);
  void blame_argument(Address call, isa::RegisterId argument, uint64_t value,
                      const std::string& name);
  bool by_accessor(Followed& value, size_t call, const std::string& callee);
  bool is_on_stack(const std::string& function);
  bool is_on_some_stack(uint64_t value) const;
  void blame_store(const FoundStore& store, std::optional<uint64_t> value, const std::string& name);
  std::string name_of(const Followed& value, size_t at, isa::RegisterId id);

  const CodePlace& place(const FunctionBody& body, size_t at) {
    return code_.place(body.code()[at].pc);
  }

  OriginCode& code_;
  OriginTrail& trail_;
  int steps_ = 0, depth_ = 0;
  bool owner_told_ = false;  // of a slot that others filled in
  std::set<std::tuple<const FunctionBody*, size_t, process::Spot>> visited_;
};

}  // namespace inquest::diagnosis
