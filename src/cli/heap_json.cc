#include "cli/heap_report.h"
#include "diagnosis/facts/heap.h"
#include "platform/json/writer.h"

namespace inquest::cli {
namespace {

using json::JsonWriter;

constexpr int kSchemaVersion = 1;

void write_block(JsonWriter& json, const process::Block& block) {
  json.begin_object()
      .field("start", block.start)
      .field("size", block.size)
      .field("state", to_string(block.state))
      .end_object();
}

void write_optional_block(JsonWriter& json, std::string_view name,
                          const std::optional<process::Block>& block) {
  if (!block) return;
  json.key(name);
  write_block(json, *block);
}

void write_tally(JsonWriter& json, const process::Tally& tally) {
  json.field("blocks", tally.count).field("bytes", tally.bytes).field("footprint", tally.footprint);
}

void write_sizes(JsonWriter& json, const std::vector<process::SizeRow>& rows) {
  json.key("sizes").begin_array();
  for (const process::SizeRow& row : rows) {
    json.begin_object().field("size", row.size);
    write_tally(json, row.live);
    json.end_object();
  }
  json.end_array();
}

void write_biggest(JsonWriter& json, const std::vector<process::Block>& blocks) {
  json.key("biggest").begin_array();
  for (const process::Block& block : blocks) write_block(json, block);
  json.end_array();
}

void write_census(JsonWriter& json, const process::Census& census) {
  json.key("totals").begin_object();
  for (size_t i = 0; i < census.states.size(); ++i) {
    json.key(to_string(static_cast<process::BlockState>(i))).begin_object();
    write_tally(json, census.states[i]);
    json.end_object();
  }
  json.end_object();
  write_sizes(json, census.sizes);
  json.key("types").begin_array();
  for (const process::TypeRow& row : census.types) {
    json.begin_object()
        .field("type", diagnosis::type_of_mangled(row.mangled))
        .field("vtable", row.vtable);
    write_tally(json, row.live);
    json.end_object();
  }
  json.end_array();
  write_biggest(json, census.biggest);
}

void write_answer(JsonWriter& json, const HeapAnswer& answer) {
  const process::Located& located = answer.located;
  json.key("answer").begin_object().field("address", answer.address);
  json.key("block");
  write_block(json, located.block);
  json.field("offset", static_cast<int64_t>(answer.address - located.block.start))
      .field("place", located.place)
      .field("type", answer.type)
      .field("type_by", answer.type_by)
      .field("contents", answer.contents)
      .field("proven", located.proven)
      .field("proof", located.proof);
  write_optional_block(json, "before", located.before);
  write_optional_block(json, "behind", located.behind);
  json.key("pointers").begin_array();
  for (const HeapPointer& pointer : answer.pointers) {
    json.begin_object().field("from", pointer.from);
    if (!pointer.at.is_null()) json.field("at", pointer.at);
    json.field("to", pointer.to).end_object();
  }
  json.end_array()
      .field("more_pointers", answer.more_pointers)
      .field("heap_searched", answer.heap_searched)
      .end_object();
}

void write_allocator(JsonWriter& json, const HeapOfAllocator& heap) {
  json.begin_object().field("name", heap.name);
  json.key("regions").begin_array();
  for (const process::HeapRegion& region : heap.regions) {
    json.begin_object()
        .field("start", region.range.start)
        .field("end", region.range.end)
        .field("name", region.name)
        .end_object();
  }
  json.end_array();
  if (heap.census) write_census(json, *heap.census);
  if (heap.answer) write_answer(json, *heap.answer);
  json.key("damage").begin_array();
  for (const process::HeapDamage& damage : heap.damage) {
    json.begin_object().field("at", damage.at).field("what", damage.what);
    write_optional_block(json, "block", damage.block);
    write_optional_block(json, "overflown", damage.overflown);
    json.end_object();
  }
  json.end_array();
  json.key("notes").begin_array();
  for (const std::string& note : heap.notes) json.value(note);
  json.end_array().end_object();
}

}  // namespace

std::string render_heap_json(const HeapReport& report) {
  JsonWriter json;
  json.begin_object()
      .field("schema", "inquest-heap")
      .field("schema_version", kSchemaVersion)
      .field("source", report.source);
  json.key("allocators").begin_array();
  for (const HeapOfAllocator& heap : report.allocators) write_allocator(json, heap);
  json.end_array();
  if (report.unreachable) {
    json.key("unreachable").begin_object();
    write_tally(json, report.unreachable->all);
    json.key("heads").begin_object();
    write_tally(json, report.unreachable->direct);
    json.end_object();
    write_sizes(json, report.unreachable->sizes);
    write_biggest(json, report.unreachable->biggest);
    json.end_object();
  }
  json.end_object();
  return std::move(json).take();
}

}  // namespace inquest::cli
