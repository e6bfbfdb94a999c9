// Document: what a report says, in which order, before anyone decides how it looks.
#pragma once

#include <string>
#include <vector>

#include "diagnosis/report/report.h"

namespace inquest::diagnosis {

enum class Tone : uint8_t { kPlain, kStrong, kGood, kWarning, kFaint };

// A labelled answer of the first screen: "why", "where", "next".
struct Field {
  std::string label;
  std::vector<std::string> paragraphs;  // the first beside the label
  std::vector<std::string> code;        // shown as it is, below
  Tone tone = Tone::kPlain;
};

struct FrameRow {
  std::string number;  // "#3"; empty for the outer functions of an inlined chain's first row
  std::string function;
  std::string place;                 // "quote.cc:41:12", or "module+0x1234"
  std::string remark;                // "inlined", "found by scanning: may be wrong", …
  std::vector<std::string> details;  // variables, source
  bool is_user_code = false;
  bool is_crash = false;
};

struct Section {
  std::string heading;
  std::vector<std::string> paragraphs;
  std::vector<FrameRow> frames;
  std::vector<std::string> items;
};

struct Document {
  std::string headline;
  std::vector<Field> fields;      // the first screen
  std::vector<Section> sections;  // the crashing stack first
};

Document compose(const Report& report);

// Where the bad value came from: one line for the first screen, and the whole chain with those to
// blame. Without paragraphs or items when nothing is known.
Field compose_origin_line(const OriginFacts& origin);
Section compose_origin(const OriginFacts& origin);

// The rows of one stack, a folded cycle as one row of its own. `full`: parameters in names, and the
// variables of every frame instead of the program's own.
std::vector<FrameRow> compose_stack(const StackFacts& stack, size_t crash_frame, bool is_crashing,
                                    bool full);

// Frames of a language's run time, without numbers.
std::vector<FrameRow> compose_runtime_frames(const std::vector<RuntimeFrameFact>& frames,
                                             bool full);

// The frames of a language's run time whose native frames were not found.
std::vector<FrameRow> compose_apart(const StackFacts& stack, bool full);

}  // namespace inquest::diagnosis
