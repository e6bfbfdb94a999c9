#include "process/input/record_notes.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "platform/json/value.h"
#include "process/input/minidump_linux.h"

namespace inquest::process {
namespace {

constexpr uint64_t kMaxJson = 8 << 20;
constexpr size_t kMaxMissing = 64, kMaxAnnotations = 1024, kMaxText = 4096, kMaxLines = 24;

struct Load {
  AddressRange range;
  uint64_t offset = 0;
  Protection protection;
};

// Those of the segments that hold bytes, sorted and clipped against each other.
std::vector<Load> loads_of(const elf::File& core) {
  std::vector<Load> loads;
  for (const elf::Segment& segment : core.segments()) {
    const auto end = checked_add(segment.vaddr, segment.file_size);
    if (segment.type != 1 /* PT_LOAD */ || segment.file_size == 0 || !end) continue;
    loads.push_back(
        {{Address(segment.vaddr), Address(*end)},
         segment.offset,
         {(segment.flags & 4) != 0, (segment.flags & 2) != 0, (segment.flags & 1) != 0}});
  }
  std::sort(loads.begin(), loads.end(), [](const Load& a, const Load& b) {
    return a.range.start < b.range.start || (a.range.start == b.range.start && a.offset < b.offset);
  });
  Address floor;
  std::erase_if(loads, [&](Load& load) {
    if (load.range.end <= floor) return true;
    if (load.range.start < floor) {
      load.offset += floor - load.range.start;
      load.range.start = floor;
    }
    floor = load.range.end;
    return false;
  });
  return loads;
}

// Memory of the core for which the maps have no line: it gets a mapping.
void add_unlisted(const std::vector<Load>& loads, std::vector<Mapping>& mappings) {
  std::vector<Mapping> added;
  size_t next = 0;
  for (const Load& load : loads) {
    Address at = load.range.start;
    while (at < load.range.end) {
      while (next < mappings.size() && mappings[next].range.end <= at) ++next;
      const bool inside = next < mappings.size() && mappings[next].range.contains(at);
      const Address stop = next < mappings.size()
                               ? (inside ? mappings[next].range.end : mappings[next].range.start)
                               : load.range.end;
      const Address end = std::min(stop, load.range.end);
      if (!inside) {
        Mapping mapping;
        mapping.range = {at, end};
        mapping.protection = load.protection;
        added.push_back(std::move(mapping));
      }
      at = end;
    }
  }
  if (added.empty()) return;
  mappings.insert(mappings.end(), std::make_move_iterator(added.begin()),
                  std::make_move_iterator(added.end()));
  std::sort(mappings.begin(), mappings.end(),
            [](const Mapping& a, const Mapping& b) { return a.range.start < b.range.start; });
}

std::string_view text_of(const json::JsonValue* value) {
  const std::string* text = value != nullptr ? value->string() : nullptr;
  return text != nullptr ? std::string_view(*text).substr(0, kMaxText) : std::string_view();
}

const json::JsonValue::Array& items_of(const json::JsonValue* value) {
  static const json::JsonValue::Array kNone;
  const auto* items = value != nullptr ? value->array() : nullptr;
  return items != nullptr ? *items : kNone;
}

std::string in_words(int64_t milliseconds) {
  const int64_t seconds = milliseconds / 1000;
  if (seconds < 120) return fmt::format("{}.{} s", seconds, milliseconds % 1000 / 100);
  if (seconds < 120 * 60) return fmt::format("{} min", seconds / 60);
  if (seconds < 48 * 3600) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{} days", seconds / 86400);
}

void add(std::vector<Annotation>& list, std::string name, std::string value) {
  if (!value.empty()) list.push_back({std::move(name), std::move(value)});
}

void read_process(const json::JsonValue& root, ProcessImage& image) {
  const json::JsonValue* process = root.find("process");
  if (process == nullptr) return;
  std::vector<Annotation>& list = image.circumstances;
  std::string words;
  for (const json::JsonValue& word : items_of(process->find("command_line"))) {
    words += (words.empty() ? "" : " ") + std::string(text_of(&word));
    if (words.size() > kMaxText) break;
  }
  add(list, "command line", words);
  add(list, "directory", std::string(text_of(process->find("directory"))));
  for (const char* name : {"unit", "container", "cgroup"}) {
    const std::string_view value = text_of(process->find(name));
    if (value != "/") add(list, name, std::string(value));
  }
  const json::JsonValue* uptime = process->find("uptime_ms");
  const auto milliseconds = uptime != nullptr ? uptime->integer() : std::nullopt;
  if (milliseconds && *milliseconds >= 0) add(list, "it had run for", in_words(*milliseconds));
  add(list, "captured at", std::string(text_of(root.find("captured_at"))));
  const auto& lines = items_of(root.find("stderr"));
  std::string last;
  for (size_t i = lines.size() - std::min(lines.size(), kMaxLines); i < lines.size(); ++i) {
    last += (last.empty() ? "" : "\n") + std::string(text_of(&lines[i]));
  }
  add(list, "last lines of stderr", last);
}

void read_threads(const json::JsonValue& root, ProcessImage& image) {
  std::map<int64_t, std::string_view> names;
  std::set<int64_t> without_pointer;
  for (const json::JsonValue& thread : items_of(root.find("threads"))) {
    const json::JsonValue* tid = thread.find("tid");
    const auto number = tid != nullptr ? tid->integer() : std::nullopt;
    if (number) names[*number] = text_of(thread.find("name")).substr(0, 64);
    const json::JsonValue* unknown = thread.find("no_thread_pointer");
    const bool* flag = unknown != nullptr ? unknown->boolean() : nullptr;
    if (number && flag != nullptr && *flag) without_pointer.insert(*number);
  }
  for (Thread& thread : image.threads) {
    const auto name = names.find(thread.tid);
    if (name != names.end()) thread.name = name->second;
    if (!without_pointer.contains(thread.tid)) continue;
    for (const isa::RegisterId id : {isa::x86::kFsBase, isa::x86::kGsBase}) {
      if (image.arch == isa::Arch::kX86_64) thread.registers.forget(id);
    }
  }
}

void read_missing(const json::JsonValue& root, ProcessImage& image) {
  const auto& items = items_of(root.at({"fidelity", "missing"}));
  for (size_t i = 0; i < std::min(items.size(), kMaxMissing); ++i) {
    const std::string_view what = text_of(items[i].find("what")),
                           why = text_of(items[i].find("why"));
    if (what.empty()) continue;
    image.notes.push_back(
        {fmt::format("not in the record: {}{}{}", what, why.empty() ? "" : ": ", why), ""});
  }
  if (items.size() > kMaxMissing) {
    image.notes.push_back(
        {fmt::format("and {} more things are not in the record", items.size() - kMaxMissing), ""});
  }
}

}  // namespace

RecordMappings cross_record_mappings(const elf::File& core, ByteView maps, size_t* unreadable) {
  RecordMappings result;
  result.mappings = read_proc_maps(maps, unreadable);
  for (Mapping& mapping : result.mappings) {
    if (mapping.path.starts_with("[anon")) mapping.path.clear();  // a name that the program gave
  }
  const std::vector<Load> loads = loads_of(core);
  add_unlisted(loads, result.mappings);
  const uint64_t size = core.bytes().size();
  size_t next = 0;
  for (Mapping& mapping : result.mappings) {
    Address at = mapping.range.start;
    while (at < mapping.range.end) {
      while (next < loads.size() && loads[next].range.end <= at) ++next;
      CoreMemory::Piece piece;
      piece.range = {at, mapping.range.end};
      if (next < loads.size() && loads[next].range.contains(at)) {
        const Load& load = loads[next];
        piece.range.end = std::min(load.range.end, mapping.range.end);
        piece.dumped = piece.range.size();
        piece.offset = checked_add(load.offset, at - load.range.start).value_or(UINT64_MAX);
        piece.available = piece.offset >= size ? 0 : std::min(piece.dumped, size - piece.offset);
        mapping.truncated = mapping.truncated || piece.available < piece.dumped;
        if (mapping.range.start + mapping.dumped == at) mapping.dumped += piece.dumped;
      } else if (next < loads.size()) {
        piece.range.end = std::min(loads[next].range.start, mapping.range.end);
      }
      result.pieces.push_back(piece);
      at = piece.range.end;
    }
  }
  return result;
}

bool read_record_json(std::string_view text, ProcessImage& image) {
  const auto parsed = json::parse_json(text, {.max_size = kMaxJson, .max_depth = 16});
  if (!parsed.ok()) return false;
  const json::JsonValue& root = *parsed;
  read_threads(root, image);
  read_process(root, image);
  image.fidelity = text_of(root.at({"fidelity", "level"})).substr(0, 64);
  const std::string_view kernel = text_of(root.at({"host", "kernel"}));
  const std::string_view host = text_of(root.at({"host", "name"}));
  if (!kernel.empty()) image.system = kernel;
  add(image.circumstances, "host", std::string(host));
  const auto& annotations = items_of(root.find("annotations"));
  for (size_t i = 0; i < std::min(annotations.size(), kMaxAnnotations); ++i) {
    add(image.annotations, std::string(text_of(annotations[i].find("name"))),
        std::string(text_of(annotations[i].find("value"))));
  }
  read_missing(root, image);
  return true;
}

}  // namespace inquest::process
