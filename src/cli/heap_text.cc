#include <fmt/format.h>

#include "cli/heap_report.h"
#include "diagnosis/facts/heap.h"
#include "platform/term/text.h"

namespace inquest::cli {
namespace {

using process::BlockState;

constexpr size_t kShownRegions = 12;

// "1,234,567"
std::string grouped(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t i = digits.size(); i > 3;) {
    i -= 3;
    digits.insert(i, ",");
  }
  return digits;
}

std::string row(std::string_view label, const process::Tally& tally) {
  return fmt::format("  {:<34} {:>12} blocks {:>18} bytes\n", label, grouped(tally.count),
                     grouped(tally.bytes));
}

std::string block_words(const process::Block& block) {
  return fmt::format("{} block of {} bytes at {}", to_string(block.state), grouped(block.size),
                     to_hex(block.start));
}

std::string totals(const process::Census& census) {
  std::string text;
  const std::pair<BlockState, const char*> states[] = {
      {BlockState::kLive, "in use"},
      {BlockState::kFreed, "freed, kept by the allocator"},
      {BlockState::kUnused, "never handed out"},
      {BlockState::kInternal, "the allocator's own"},
      {BlockState::kUnknown, "damaged: cannot be told"}};
  uint64_t footprint = 0;
  for (const auto& [state, label] : states) {
    const process::Tally& tally = census.of(state);
    footprint += tally.footprint;
    if (tally.count != 0) text += row(label, tally);
  }
  return text + fmt::format("  {:<34} {:>12}        {:>18} bytes\n", "altogether, with headers", "",
                            grouped(footprint));
}

std::string lists(const process::Census& census) {
  std::string text;
  if (!census.sizes.empty()) text += "\nBlocks in use by size, most bytes first\n";
  for (const process::SizeRow& size : census.sizes)
    text += row(fmt::format("{} bytes", grouped(size.size)), size.live);
  if (!census.types.empty())
    text += "\nObjects in use by type (those with a virtual table), most bytes first\n";
  for (const process::TypeRow& type : census.types)
    text += row(term::printable(diagnosis::type_of_mangled(type.mangled)), type.live);
  if (!census.biggest.empty()) text += "\nLargest blocks in use\n";
  for (const process::Block& block : census.biggest)
    text += fmt::format("  {}  {:>18} bytes\n", to_hex(block.start), grouped(block.size));
  return text;
}

std::string pointer_line(const HeapPointer& pointer, const process::Block& block) {
  std::string text = "    " + term::printable(pointer.from);
  if (!pointer.at.is_null()) text += fmt::format(" at {}", to_hex(pointer.at));
  if (pointer.to != block.start) text += fmt::format(" (to byte {})", pointer.to - block.start);
  return text + "\n";
}

std::string answer_text(const HeapAnswer& answer) {
  const process::Located& located = answer.located;
  const process::Block& block = located.block;
  const int64_t offset = static_cast<int64_t>(answer.address - block.start);
  std::string text = fmt::format(
      "\n{} is {} {}\n", to_hex(answer.address),
      offset == 0 ? "the start of a" : fmt::format("byte {} of a", offset), block_words(block));
  const auto line = [&](std::string_view label, const std::string& value) {
    if (!value.empty()) text += fmt::format("  {:<10} {}\n", label, term::printable(value));
  };
  line("kept in", located.place);
  line("type", answer.type.empty() ? "" : fmt::format("{} (by {})", answer.type, answer.type_by));
  line("contents", answer.contents);
  line("before it", located.before ? block_words(*located.before) : "");
  line("behind it", located.behind ? block_words(*located.behind) : "");
  line("proof", located.proven ? located.proof : "not proven: " + located.proof);
  text += answer.pointers.empty() ? "  nothing points at it\n" : "  pointed at by\n";
  for (const HeapPointer& pointer : answer.pointers) text += pointer_line(pointer, block);
  if (answer.more_pointers) text += "    and more\n";
  if (!answer.heap_searched)
    text += "  (pointers inside the heap were not looked for: it is large; see --leaks)\n";
  return text;
}

std::string leak_text(const process::Unreachable& unreachable) {
  std::string text =
      "\nBlocks that nothing leads to (most likely leaked; a pointer that is kept unaligned or\n"
      "encoded would not be seen)\n";
  text += row("unreachable", unreachable.all);
  text += row("of these, not pointed at at all", unreachable.direct);
  if (!unreachable.sizes.empty()) text += "\n  By size, headers included, most bytes first\n";
  for (const process::SizeRow& size : unreachable.sizes)
    text += row(fmt::format("{} bytes", grouped(size.size)), size.live);
  if (!unreachable.biggest.empty()) text += "\n  Largest\n";
  for (const process::Block& block : unreachable.biggest)
    text += fmt::format("  {}  {:>18} bytes\n", to_hex(block.start), grouped(block.size));
  return text;
}

std::string allocator_text(const HeapOfAllocator& heap) {
  std::string text = term::printable(heap.name) + "\n";
  for (size_t i = 0; i < heap.regions.size() && i < kShownRegions && heap.census; ++i) {
    const process::HeapRegion& region = heap.regions[i];
    text += fmt::format("  {} - {}  {}\n", to_hex(region.range.start), to_hex(region.range.end),
                        term::printable(region.name));
  }
  if (heap.regions.size() > kShownRegions && heap.census)
    text += fmt::format("  and {} more\n", heap.regions.size() - kShownRegions);
  if (heap.census) text += totals(*heap.census) + lists(*heap.census);
  if (heap.answer) text += answer_text(*heap.answer);
  if (!heap.damage.empty()) text += "\nDamage\n";
  for (const process::HeapDamage& damage : heap.damage) {
    text += fmt::format("  {}: {}\n", to_hex(damage.at), term::printable(damage.what));
    if (damage.overflown)
      text += fmt::format("    right behind the {}\n", block_words(*damage.overflown));
  }
  for (const std::string& note : heap.notes)
    text += fmt::format("\nNote: {}\n", term::printable(note));
  return text;
}

}  // namespace

std::string render_heap_text(const HeapReport& report) {
  std::string text = fmt::format("Heap of {}\n\n", term::printable(report.source));
  for (const HeapOfAllocator& heap : report.allocators) text += allocator_text(heap);
  if (report.unreachable) text += leak_text(*report.unreachable);
  return text;
}

}  // namespace inquest::cli
