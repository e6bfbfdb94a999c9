#include "diagnosis/engine/image_json.h"

#include <fmt/format.h>

#include "platform/json/writer.h"

namespace inquest::diagnosis {
namespace {

using json::JsonWriter;

void write_signal(JsonWriter& json, const process::Signal& signal) {
  json.begin_object()
      .field("number", signal.number)
      .field("code", signal.code)
      .field("address", signal.address)
      .field("sender_pid", signal.sender_pid)
      .field("sender_uid", signal.sender_uid)
      .field("system_call", signal.system_call)
      .end_object();
}

void write_thread(JsonWriter& json, const process::Thread& thread) {
  json.begin_object().field("tid", thread.tid).field("name", thread.name);
  json.key("registers").begin_object();
  for (isa::RegisterId id = 0; id < isa::kRegisterCount; ++id) {
    const auto value = thread.registers.get(id);
    const auto name = isa::register_name(thread.registers.arch(), id);
    if (value && !name.empty()) json.field(name, Address(*value));
  }
  json.end_object();
  if (thread.signal) {
    json.key("signal");
    write_signal(json, *thread.signal);
  }
  json.end_object();
}

std::string protection_words(const std::optional<process::Protection>& protection) {
  if (!protection) return "???";
  return fmt::format("{}{}{}", protection->read ? 'r' : '-', protection->write ? 'w' : '-',
                     protection->execute ? 'x' : '-');
}

void write_mapping(JsonWriter& json, const process::Mapping& mapping) {
  json.begin_object()
      .field("start", mapping.range.start)
      .field("end", mapping.range.end)
      .field("protection", protection_words(mapping.protection))
      .field("path", mapping.path)
      .field("file_offset", mapping.file_offset)
      .field("dumped", mapping.dumped)
      .field("truncated", mapping.truncated)
      .end_object();
}

void write_frame(JsonWriter& json, const FrameFact& frame) {
  json.begin_object()
      .field("index", frame.index)
      .field("pc", frame.pc)
      .field("module", frame.module)
      .field("module_offset", Address(frame.module_offset))
      .field("found_by", frame.found_by)
      .field("trust", frame.trust)
      .field("interrupted", frame.interrupted);
  json.key("functions").begin_array();
  for (const FunctionFact& function : frame.functions) {
    json.begin_object()
        .field("name", function.name)
        .field("file", function.file)
        .field("line", function.line)
        .field("column", function.column)
        .field("inlined", function.is_inlined)
        .end_object();
  }
  json.end_array().end_object();
}

void write_stack(JsonWriter& json, const StackFacts& stack) {
  json.begin_object()
      .field("tid", stack.tid)
      .field("total_frames", stack.total_frames)
      .field("end", stack.end)
      .field("corrupt", stack.corrupt);
  json.key("cycle");
  if (stack.cycle) {
    json.begin_object()
        .field("first", stack.cycle->first)
        .field("period", stack.cycle->period)
        .field("count", stack.cycle->count)
        .end_object();
  } else {
    json.null();
  }
  json.key("notes").begin_array();
  for (const std::string& note : stack.notes) json.value(note);
  json.end_array();
  json.key("frames").begin_array();
  for (const FrameFact& frame : stack.frames) write_frame(json, frame);
  json.end_array().end_object();
}

}  // namespace

std::string image_json(const process::ProcessImage& image) {
  JsonWriter json;
  json.begin_object()
      .field("arch", isa::to_string(image.arch))
      .field("producer", process::to_string(image.producer))
      .field("source", image.source)
      .field("pid", image.pid)
      .field("uid", image.uid)
      .field("gid", image.gid)
      .field("command", image.command)
      .field("arguments", image.arguments)
      .field("executable", image.executable)
      .field("crashed_thread", image.crashed_thread);
  json.key("signal");
  write_signal(json, image.signal);
  json.key("threads").begin_array();
  for (const process::Thread& thread : image.threads) write_thread(json, thread);
  json.end_array();
  json.key("mappings").begin_array();
  for (const process::Mapping& mapping : image.mappings) write_mapping(json, mapping);
  json.end_array();
  json.key("auxv").begin_object();
  for (const auto& [type, value] : image.auxv) json.field(std::to_string(type), Address(value));
  json.end_object();
  json.key("notes").begin_array();
  for (const process::Note& note : image.notes) json.value(note.text);
  json.end_array().end_object();
  return std::move(json).take();
}

std::string stacks_json(const Facts& facts) {
  JsonWriter json;
  json.begin_object().key("stacks").begin_array();
  write_stack(json, facts.crashing);
  for (const StackFacts& stack : facts.others) write_stack(json, stack);
  json.end_array().end_object();
  return std::move(json).take();
}

}  // namespace inquest::diagnosis
