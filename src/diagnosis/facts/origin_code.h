// OriginCode: the program's code as origins are traced through it: functions by address, on the
// stack or not, with what the source calls their places.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "diagnosis/facts/site.h"
#include "diagnosis/facts/stack_facts.h"
#include "process/flow/frame_flow.h"
#include "process/flow/function_codes.h"
#include "process/symbols/source_names.h"
#include "process/unwind/cfi_source.h"

namespace inquest::diagnosis {

// An instruction in terms of the source.
struct CodePlace {
  Address pc;
  std::string function;  // short name: of the innermost function of the program itself
  std::string file;
  uint32_t line = 0;
  CodeRole role = CodeRole::kUnknown;
  std::string module;
  uint64_t module_offset = 0;
  bool is_inlined = false;
  std::vector<std::string>
      inlined;  // the library's functions that are inlined here, outermost last
  std::vector<std::string> callers;  // functions that it is inlined into, innermost first

  // "checkout() at cart.cc:88", "cart.so+0x1234"
  std::string text() const;
  std::string at() const;    // "cart.cc:88"; "cart.so+0x1234" without lines
  std::string name() const;  // "checkout()", or the module and offset
};

// One physical function, decoded.
class FunctionBody {
 public:
  FunctionBody(const Site& site, const process::FunctionCode& code, std::optional<size_t> frame);

  const process::FunctionCode& code() const { return code_; }
  process::FrameFlow& flow() { return flow_; }
  std::optional<size_t> frame() const { return frame_; }  // nullopt: on no stack
  size_t current() const { return flow_.state().current; }
  // nullptr without debug information.
  process::SourceNames* names();

 private:
  const Site& site_;
  const process::FunctionCode& code_;
  std::optional<size_t> frame_;
  process::FrameFlow flow_;
  std::unique_ptr<process::SourceNames> names_;
};

// How much code one explanation may look into.
inline constexpr size_t kMaxBodies = 64;
inline constexpr uint64_t kMaxBodyBytes = 256 * 1024;  // of all together

// Not thread-safe. The site must outlive it.
class OriginCode {
 public:
  explicit OriginCode(const Site& site);

  const CodePlace& place(Address pc);
  // nullptr when the code cannot be had, or the budget is spent.
  FunctionBody* of_frame(size_t frame);
  FunctionBody* at(Address pc);
  std::optional<AddressRange> range_of(Address pc);
  // Where a call to `target` ends up, by name; empty when unknown.
  Address through_stub(Address target);
  std::string name_of(Address target);
  // The same for what the code around `near` calls, when its linkage name contains one of `hints`.
  std::string name_with(Address near, Address target, std::span<const std::string_view> hints);
  // The linkage name of a function of the module whose names name_with() has listed.
  std::string_view linkage_of(Address target) const;
  bool is_program_code(Address pc);
  const Site& site() const { return site_; }

 private:
  std::unique_ptr<FunctionBody> make(Address pc, std::optional<size_t> frame);

  const Site& site_;
  std::unique_ptr<process::CfiSource> cfi_;
  process::FunctionCodes codes_;  // where no names are read, and so nobody else decodes
  std::map<Address, CodePlace> places_;
  std::map<size_t, std::unique_ptr<FunctionBody>> frames_;
  std::map<Address, std::unique_ptr<FunctionBody>> functions_;
  uint64_t bytes_ = 0;
  const process::Module* listed_ = nullptr;  // whose functions are in linkage_names_
  std::unordered_map<uint64_t, std::string_view> linkage_names_;  // by link-time address
  size_t stubs_named_ = 0;
};

}  // namespace inquest::diagnosis
