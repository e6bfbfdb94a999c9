#include "diagnosis/facts/facts_json.h"

#include <fmt/format.h>

#include <charconv>
#include <type_traits>

namespace inquest::diagnosis {
namespace {

// A 64-bit value that is written as "0x…".
template <typename T>
struct Hex {
  T& value;
};
template <typename T>
Hex<T> hex(T& value) {
  return {value};
}

template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};

// --- what each type holds: read by the Writer and filled by the Reader
// ----------------------------------------------

template <typename Io, typename T>
using Ref = typename Io::template Ref<T>;

template <typename Io>
void describe(Io& io, Ref<Io, Evidence> x) {
  io("kind", x.kind);
  io("what", x.what);
  io("address", x.address);
  io("frame", x.frame);
}

template <typename Io>
void describe(Io& io, Ref<Io, Fact> x) {
  io("statement", x.statement);
  io("evidence", x.evidence);
}

template <typename Io>
void describe(Io& io, Ref<Io, VariableFact> x) {
  io("name", x.name);
  io("type", x.type);
  io("text", x.text);
  io("why_not", x.why_not);
  io("is_argument", x.is_argument);
  io("function", x.function);
}

template <typename Io>
void describe(Io& io, Ref<Io, PackageFact> x) {
  io("manager", x.manager);
  io("name", x.name);
  io("version", x.version);
  io("installed", x.installed);
  io("is_program", x.is_program);
}

template <typename Io>
void describe(Io& io, Ref<Io, FunctionFact> x) {
  io("name", x.name);
  io("short_name", x.short_name);
  io("file", x.file);
  io("line", x.line);
  io("column", x.column);
  io("is_inlined", x.is_inlined);
  io("role", x.role);
  io("package", x.package);
  io("source", x.source);
}

template <typename Io>
void describe(Io& io, Ref<Io, RuntimeFrameFact> x) {
  io("language", x.language);
  io("function", x.function);
  io("file", x.file);
  io("line", x.line);
  io("column", x.column);
  io("role", x.role);
  io("tier", x.tier);
  io("package", x.package);
  io("gap", x.gap);
  io("source", x.source);
  io("variables", x.variables);
}

template <typename Io>
void describe(Io& io, Ref<Io, RuntimeStackFact> x) {
  io("runtime", x.runtime);
  io("total_frames", x.total_frames);
  io("holds_lock", x.holds_lock);
  io("exception", x.exception);
  io("apart", x.apart);
  io("notes", x.notes);
}

template <typename Io>
void describe(Io& io, Ref<Io, RuntimeTaskFact> x) {
  io("name", x.name);
  io("state", x.state);
  io("awaits", x.awaits);
  io("frames", x.frames);
  io("gap", x.gap);
}

template <typename Io>
void describe(Io& io, Ref<Io, RuntimeFact> x) {
  io("name", x.name);
  io("language", x.language);
  io("found_by", x.found_by);
}

template <typename Io>
void describe(Io& io, Ref<Io, AwaitFact> x) {
  io("coroutine", x.coroutine);
  io("address", x.address);
  io("awaiters", x.awaiters);
  io("end", x.end);
  io("evidence", x.evidence);
}

template <typename Io>
void describe(Io& io, Ref<Io, FrameFact> x) {
  io("index", x.index);
  io("pc", x.pc);
  io("module", x.module);
  io("build_id", x.build_id);
  io("module_offset", hex(x.module_offset));
  io("run_time", x.run_time);
  io("found_by", x.found_by);
  io("trust", x.trust);
  io("is_signal_handler_return", x.is_signal_handler_return);
  io("interrupted", x.interrupted);
  io("functions", x.functions);
  io("variables", x.variables);
  io("runtime_frames", x.runtime_frames);
  io("awaited", x.awaited);
}

template <typename Io>
void describe(Io& io, Ref<Io, CycleFact> x) {
  io("first", x.first);
  io("period", x.period);
  io("count", x.count);
  io("functions", x.functions);
}

template <typename Io>
void describe(Io& io, Ref<Io, OmittedFact> x) {
  io("before", x.before);
  io("count", x.count);
}

template <typename Io>
void describe(Io& io, Ref<Io, StackFacts> x) {
  io("title", x.title);
  io("tid", x.tid);
  io("thread_name", x.thread_name);
  io("frames", x.frames);
  io("total_frames", x.total_frames);
  io("cycle", x.cycle);
  io("omitted", x.omitted);
  io("end", x.end);
  io("corrupt", x.corrupt);
  io("notes", x.notes);
  io("runtime", x.runtime);
  io("alike", x.alike);
}

template <typename Io>
void describe(Io& io, Ref<Io, AddressFacts> x) {
  io("address", x.address);
  io("traits", x.traits);
  io("poison_name", x.poison_name);
  io("text", x.text);
  io("mapping", x.mapping);
  io("distance", x.distance);
  io("symbol", x.symbol);
  io("statement", x.statement);
}

template <typename Io>
void describe(Io& io, Ref<Io, ExpressionFact> x) {
  io("text", x.text);
  io("type", x.type);
  io("base_variable", x.base_variable);
  io("base_kind", x.base_kind);
  io("function", x.function);
  io("trust", x.trust);
  io("value", hex(x.value));
  io("steps", x.steps);
}

template <typename Io>
void describe(Io& io, Ref<Io, MemberFact> x) {
  io("structure", x.structure);
  io("member", x.member);
  io("member_type", x.member_type);
  io("offset", x.offset);
}

template <typename Io>
void describe(Io& io, Ref<Io, OperandFacts> x) {
  io("text", x.text);
  io("access", x.access);
  io("size", x.size);
  io("effective", x.effective);
  io("bad_register", x.bad_register);
  io("bad_value", hex(x.bad_value));
  io("displacement", x.displacement);
  io("address", x.address);
  io("pointer", x.pointer);
  io("expression", x.expression);
  io("member", x.member);
  io("index", x.index);
  io("accessed", x.accessed);
  io("why_no_expression", x.why_no_expression);
}

template <typename Io>
void describe(Io& io, Ref<Io, FaultFacts> x) {
  io("frame", x.frame);
  io("pc", x.pc);
  io("instruction", x.instruction);
  io("why_not_decoded", x.why_not_decoded);
  io("kind", x.kind);
  io("access", x.access);
  io("address", x.address);
  io("address_recomputed", x.address_recomputed);
  io("operand", x.operand);
  io("address_facts", x.address_facts);
  io("pc_facts", x.pc_facts);
  io("pc_is_bad", x.pc_is_bad);
  io("feeds_call", x.feeds_call);
  io("stack_pointer_in_guard", x.stack_pointer_in_guard);
  io("stack_size", x.stack_size);
  io("stack_used", x.stack_used);
  io("frame_size", x.frame_size);
  io("needs_feature", x.needs_feature);
  io("divisor", hex(x.divisor));
  io("dividend_low", hex(x.dividend_low));
  io("dividend_high", hex(x.dividend_high));
  io("divisor_expression", x.divisor_expression);
  io("call_target_expression", x.call_target_expression);
  io("call_operand", x.call_operand);
  io("finished_coroutine", x.finished_coroutine);
  io("changed_since", x.changed_since);
  io("inconsistencies", x.inconsistencies);
}

template <typename Io>
void describe(Io& io, Ref<Io, AbortFacts> x) {
  io("kind", x.kind);
  io("message", x.message);
  io("condition", x.condition);
  io("file", x.file);
  io("function", x.function);
  io("line", x.line);
  io("exception_type", x.exception_type);
  io("exception_what", x.exception_what);
  io("by_script", x.by_script);
  io("argument", x.argument);
  io("evidence", x.evidence);
}

template <typename Io>
void describe(Io& io, Ref<Io, ReportedFacts> x) {
  io("tool", x.tool);
  io("error", x.error);
  io("access", x.access);
  io("size", x.size);
  io("address", x.address);
  io("stack_pointer", x.stack_pointer);
  io("summary", x.summary);
  io("excerpt", x.excerpt);
  io("related", x.related);
}

template <typename Io>
void describe(Io& io, Ref<Io, OriginStep> x) {
  io("kind", x.kind);
  io("statement", x.statement);
  io("function", x.function);
  io("file", x.file);
  io("line", x.line);
  io("frame", x.frame);
  io("pc", x.pc);
  io("memory", x.memory);
  io("still_so", x.still_so);
  io("trust", x.trust);
}

template <typename Io>
void describe(Io& io, Ref<Io, BlameFact> x) {
  io("function", x.function);
  io("file", x.file);
  io("line", x.line);
  io("frame", x.frame);
  io("module", x.module);
  io("module_offset", hex(x.module_offset));
  io("why", x.why);
  io("confidence", x.confidence);
}

template <typename Io>
void describe(Io& io, Ref<Io, OriginFacts> x) {
  io("steps", x.steps);
  io("blamed", x.blamed);
}

template <typename Io>
void describe(Io& io, Ref<Io, SignalFacts> x) {
  io("number", x.number);
  io("name", x.name);
  io("code", x.code);
  io("code_name", x.code_name);
  io("meaning", x.meaning);
  io("address", x.address);
  io("sender_pid", x.sender_pid);
  io("sender_uid", x.sender_uid);
  io("sent_by_self", x.sent_by_self);
  io("sent_by_other", x.sent_by_other);
  io("system_call", x.system_call);
  io("system_call_name", x.system_call_name);
}

template <typename Io>
void describe(Io& io, Ref<Io, ModuleFact> x) {
  io("path", x.path);
  io("build_id", x.build_id);
  io("version", x.version);
  io("start", x.start);
  io("end", x.end);
  io("status", x.status);
  io("found_path", x.found_path);
  io("found_build_id", x.found_build_id);
  io("debug_path", x.debug_path);
  io("has_symbols", x.has_symbols);
  io("has_debug_info", x.has_debug_info);
  io("on_crash_path", x.on_crash_path);
  io("package", x.package);
}

template <typename Io>
void describe(Io& io, Ref<Io, ProcessFacts> x) {
  io("executable", x.executable);
  io("command", x.command);
  io("arguments", x.arguments);
  io("pid", x.pid);
  io("uid", x.uid);
  io("gid", x.gid);
  io("arch", x.arch);
  io("producer", x.producer);
  io("source", x.source);
  io("given", x.given);
  io("thread_count", x.thread_count);
  io("language", x.language);
  io("runtime", x.runtime);
}

template <typename Io>
void describe(Io& io, Ref<Io, AllocationFact> x) {
  io("of", x.of);
  io("address", x.address);
  io("state", x.state);
  io("start", x.start);
  io("size", x.size);
  io("offset", x.offset);
  io("link_size", x.link_size);
  io("proven", x.proven);
  io("bad_value_at", x.bad_value_at);
  io("place", x.place);
  io("type", x.type);
  io("type_by", x.type_by);
  io("before", x.before);
  io("behind", x.behind);
  io("allocated", x.allocated);
  io("freed", x.freed);
  io("pointed_by", x.pointed_by);
  io("statement", x.statement);
  io("evidence", x.evidence);
}

template <typename Io>
void describe(Io& io, Ref<Io, HeapDamageFact> x) {
  io("at", x.at);
  io("after_free", x.after_free);
  io("what", x.what);
  io("overflown", x.overflown);
  io("fact", x.fact);
}

template <typename Io>
void describe(Io& io, Ref<Io, HeapFacts> x) {
  io("allocator", x.allocator);
  io("allocations", x.allocations);
  io("damage", x.damage);
  io("stop", x.stop);
  io("refused", x.refused);
  io("foreign", x.foreign);
  io("notes", x.notes);
}

template <typename Io>
void describe(Io& io, Ref<Io, Facts> x) {
  io("process", x.process);
  io("signal", x.signal);
  io("delivered", x.delivered);
  io("own_handler", x.own_handler);
  io("crashing", x.crashing);
  io("others", x.others);
  io("crash_frame", x.crash_frame);
  io("user_frame", x.user_frame);
  io("user_function", x.user_function);
  io("run_time_frame", x.run_time_frame);
  io("run_time_function", x.run_time_function);
  io("user_runtime_frame", x.user_runtime_frame);
  io("runtimes", x.runtimes);
  io("tasks", x.tasks);
  io("fault", x.fault);
  io("abort", x.abort);
  io("reported", x.reported);
  io("origin", x.origin);
  io("heap", x.heap);
  io("modules", x.modules);
  io("inconsistent_modules", x.inconsistent_modules);
  io("missing", x.missing);
  io("advice", x.advice);
  io("other", x.other);
}

// --- the two directions
// -----------------------------------------------------------------------------------------------

class Writer {
 public:
  template <typename T>
  using Ref = const T&;

  explicit Writer(json::JsonWriter& json) : json_(json) {}

  template <typename T>
  void operator()(const char* name, const T& value) {
    if (is_absent(value)) return;
    json_.key(name);
    write(value);
  }

 private:
  template <typename T>
  static bool is_absent(const T& value) {
    if constexpr (IsOptional<T>::value) {
      return !value;
    } else if constexpr (IsVector<T>::value || std::is_same_v<T, std::string>) {
      return value.empty();
    } else {
      return false;
    }
  }
  template <typename T>
  static bool is_absent(const Hex<T>& value) {
    return is_absent(value.value);
  }

  template <typename T>
  void write(const T& value) {
    if constexpr (IsOptional<T>::value) {
      write(*value);
    } else if constexpr (IsVector<T>::value) {
      json_.begin_array();
      for (const auto& item : value) write(item);
      json_.end_array();
    } else if constexpr (std::is_enum_v<T>) {
      json_.value(to_string(value));
    } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string> ||
                         std::is_same_v<T, Address>) {
      json_.value(value);
    } else {
      json_.begin_object();
      describe(*this, value);
      json_.end_object();
    }
  }
  template <typename T>
  void write(const Hex<T>& value) {
    if constexpr (IsOptional<std::remove_const_t<T>>::value) {
      json_.value(to_hex(*value.value));
    } else {
      json_.value(to_hex(value.value));
    }
  }

  json::JsonWriter& json_;
};

class Reader {
 public:
  template <typename T>
  using Ref = T&;

  explicit Reader(const json::JsonValue& value) : value_(&value) {}

  const std::string& error() const { return error_; }

  template <typename T>
  void operator()(const char* name, T& value) {
    const json::JsonValue* member = value_->find(name);
    if (member == nullptr || !error_.empty()) return;
    if (!read(*member, value)) fail(name);
  }
  template <typename T>
  void operator()(const char* name, Hex<T> value) {
    const json::JsonValue* member = value_->find(name);
    if (member == nullptr || !error_.empty()) return;
    const auto number = hex_number(*member);
    if (!number) return fail(name);
    value.value = *number;
  }

 private:
  // Inner names come first on the way up: "crashing.frames.pc".
  void fail(const char* name) {
    error_ = error_.empty() ? name : fmt::format("{}.{}", name, error_);
  }

  static std::optional<uint64_t> hex_number(const json::JsonValue& json) {
    const std::string* text = json.string();
    if (text == nullptr || !text->starts_with("0x")) return std::nullopt;
    uint64_t number = 0;
    const char* end = text->data() + text->size();
    const auto [stop, failure] = std::from_chars(text->data() + 2, end, number, 16);
    return failure == std::errc() && stop == end && text->size() > 2 ? std::optional(number)
                                                                     : std::nullopt;
  }

  template <typename T>
  bool read_enum(const json::JsonValue& json, T& value) {
    const std::string* text = json.string();
    if (text == nullptr) return false;
    for (unsigned i = 0; i < 256; ++i) {
      if (to_string(static_cast<T>(i)) != *text) continue;
      value = static_cast<T>(i);
      return true;
    }
    return false;
  }

  template <typename T>
  bool read_number(const json::JsonValue& json, T& value) {
    if constexpr (std::is_signed_v<T>) {
      const auto number = json.integer();
      if (!number || static_cast<int64_t>(static_cast<T>(*number)) != *number) return false;
      value = static_cast<T>(*number);
    } else {
      const auto number = json.natural();
      if (!number || static_cast<uint64_t>(static_cast<T>(*number)) != *number) return false;
      value = static_cast<T>(*number);
    }
    return true;
  }

  template <typename T>
  bool read(const json::JsonValue& json, T& value) {
    if constexpr (IsOptional<T>::value) {
      return read(json, value.emplace());
    } else if constexpr (IsVector<T>::value) {
      const auto* array = json.array();
      if (array == nullptr) return false;
      for (const json::JsonValue& item : *array) {
        if (!read(item, value.emplace_back())) return false;
      }
      return true;
    } else if constexpr (std::is_same_v<T, bool>) {
      const bool* truth = json.boolean();
      if (truth != nullptr) value = *truth;
      return truth != nullptr;
    } else if constexpr (std::is_same_v<T, std::string>) {
      const std::string* text = json.string();
      if (text != nullptr) value = *text;
      return text != nullptr;
    } else if constexpr (std::is_same_v<T, Address>) {
      const auto number = hex_number(json);
      if (number) value = Address(*number);
      return number.has_value();
    } else if constexpr (std::is_enum_v<T>) {
      return read_enum(json, value);
    } else if constexpr (std::is_integral_v<T>) {
      return read_number(json, value);
    } else {
      if (json.object() == nullptr) return false;
      Reader inner(json);
      describe(inner, value);
      error_ = inner.error_;
      return error_.empty();
    }
  }

  const json::JsonValue* value_;
  std::string error_;
};

}  // namespace

void write_json(json::JsonWriter& json, const Facts& facts) {
  json.begin_object().field("version", Facts::kVersion);
  Writer writer(json);
  describe(writer, facts);
  json.end_object();
}

std::string to_json(const Facts& facts, json::JsonWriter::Style style) {
  json::JsonWriter json(style);
  write_json(json, facts);
  return std::move(json).take();
}

Result<Facts> facts_from_json(const json::JsonValue& value) {
  const json::JsonValue* version = value.find("version");
  if (version == nullptr || !version->integer())
    return Error(ErrorCode::kCorrupt, "facts: no version");
  if (*version->integer() != Facts::kVersion) {
    return Error(ErrorCode::kUnsupported,
                 fmt::format("facts: version {}, this program reads version {}",
                             *version->integer(), Facts::kVersion));
  }
  Facts facts;
  Reader reader(value);
  describe(reader, facts);
  if (!reader.error().empty()) {
    return Error(ErrorCode::kCorrupt,
                 fmt::format("facts: `{}` has the wrong type or range", reader.error()));
  }
  return facts;
}

Result<Facts> facts_from_json(std::string_view text) {
  INQ_TRY(const json::JsonValue value, json::parse_json(text));
  return facts_from_json(value);
}

}  // namespace inquest::diagnosis
