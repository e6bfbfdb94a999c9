// CrashedProgram: for tests. Compiles a program, runs it under ptrace until a fatal signal, and
// keeps its registers and memory as a ProcessImage. Does not depend on how the machine writes
// cores.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "process/image/process_image.h"
#include "process/modules/modules.h"
#include "process/symbols/variables.h"
#include "process/unwind/frame.h"

namespace inquest::process {

struct BuildSpec {
  std::string compiler;  // "gcc-12", "clang++-19", "rustc"
  std::string flags;     // "-O2 -g"
  std::string suffix;    // ".c", ".cc", ".rs"
};

class CrashedProgram {
 public:
  // nullopt and `*why` when the compiler is absent, the program does not compile, or it does not
  // die of a signal.
  static std::unique_ptr<CrashedProgram> run(const std::string& source, const BuildSpec& build,
                                             std::string* why);
  ~CrashedProgram();

  const ProcessImage& image() const { return image_; }
  ModuleSet& modules() { return *modules_; }
  VariableReader& reader() { return *reader_; }
  const Stack& stack() const { return stack_; }
  // The first frame in the main program.
  size_t program_frame() const;
  // The text of a variable's value in the innermost frame of the main program that has it; "?"
  // without one.
  std::string value(const std::string& name, const ValueOptions& options = {});
  Variable variable(const std::string& name, const ValueOptions& options = {});

 private:
  CrashedProgram() = default;

  std::string directory_;
  ProcessImage image_;
  std::optional<ModuleSet> modules_;
  std::optional<VariableReader> reader_;
  Stack stack_;
};

bool has_compiler(const std::string& compiler);

}  // namespace inquest::process
