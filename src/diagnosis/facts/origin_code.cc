#include "diagnosis/facts/origin_code.h"

#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/facts/frames.h"
#include "process/symbols/evidence.h"
#include "process/symbols/symbol_table.h"

namespace inquest::diagnosis {

using process::FunctionCode;

namespace {

constexpr uint8_t kSttFunction = 2;
constexpr size_t kMaxListed = 200'000;  // functions of one module
constexpr size_t kMaxStubsNamed = 512;

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

process::FrameState state_of(const Site& site, const FunctionCode& code,
                             std::optional<size_t> frame) {
  process::FrameState state{.registers = isa::RegisterFile(site.arch()), .cfa = std::nullopt};
  if (!frame) return state;
  const process::Frame& on_stack = site.stack.frames[*frame];
  const auto at = on_stack.interrupted ? code.at(on_stack.pc) : code.before(on_stack.pc);
  if (!at) return state;
  state.registers = on_stack.registers;
  state.cfa = on_stack.cfa;
  state.current = *at;
  state.interrupted = on_stack.interrupted;
  state.on_stack = true;
  return state;
}

}  // namespace

std::string CodePlace::at() const {
  if (!file.empty() && line != 0) return fmt::format("{}:{}", base_name(file), line);
  return fmt::format("{}+{}", module.empty() ? "code" : base_name(module), to_hex(module_offset));
}

std::string CodePlace::name() const { return function.empty() ? at() : function + "()"; }

std::string CodePlace::text() const {
  return function.empty() ? at() : fmt::format("{} at {}", name(), at());
}

FunctionBody::FunctionBody(const Site& site, const FunctionCode& code, std::optional<size_t> frame)
    : site_(site),
      code_(code),
      frame_(frame),
      flow_(code_, site.modules.memory(), state_of(site, code_, frame)) {}

process::SourceNames* FunctionBody::names() {
  if (names_ || site_.variables == nullptr || code_.empty()) return names_.get();
  names_ = frame_ ? std::make_unique<process::SourceNames>(*site_.variables, site_.stack, *frame_)
                  : std::make_unique<process::SourceNames>(*site_.variables, site_.arch(),
                                                           code_.entry());
  return names_.get();
}

OriginCode::OriginCode(const Site& site)
    : site_(site),
      cfi_(process::cfi_of_modules(site.modules, *site.image.memory, site.image.arch)),
      codes_(site.arch(), site.modules.memory()) {}

const CodePlace& OriginCode::place(Address pc) {
  const auto it = places_.find(pc);
  if (it != places_.end()) return it->second;
  CodePlace place;
  place.pc = pc;
  const process::AnnotatedFrame& annotated = site_.symbols.annotate(pc);
  place.module_offset = annotated.module_offset;
  if (annotated.module != nullptr) place.module = annotated.module->path;
  std::vector<FunctionFact> functions;
  for (const process::SourceFrame& source : annotated.functions)
    functions.push_back(describe_function(source, annotated));
  // What is of a library is told as the program's function that it is inlined into.
  auto chosen = std::ranges::find(functions, CodeRole::kUser, &FunctionFact::role);
  if (chosen == functions.end()) chosen = functions.begin();
  if (chosen != functions.end()) {
    place.function = chosen->short_name;
    place.file = chosen->file;
    place.line = chosen->line;
    place.role = chosen->role;
    place.is_inlined = chosen->is_inlined;
    for (auto inner = functions.begin(); inner != chosen; ++inner)
      place.inlined.push_back(inner->name);
    for (auto outer = chosen + 1; outer != functions.end(); ++outer)
      place.callers.push_back(outer->short_name);
  }
  return places_.emplace(pc, std::move(place)).first->second;
}

std::optional<AddressRange> OriginCode::range_of(Address pc) {
  if (const auto range = cfi_->function_at(pc)) return range;
  const process::AnnotatedFrame& annotated = site_.symbols.annotate(pc);
  if (annotated.module == nullptr || annotated.functions.empty()) return std::nullopt;
  const uint64_t start = annotated.functions.back().function_start;
  if (start == 0) return std::nullopt;
  constexpr uint64_t kBehind = 512;  // the end is unknown
  return AddressRange{annotated.module->to_process(start), pc + kBehind};
}

std::unique_ptr<FunctionBody> OriginCode::make(Address pc, std::optional<size_t> frame) {
  const auto range = range_of(pc);
  if (!range || !range->contains(pc) || range->size() > process::kMaxFunctionBytes ||
      frames_.size() + functions_.size() >= kMaxBodies || bytes_ + range->size() > kMaxBodyBytes)
    return nullptr;
  bytes_ += range->size();
  auto& codes = site_.variables != nullptr ? site_.variables->evidence().codes : codes_;
  const FunctionCode& code = codes.at(*range, range->start);
  if (code.empty()) return nullptr;
  return std::make_unique<FunctionBody>(site_, code, frame);
}

FunctionBody* OriginCode::of_frame(size_t frame) {
  if (frame >= site_.stack.frames.size()) return nullptr;
  auto& body = frames_[frame];
  if (!body) body = make(site_.stack.frames[frame].lookup_pc(), frame);
  if (body && !body->flow().state().on_stack) return nullptr;
  return body.get();
}

FunctionBody* OriginCode::at(Address pc) {
  const auto range = range_of(pc);
  if (!range) return nullptr;
  auto& body = functions_[range->start];
  if (!body) body = make(pc, std::nullopt);
  return body.get();
}

Address OriginCode::through_stub(Address target) {
  if (site_.variables == nullptr) return target;
  return site_.variables->evidence().names.through_stub(target);
}

std::string OriginCode::name_of(Address target) {
  if (site_.variables == nullptr) return {};
  std::string name = site_.variables->evidence().names.at(through_stub(target)).name;
  // The C library's own names for what programs call otherwise.
  for (const std::string_view prefix : {"__libc_", "__isoc99_", "__GI_"})
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  return name;
}

std::string OriginCode::name_with(Address near, Address target,
                                  std::span<const std::string_view> hints) {
  const process::Module* module = site_.modules.find(near);
  if (module == nullptr || module->binary() == nullptr || !module->range.contains(target))
    return {};
  if (listed_ != module) {
    listed_ = module;
    linkage_names_.clear();
    for (const elf::File* file : {module->binary(), module->debug()}) {
      if (file == nullptr) continue;
      file->for_each_symbol([&](const elf::Symbol& symbol) {
        if (symbol.type == kSttFunction && symbol.section != 0)
          linkage_names_.emplace(symbol.value, symbol.name);
        return linkage_names_.size() < kMaxListed;
      });
    }
  }
  const auto known = linkage_names_.find(module->to_link(target));
  if (known == linkage_names_.end()) {
    // The stub of a library's function, or no call at all.
    const auto name = process::plt_name(*module->binary(), module->to_link(target));
    if (!name || ++stubs_named_ > kMaxStubsNamed) return {};
    return name_of(target);
  }
  for (const std::string_view hint : hints)
    if (known->second.find(hint) != std::string_view::npos) return name_of(target);
  return {};
}

std::string_view OriginCode::linkage_of(Address target) const {
  if (listed_ == nullptr) return {};
  const auto known = linkage_names_.find(listed_->to_link(target));
  return known == linkage_names_.end() ? std::string_view() : known->second;
}

bool OriginCode::is_program_code(Address pc) { return place(pc).role == CodeRole::kUser; }

}  // namespace inquest::diagnosis
