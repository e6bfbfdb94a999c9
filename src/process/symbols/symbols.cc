#include "process/symbols/symbols.h"

#include <algorithm>
#include <unordered_map>

#include "binary/demangle/demangle.h"
#include "process/symbols/cache_limit.h"
#include "process/symbols/function_record.h"
#include "process/symbols/record_maker.h"
#include "process/symbols/symbol_index.h"
#include "process/symbols/symbol_table.h"

namespace inquest::process {
namespace {

constexpr size_t kMaxStoredRecord = 1 << 20;

}  // namespace

struct Symbolizer::State {
  // Pieces of compressed sections, in the module's index.
  class Memory : public dwarf::SectionMemory {
   public:
    Memory(const SymbolIndex& index, IndexAdditions& additions)
        : index_(index), additions_(additions) {}
    std::optional<ByteView> recall(const std::string& key) override {
      return index_.view() != nullptr ? index_.view()->blob(key) : std::nullopt;
    }
    void keep(const std::string& key, Bytes contents) override {
      additions_.blobs[key] = std::move(contents);
    }

   private:
    const SymbolIndex& index_;
    IndexAdditions& additions_;
  };

  // What is known of one module: records by the addresses they answer for.
  struct ModuleState {
    const Module* module = nullptr;
    std::optional<SymbolIndex> index;
    std::vector<std::unique_ptr<FunctionRecord>> records;
    std::map<uint64_t, std::pair<uint64_t, const FunctionRecord*>> by_address;
    std::optional<uint64_t> identity;
    IndexAdditions additions;
    std::unique_ptr<Memory> memory;  // where there is an index

    const FunctionRecord* find(uint64_t pc) const {
      auto after = by_address.upper_bound(pc);
      if (after == by_address.begin()) return nullptr;
      --after;
      return pc < after->second.first ? after->second.second : nullptr;
    }
  };

  State(const ModuleSet& set, const SymbolOptions& given) : modules(set), options(given) {
    debug_infos.set_memories(
        [this](const Module& module) { return state_of(module).memory.get(); });
  }

  ModuleState& state_of(const Module& module);
  void resolve(ModuleState& state, std::vector<uint64_t> pcs);
  bool from_index(ModuleState& state, uint64_t pc);
  void keep(ModuleState& state, FunctionRecord record, bool is_new);
  uint64_t identity(ModuleState& state);

  const ModuleSet& modules;
  SymbolOptions options;
  std::unordered_map<const Module*, ModuleState> states;
  DebugInfos debug_infos;  // reads through the states
  std::unordered_map<uint64_t, AnnotatedFrame> frames;
  std::unordered_map<uint64_t, std::optional<NearSymbol>> near;
};

Symbolizer::State::ModuleState& Symbolizer::State::state_of(const Module& module) {
  auto [at, fresh] = states.try_emplace(&module);
  ModuleState& state = at->second;
  if (fresh) {
    state.module = &module;
    if (options.use_cache && !options.cache_dir.empty() && module.build_id)
      state.index.emplace(options.cache_dir, *module.build_id);
    if (state.index) state.memory = std::make_unique<Memory>(*state.index, state.additions);
  }
  return state;
}

// Worked out only when an answer depends on it: asking for the debug file's path looks for the
// file.
uint64_t Symbolizer::State::identity(ModuleState& state) {
  if (!state.identity) state.identity = module_identity(*state.module);
  return *state.identity;
}

// Takes over the addresses of the record that no other one answers for yet: what was asked about is
// among them.
void Symbolizer::State::keep(ModuleState& state, FunctionRecord record, bool is_new) {
  std::vector<std::pair<uint64_t, uint64_t>> open;
  for (const auto& [low, high] : record.ranges) {
    uint64_t from = low;
    auto next = state.by_address.upper_bound(low);
    if (next != state.by_address.begin()) from = std::max(from, std::prev(next)->second.first);
    for (; next != state.by_address.end() && next->first < high; ++next) {
      if (from < next->first) open.emplace_back(from, next->first);
      from = std::max(from, next->second.first);
    }
    if (from < high) open.emplace_back(from, high);
  }
  record.ranges = std::move(open);
  if (is_new && state.index) {
    Bytes bytes = encode(record);
    if (bytes.size() <= kMaxStoredRecord)
      state.additions.records.push_back({record.ranges, record.identity, std::move(bytes)});
  }
  state.records.push_back(std::make_unique<FunctionRecord>(std::move(record)));
  const FunctionRecord* kept = state.records.back().get();
  for (const auto& [low, high] : kept->ranges) state.by_address[low] = {high, kept};
}

bool Symbolizer::State::from_index(ModuleState& state, uint64_t pc) {
  const SymbolIndexView* view = state.index ? state.index->view() : nullptr;
  const auto range = view != nullptr ? view->find(pc) : std::nullopt;
  if (!range || (range->identity != 0 && range->identity != identity(state))) return false;
  const auto bytes = view->record(*range);
  if (!bytes) return false;
  auto record = decode_function_record(*bytes);
  if (!record.ok()) return false;
  keep(state, std::move(*record), false);
  return state.find(pc) != nullptr;
}

void Symbolizer::State::resolve(ModuleState& state, std::vector<uint64_t> pcs) {
  std::sort(pcs.begin(), pcs.end());
  pcs.erase(std::unique(pcs.begin(), pcs.end()), pcs.end());
  std::erase_if(pcs,
                [&](uint64_t pc) { return state.find(pc) != nullptr || from_index(state, pc); });
  if (pcs.empty()) return;

  dwarf::DebugInfo* debug = debug_infos.get(*state.module);
  RecordMaker maker(*state.module, debug);
  maker.prepare(pcs);
  std::vector<uint64_t> without_function;
  for (const uint64_t pc : pcs) {
    if (state.find(pc) != nullptr) continue;  // in a function that another pc brought
    if (auto record = maker.from_dwarf(pc)) {
      keep(state, std::move(*record), true);
    } else if (auto breakpad = maker.from_breakpad(pc)) {
      breakpad->identity = identity(state);  // DWARF that turns up knows more
      keep(state, std::move(*breakpad), true);
    } else {
      without_function.push_back(pc);
    }
  }
  if (without_function.empty()) return;
  // A split unit that was not found may turn up, and nothing about the files known here would
  // change.
  const bool lasting = debug == nullptr || debug->notes().empty();
  for (FunctionRecord& record : maker.from_symbols(without_function)) {
    // Where the debug file knows the lines, it has said all that it has to say.
    record.identity = record.lines.empty() ? identity(state) : 0;
    keep(state, std::move(record), lasting);
  }
}

Symbolizer::Symbolizer(const ModuleSet& modules, const SymbolOptions& options)
    : state_(std::make_unique<State>(modules, options)) {}
Symbolizer::~Symbolizer() = default;

void Symbolizer::prefetch(std::span<const Address> addresses) {
  std::unordered_map<const Module*, std::vector<uint64_t>> wanted;
  for (const Address address : addresses) {
    const Module* module = state_->modules.find(address);
    if (module != nullptr && !state_->frames.contains(address.value))
      wanted[module].push_back(module->to_link(address));
  }
  for (auto& [module, pcs] : wanted) state_->resolve(state_->state_of(*module), std::move(pcs));
}

const AnnotatedFrame& Symbolizer::annotate(Address address) {
  const auto known = state_->frames.find(address.value);
  if (known != state_->frames.end()) return known->second;
  AnnotatedFrame frame;
  frame.module = state_->modules.find(address);
  if (frame.module != nullptr) {
    frame.module_offset = frame.module->to_link(address);
    State::ModuleState& module = state_->state_of(*frame.module);
    if (module.find(frame.module_offset) == nullptr) state_->resolve(module, {frame.module_offset});
    const FunctionRecord* record = module.find(frame.module_offset);
    if (record != nullptr) frame.functions = record->frames_at(frame.module_offset);
  }
  if (frame.functions.empty()) frame.functions.emplace_back();
  return state_->frames.emplace(address.value, std::move(frame)).first->second;
}

std::optional<Symbolizer::NearSymbol> Symbolizer::symbol_at(Address address) {
  const auto known = state_->near.find(address.value);
  if (known != state_->near.end()) return known->second;
  auto& result = state_->near[address.value];
  const Module* module = state_->modules.find(address);
  if (module == nullptr) return result;
  SymbolQuery query{module->to_link(address), std::nullopt};
  for (const elf::File* file : {module->debug(), module->mini_debug(), module->binary()}) {
    if (file == nullptr) continue;
    look_up(*file, SymbolKind::kAnything, {&query, 1});
    if (query.answer && query.answer->size != 0) break;
  }
  if (query.answer)
    result = NearSymbol{demangle::demangle(query.answer->name), query.address - query.answer->value,
                        module};
  return result;
}

std::optional<Address> Symbolizer::find_symbol(const Module& module, std::string_view name) {
  for (const elf::File* file : {module.binary(), module.debug(), module.mini_debug()}) {
    const auto value = file != nullptr ? address_of_symbol(*file, name) : std::nullopt;
    if (value) return module.to_process(*value);
  }
  return std::nullopt;
}

std::optional<Bytes> Symbolizer::blob(const Module& module, std::string_view key) {
  State::ModuleState& state = state_->state_of(module);
  const auto added = state.additions.blobs.find(std::string(key));
  if (added != state.additions.blobs.end()) return added->second;
  const SymbolIndexView* view = state.index ? state.index->view() : nullptr;
  const auto bytes = view != nullptr ? view->blob(key) : std::nullopt;
  return bytes ? std::optional(Bytes(bytes->begin(), bytes->end())) : std::nullopt;
}

void Symbolizer::put_blob(const Module& module, std::string_view key, ByteView value) {
  if (value.size() > kMaxStoredRecord || key.size() > 4096) return;
  State::ModuleState& state = state_->state_of(module);
  if (state.index) state.additions.blobs[std::string(key)] = Bytes(value.begin(), value.end());
}

DebugInfos& Symbolizer::debug_infos() { return state_->debug_infos; }

void Symbolizer::save() {
  state_->debug_infos.keep_sections();
  bool added = false;
  for (auto& [module, state] : state_->states) {
    if (!state.index || state.additions.empty()) continue;
    // Losing it costs time only.
    added |= state.index->add(state.additions).ok();
    state.additions = {};
  }
  if (added) limit_cache_sometimes(state_->options.cache_dir, kMaxSymbolCache);
}

}  // namespace inquest::process
