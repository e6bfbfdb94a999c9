#include "diagnosis/report/tool_stacks.h"

#include <fmt/format.h>

#include <utility>

namespace inquest::diagnosis {
namespace {

constexpr size_t kShortStack = 8;  // rows
constexpr size_t kMaxRelated = 6;  // stacks beside the allocation's own

Section section_of(const StackFacts& stack, const char* otherwise, bool full) {
  Section section{.heading = stack.title.empty() ? otherwise : stack.title,
                  .paragraphs = stack.notes,
                  .frames = compose_stack(stack, 0, false, full),
                  .items = {}};
  while (section.heading.ends_with(':')) section.heading.pop_back();
  if (!full && section.frames.size() > kShortStack) {
    const size_t left_out = section.frames.size() - kShortStack;
    section.frames.resize(kShortStack);
    section.items.push_back(fmt::format("{} more rows: --full", left_out));
  }
  return section;
}

}  // namespace

std::vector<Section> compose_tool_stacks(const Report& report) {
  std::vector<Section> sections;
  const Facts& facts = report.facts;
  if (facts.heap) {
    for (const AllocationFact& allocation : facts.heap->allocations) {
      if (allocation.freed) sections.push_back(section_of(*allocation.freed, "Freed", report.full));
      if (allocation.allocated)
        sections.push_back(section_of(*allocation.allocated, "Allocated", report.full));
    }
  }
  if (!facts.reported) return sections;
  size_t shown = 0;
  for (const StackFacts& related : facts.reported->related) {
    if (!report.full && shown++ == kMaxRelated) break;
    sections.push_back(section_of(related, "Further stack", report.full));
  }
  return sections;
}

}  // namespace inquest::diagnosis
