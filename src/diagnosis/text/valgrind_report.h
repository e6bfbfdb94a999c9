// One error of valgrind, from its text or its XML, cut into parts. Internal to text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "diagnosis/facts/facts.h"

namespace inquest::diagnosis {

struct ValgrindReport {
  struct Section {
    std::string title;
    StackFacts stack;
  };
  int32_t pid = 0;
  std::string tool;  // "memcheck", "helgrind", "drd"; empty when the text does not say
  std::string what;  // "Invalid read of size 4"
  std::vector<std::string> lines;  // all but stacks
  std::vector<Section> sections;
};

// What the parts mean, completed.
Facts facts_of(ValgrindReport report);

}  // namespace inquest::diagnosis
