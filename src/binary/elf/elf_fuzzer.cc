// Everything that a File answers, for any bytes: as a file, as an image in memory, and as bare
// notes.
#include <cstddef>
#include <cstdint>

#include "binary/elf/file.h"

namespace {

using inquest::ByteView;
using namespace inquest::elf;

void ask_everything(const File& file) {
  uint64_t seen = file.truncated();
  for (const Section& section : file.sections()) {
    if (section.size > 1u << 20) continue;
    const auto data = file.section_data(section);
    if (data.ok() && !data->bytes().empty()) seen += data->bytes().back();
  }
  for (const Segment& segment : file.segments()) {
    const auto bytes = file.bytes_at_vaddr(segment.vaddr, segment.file_size);
    if (bytes && !bytes->empty()) seen += bytes->back();
  }
  const auto visit = [&seen](const Symbol& symbol) {
    for (const char c : symbol.name) seen += static_cast<uint8_t>(c);
    return true;
  };
  file.for_each_symbol(visit);
  file.for_each_dynamic_symbol(visit);
  if (const auto symbol = file.find_dynamic_symbol("malloc")) seen += symbol->value;
  for (const int64_t tag : {1, 14, 15, 29}) {
    if (const auto text = file.dynamic_string(tag)) seen += text->size();
  }
  for (const auto& text : file.dynamic_strings(1)) seen += text.size();
  for (const auto& need : file.needed_versions()) seen += need.library.size() + need.version.size();
  for (const auto& text : file.defined_versions()) seen += text.size();
  if (const auto id = file.build_id()) seen += id->bytes().size();
  if (const auto link = file.debug_link()) seen += link->crc32;
  if (const auto link = file.alt_link()) seen += link->file_name.size();
  if (const auto data = file.gnu_debugdata()) seen += data->size();
  if (const auto text = file.interpreter()) seen += text->size();
  seen += file.has_debug_info() ? 1 : 0;
  volatile uint64_t sink = seen;
  static_cast<void>(sink);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView bytes(data, size);
  if (const auto file = File::parse(bytes); file.ok()) ask_everything(*file);
  if (const auto image = File::parse_image(bytes, 0x7f0000001000); image.ok()) {
    ask_everything(*image);
  }
  for (const uint64_t alignment : {4, 8}) {
    const auto status = for_each_note(bytes, alignment, [](const Note&) { return true; });
    static_cast<void>(status);
  }
  return 0;
}
