// Functions of JavaScript: how they are called, and which script has their source.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "process/runtime/v8/heap.h"
#include "process/runtime/v8/parameters.h"

namespace inquest::process::v8 {

struct Function {
  std::string name;  // empty: anonymous
  std::optional<Word> script;
  std::string file;                         // name of the script; empty: it has none
  std::optional<uint32_t> start;            // where its source begins in the script, in characters
  std::optional<uint16_t> parameter_count;  // without a rest parameter
};

inline constexpr uint64_t kMaxParameterText = 2048;  // characters of a function that are looked at

struct Place {
  uint32_t line = 0, column = 0;  // from 1, in UTF-16 units; as V8 tells them
};

class Functions {
 public:
  explicit Functions(const Heap& heap) : heap_(heap) {}

  // `function` must be a JSFunction.
  Result<Function> of_function(Word function) const;
  Result<Function> of_shared(Word shared) const;
  // The name of what made `object`: "Repository" for an instance of that class. Empty: not known,
  // or nothing worth telling.
  std::string class_of(Word object) const;

  // Empty when they cannot be told.
  std::vector<Parameter> parameters_of(const Function& function) const;

  // Reads the script's source up to `offset`.
  Result<Place> place_of(Word script, uint32_t offset);

 private:
  struct Source {
    std::vector<uint32_t> line_ends;  // offsets of the characters that end lines
    uint32_t known = 0;               // characters looked at
    // Of the first line, within its file; below zero where V8 put lines in front (new Function).
    int64_t line_offset = 0, column_offset = 0;
  };
  Status read_name(Word name_or_scope, Function& function) const;
  Status read_scope(Word scope, Function& function) const;
  Status read_script(Word shared, Function& function) const;
  Status read_source(Word script, uint32_t offset, Source& source) const;

  const Heap& heap_;
  std::map<uint64_t, Source> sources_;  // by the script
};

}  // namespace inquest::process::v8
