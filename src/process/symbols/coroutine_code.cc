#include "process/symbols/coroutine_code.h"

#include <algorithm>

#include "binary/demangle/demangle.h"
#include "process/symbols/symbol_table.h"

namespace inquest::process {
namespace {

// gcc and clang: the two function pointers.
constexpr uint64_t kPointers = 16;
constexpr size_t kMaxLengthDigits = 5;

struct Ending {
  std::string_view text;
  CoroutinePart part;
};
constexpr Ending kEndings[] = {{".actor", CoroutinePart::kResume},
                               {".resume", CoroutinePart::kResume},
                               {".destroy", CoroutinePart::kDestroy},
                               {".cleanup", CoroutinePart::kDestroy}};

// "_Z1fPZ1fvE10_Z1fv.Frame" → "_Z1fv": the type's name stands behind its length. The longest
// name whose length is right is the one: a shorter one would begin inside of it.
std::optional<std::string_view> function_of_frame_type(std::string_view mangled) {
  constexpr std::string_view kFrame = ".Frame";
  if (!mangled.ends_with(kFrame)) return std::nullopt;
  for (size_t at = 1; at + kFrame.size() < mangled.size(); ++at) {
    size_t digit = at;
    while (digit > 0 && at - digit < kMaxLengthDigits && mangled[digit - 1] >= '0' &&
           mangled[digit - 1] <= '9')
      --digit;
    // "E10_Z" may follow another digit of the name before: any number of the digits is tried.
    size_t length = 0, power = 1;
    for (size_t i = at; i > digit; --i, power *= 10) {
      length += static_cast<size_t>(mangled[i - 1] - '0') * power;
      if (length == mangled.size() - at && mangled[i - 1] != '0')
        return mangled.substr(at, length - kFrame.size());
    }
  }
  return std::nullopt;
}

bool is_handle(Types& types, const dwarf::Type& type) {
  if (!is_structure(type) || !type.name.starts_with("std::")) return false;
  const std::string plain = plain_type_name(type.name);
  return plain.ends_with("::coroutine_handle") && types.size(type.die).value_or(0) == 8;
}

// Walks through all parts of a promise that lie in it: bases, structures in structures, optionals.
class HandleSearch {
 public:
  HandleSearch(Types& types, uint64_t promise, PromiseLayout& out)
      : types_(types), promise_(promise), out_(out) {}

  void visit(dwarf::DieRef ref, uint64_t offset, const std::string& path, int depth) {
    const dwarf::Type& type = types_.strip(ref);
    if (!is_structure(type)) return;
    if (is_handle(types_, type)) return add(offset, path);
    if (depth >= kMaxFieldDepth) {
      out_.all_known = false;
      return;
    }
    const std::string plain = plain_type_name(type.name);
    // One of several may lie in them, and which is not asked: a handle that is not there would be
    // one of before.
    if (plain == "std::variant") {
      out_.all_known = false;
      return;
    }
    const auto before = engaged_;
    if (plain == "std::optional") {
      auto flag = types_.find_field(type, "_M_engaged");
      if (!flag) flag = types_.find_field(type, "__engaged_");
      if (!flag) {
        out_.all_known = false;
        return;
      }
      engaged_ = offset + flag->offset;
    }
    visit_members(type, offset, path, depth);
    engaged_ = before;
  }

 private:
  void visit_members(const dwarf::Type& type, uint64_t offset, const std::string& path, int depth) {
    for (const dwarf::Member& member : type.members) {
      if (++parts_ > kMaxPromiseParts) {
        out_.all_known = false;
        return;
      }
      if (member.is_static) continue;
      if (member.is_virtual_base) {
        out_.all_known = false;
        continue;
      }
      // The innards of library types say nothing to the reader.
      const bool named = !member.is_base && !member.name.empty() && !member.name.starts_with('_');
      std::string inside = path;
      if (named) inside += (path.empty() ? "" : ".") + member.name;
      visit(member.type, offset + member.offset, inside, depth + 1);
    }
  }

  void add(uint64_t offset, const std::string& path) {
    if (out_.handles.size() >= kMaxPromiseHandles) {
      out_.all_known = false;
      return;
    }
    PromiseHandle handle{path.empty() ? "handle" : path, promise_ + offset, std::nullopt};
    if (engaged_) handle.engaged = promise_ + *engaged_;
    const auto same = [&](const PromiseHandle& one) { return one.offset == handle.offset; };
    // The parts of a union overlap.
    if (std::none_of(out_.handles.begin(), out_.handles.end(), same))
      out_.handles.push_back(std::move(handle));
  }

  Types& types_;
  uint64_t promise_;
  PromiseLayout& out_;
  std::optional<uint64_t> engaged_;
  size_t parts_ = 0;
};

}  // namespace

std::optional<CoroutineSymbol> coroutine_symbol(std::string_view symbol) {
  // What linkers and link-time optimisation append comes last: ".actor.lto_priv.0".
  for (const Ending& ending : kEndings) {
    const size_t at = symbol.rfind(ending.text);
    if (at == std::string_view::npos || at == 0) continue;
    const std::string_view rest = symbol.substr(at + ending.text.size());
    if (!rest.empty() && rest[0] != '.' && rest[0] != '@') continue;
    std::string_view function = symbol.substr(0, at);
    if (const auto inner = function_of_frame_type(function)) function = *inner;
    if (function.empty()) return std::nullopt;
    return CoroutineSymbol{ending.part, function, symbol.substr(at),
                           rest.find(".cold") != std::string_view::npos};
  }
  return std::nullopt;
}

const CoroutineCode* CoroutineCodes::at(Address address) {
  if (!known_.contains(address)) prepare({address});
  const auto known = known_.find(address);
  return known != known_.end() && known->second ? &*known->second : nullptr;
}

void CoroutineCodes::prepare(std::vector<Address> addresses) {
  std::sort(addresses.begin(), addresses.end());
  std::map<const Module*, std::vector<SymbolQuery>> queries;
  for (const Address address : addresses) {
    if (known_.size() >= kMaxSymbolsAsked) break;
    if (!known_.try_emplace(address).second) continue;
    if (const Module* module = evidence_.modules.find(address))
      queries[module].push_back({module->to_link(address), std::nullopt});
  }
  for (auto& [module, asked] : queries) {
    const elf::File* last = nullptr;
    for (const elf::File* file : {module->debug(), module->binary(), module->mini_debug()}) {
      if (file != nullptr && file != last) (void)look_up(*file, SymbolKind::kCode, asked);
      last = file;
    }
    for (const SymbolQuery& query : asked) {
      if (!query.answer || query.answer->value != query.address) continue;
      const auto symbol = coroutine_symbol(query.answer->name);
      if (!symbol || symbol->is_cold) continue;
      const Address address = module->to_process(query.address);
      known_[address] =
          CoroutineCode{symbol->part, demangle::demangle(symbol->function), address, module};
    }
  }
}

// gcc describes the frame as a structure that its functions get a pointer to; clang has a variable
// for the promise and, without optimisation, one for the frame.
std::optional<CoroutineCodes::Promise> CoroutineCodes::find_promise(const CoroutineCode& code,
                                                                    Types& types) {
  std::optional<Promise> found;
  for (const auto& variable : types.info().variables_at(code.module->to_link(code.start))) {
    if (!variable.type) continue;
    const dwarf::Type* frame = nullptr;
    if (variable.name == "__coro_frame") frame = &types.strip(*variable.type);
    if (variable.name == "frame_ptr") {
      const dwarf::Type& pointer = types.strip(*variable.type);
      if (pointer.target) frame = &types.strip(*pointer.target);
    }
    if (frame != nullptr && is_structure(*frame)) {
      for (const dwarf::Member& member : frame->members) {
        if (member.name == "_Coro_promise" || member.name == "__promise")
          return Promise{member.type, member.offset, frame->size};
      }
    }
    if (variable.name != "__promise" || found) continue;
    const uint64_t alignment = std::max<uint64_t>(types.alignment(*variable.type), 1);
    found = Promise{*variable.type, (kPointers + alignment - 1) / alignment * alignment, {}};
  }
  return found;
}

const CoroutineCodes::Layout& CoroutineCodes::layout(const CoroutineCode& code) {
  const auto [at, fresh] = layouts_.try_emplace(code.start);
  Layout& out = at->second;
  if (!fresh) return out;
  Types* types = evidence_.files.types(*code.module);
  if (types == nullptr) {
    out.why_not = evidence_.files.why_not(*code.module);
    return out;
  }
  const auto promise = find_promise(code, *types);
  if (!promise || !promise->type) {
    out.why_not = "its debug information does not describe the promise";
    return out;
  }
  out.offset = promise->offset;
  out.layout.emplace();
  out.layout->type = types->name(types->strip(*promise->type).die);
  out.layout->frame_size = promise->frame_size;
  if (!types->size(*promise->type)) {
    out.layout.reset();
    out.why_not = "the type of its promise is only declared in the debug information";
    return out;
  }
  HandleSearch(*types, promise->offset, *out.layout).visit(*promise->type, 0, "", 0);
  return out;
}

const PromiseLayout* CoroutineCodes::promise(const CoroutineCode& code) {
  const Layout& found = layout(code);
  why_not_ = found.why_not;
  return found.layout ? &*found.layout : nullptr;
}

std::optional<uint64_t> CoroutineCodes::promise_offset(const CoroutineCode& code) {
  return layout(code).offset;
}

}  // namespace inquest::process
