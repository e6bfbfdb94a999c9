// Looking for the files of one module: its binary, its debug file, dwz's shared file. Every
// candidate is held against the build-id before it is used.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "process/modules/debuginfod.h"
#include "process/modules/modules.h"
#include "process/modules/opened_file.h"

namespace inquest::process {

// What all modules of one set share. Must outlive them.
struct SearchContext {
  SearchContext(const ProcessImage& process, ModuleOptions chosen)
      : image(process), options(std::move(chosen)), debuginfod(options) {}

  const ProcessImage& image;
  ModuleOptions options;
  Debuginfod debuginfod;
};

struct FoundBinary {
  FileStatus status = FileStatus::kMissing;
  std::unique_ptr<OpenedFile> file;  // nullptr when missing or refused
  std::string path;                  // of the file used or refused
  std::optional<BuildId> build_id;   // of `path`
  bool agrees = false;               // see Module::contents_agree
  std::vector<Note> notes;
};

// `is_chosen`: --exe was meant for this module.
FoundBinary find_binary(SearchContext& context, const Module& module, bool is_chosen);

struct FoundDebug {
  std::unique_ptr<OpenedFile> file;
  std::vector<Note> notes;
};

// `binary` may be nullptr (missing): the build-id of the core alone finds a debug file too.
FoundDebug find_debug(SearchContext& context, const Module& module, const OpenedFile* binary);
// dwz's file for `debug`; nullptr file when it has none or it was not found (then a note says so).
FoundDebug find_alt(SearchContext& context, const OpenedFile& debug);

}  // namespace inquest::process
