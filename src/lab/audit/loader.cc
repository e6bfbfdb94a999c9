#include "lab/audit/loader.h"

#include <elf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "platform/json/value.h"
#include "platform/os/file.h"
#include "platform/os/spawn.h"

namespace inquest::audit {
namespace {

namespace fs = std::filesystem;

constexpr char kNodeQuestion[] =
    "process.stdout.write(JSON.stringify({executable: process.execPath, "
    "version: process.versions.node, abi: +process.versions.modules, "
    "api: +(process.versions.napi || 0)}))";
// -I: neither the environment nor the current directory takes part; -S: nor site-packages.
constexpr char kPythonQuestion[] =
    "import json, sys, _imp; print(json.dumps({'executable': sys.executable, "
    "'version': '%d.%d.%d' % sys.version_info[:3], 'suffixes': _imp.extension_suffixes()}))";

// The answer of a program that prints one JSON object. It may print a warning too, to stderr.
Result<json::JsonValue> ask(const std::vector<std::string>& command) {
  os::SpawnOptions options;
  options.timeout = std::chrono::seconds(20);
  options.environment = {{"NODE_OPTIONS", std::nullopt}, {"LD_PRELOAD", std::nullopt}};
  INQ_TRY(const os::SpawnResult done, os::run_process(command, options));
  if (!done.success()) {
    return Error(ErrorCode::kUnavailable,
                 fmt::format("{} does not run here (exit {}): {}", command.front(), done.exit_code,
                             done.err.substr(0, done.err.find('\n'))));
  }
  auto answer = json::parse_json(done.out, {.max_size = 1 << 16, .max_depth = 4});
  if (!answer.ok() || answer->text("version").empty()) {
    return Error(
        ErrorCode::kUnavailable,
        command.front() + " does not say its version as expected: is it what it is called?");
  }
  return answer;
}

// Versions and names of what it brings.
Status read_files(Loader& loader) {
  INQ_TRY(const NativeModule program, read_native_module(loader.path));
  if (program.format != Format::kElf)
    return Error(ErrorCode::kUnsupported, loader.path + ": it is no 64-bit ELF program");
  loader.machine = program.machine;
  loader.libc = libc_of(program);
  Libraries libraries("", loader.libc);
  const Closure closure = closure_of(program, {}, libraries);
  std::vector<std::string> files = closure.files;
  files.push_back(loader.path);
  for (const std::string& file : files) {
    const Exports& exports = libraries.exports(file);
    loader.exports.insert(exports.begin(), exports.end());
    const NativeModule* module = libraries.module(file);
    if (module == nullptr) continue;
    if (!module->soname.empty()) loader.loaded.insert(module->soname);
    if (module->soname == "libc.so.6") loader.glibc = glibc_of(file);
  }
  // musl's loader is its C library, under every name.
  if (loader.libc == LibC::kMusl) loader.loaded.insert("libc.so");
  return {};
}

int whole(const json::JsonValue& answer, std::string_view name) {
  const json::JsonValue* value = answer.find(name);
  return value == nullptr ? 0 : static_cast<int>(value->integer().value_or(0));
}

}  // namespace

Result<Loader> ask_node(const std::string& program) {
  INQ_TRY(const json::JsonValue answer, ask({program, "-e", kNodeQuestion}));
  Loader loader;
  loader.kind = Loader::Kind::kNode;
  loader.path = answer.text("executable");
  loader.version = answer.text("version");
  loader.node_abi = whole(answer, "abi");
  loader.node_api = whole(answer, "api");
  INQ_TRY_STATUS(read_files(loader));
  return loader;
}

Result<Loader> ask_python(const std::string& program) {
  INQ_TRY(const json::JsonValue answer, ask({program, "-I", "-S", "-c", kPythonQuestion}));
  Loader loader;
  loader.kind = Loader::Kind::kPython;
  loader.path = answer.text("executable");
  loader.version = answer.text("version");
  if (const json::JsonValue* suffixes = answer.find("suffixes");
      suffixes != nullptr && suffixes->array() != nullptr) {
    for (const json::JsonValue& suffix : *suffixes->array()) {
      if (suffix.string() != nullptr) loader.suffixes.push_back(*suffix.string());
    }
  }
  INQ_TRY_STATUS(read_files(loader));
  return loader;
}

}  // namespace inquest::audit
