#include "lab/audit/loader.h"

#include <elf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/words.h"
#include "platform/json/value.h"
#include "platform/os/file.h"
#include "platform/os/spawn.h"

namespace inquest::audit {
namespace {

namespace fs = std::filesystem;

constexpr char kNodeQuestion[] =
    "process.stdout.write(JSON.stringify({executable: process.execPath, "
    "version: process.versions.node, bun: process.versions.bun, "
    "electron: process.versions.electron, abi: +process.versions.modules, "
    "api: +(process.versions.napi || 0)}))";
// -I: neither the environment nor the current directory takes part; -S: nor site-packages.
constexpr char kPythonQuestion[] =
    "import json, sys, _imp; print(json.dumps({'executable': sys.executable, "
    "'version': '%d.%d.%d' % sys.version_info[:3], 'name': sys.implementation.name, 'suffixes': "
    "_imp.extension_suffixes()}))";

// The answer of a program that prints one JSON object. It may print a warning too, to stderr.
Result<json::JsonValue> ask(const std::vector<std::string>& command) {
  os::SpawnOptions options;
  options.timeout = std::chrono::seconds(20);
  options.environment = {
      {"NODE_OPTIONS", std::nullopt}, {"LD_PRELOAD", std::nullopt}, {"ELECTRON_RUN_AS_NODE", "1"}};
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
  const auto name_of = [](const std::string& path) { return fs::path(path).filename().string(); };
  if (!program.interpreter.empty()) loader.files.push_back(name_of(program.interpreter));
  for (const std::string& file : files) {
    loader.files.push_back(name_of(file));
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

// NODE_MODULE_VERSION of released versions, by major version; 0: not known. Source: the registry of
// the npm package node-abi. Versions of one major that differ, and those before a release, are
// left out.
int node_abi_of_electron(std::string_view version) {
  struct Line {
    int electron, abi;
  };
  static constexpr Line kLines[] = {
      {11, 85},  {12, 87},  {13, 89},  {15, 98},  {16, 99},  {17, 101}, {18, 103},
      {19, 106}, {20, 107}, {21, 109}, {22, 110}, {23, 113}, {24, 114}, {25, 116},
      {26, 116}, {27, 118}, {28, 119}, {29, 121}, {30, 123}, {31, 125}, {32, 128},
      {33, 130}, {34, 132}, {35, 133}, {36, 135}, {37, 136}, {38, 139}, {39, 140},
      {40, 143}, {41, 145}, {42, 146}, {43, 148}, {44, 149}, {45, 150}};
  if (version.find('-') != std::string_view::npos) return 0;
  const auto major = take_number<int>(version);
  for (const Line& line : kLines)
    if (major == line.electron) return line.abi;
  return 0;
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
  loader.name = "Node.js";
  loader.run_time = "node";
  loader.path = answer.text("executable");
  loader.version = answer.text("version");
  // Both say a version of Node.js too, of which they have the interfaces.
  for (const auto& [key, name] : {std::pair("bun", "Bun"), std::pair("electron", "Electron")}) {
    if (answer.text(key).empty()) continue;
    loader.name = name;
    loader.run_time = key;
    loader.version = answer.text(key);
  }
  loader.node_abi = whole(answer, "abi");
  loader.node_api = whole(answer, "api");
  INQ_TRY_STATUS(read_files(loader));
  return loader;
}

Result<Loader> ask_python(const std::string& program) {
  INQ_TRY(const json::JsonValue answer, ask({program, "-I", "-S", "-c", kPythonQuestion}));
  Loader loader;
  loader.kind = Loader::Kind::kPython;
  const std::string name = answer.text("name");
  loader.name = name == "cpython" ? "Python" : name;
  loader.run_time = name == "cpython" ? "CPython" : name;
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

Loader read_electron(const std::string& directory, const std::string& version) {
  constexpr size_t kMaxNumber = 64;
  Loader loader;
  loader.kind = Loader::Kind::kNode;
  loader.name = "Electron";
  loader.run_time = "electron";
  loader.version = version;
  // Its newer packages say it themselves.
  if (const auto text = os::read_text_file(directory + "/abi_version", kMaxNumber); text.ok()) {
    std::string_view rest = *text;
    loader.node_abi = number<int>(take_word(rest = take_line(rest))).value_or(0);
  }
  if (loader.node_abi == 0) loader.node_abi = node_abi_of_electron(version);
  loader.libc = LibC::kGlibc;  // it is made for no other on Linux
  loader.machine = machine_here();
  loader.path = directory + "/dist/electron";
  if (!os::is_regular_file(loader.path) || !read_files(loader).ok()) loader.path.clear();
  return loader;
}

}  // namespace inquest::audit
