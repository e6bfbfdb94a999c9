// JavaScript that catches SIGSEGV: it turns a crash into a loop that never ends.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace inquest::doctor {

struct JsTrap {
  std::string file;
  size_t line = 0;
  std::string signal;  // "SIGSEGV"
};

// process.on('SIGSEGV', …), .once, .addListener, of SIGSEGV, SIGBUS, SIGFPE and SIGILL, in one
// source. Comments are not told apart from code.
std::vector<JsTrap> find_js_traps(std::string_view source, const std::string& file);
// In a script and the .js, .cjs, .mjs and .ts files beside and below it, but for node_modules and
// hidden directories. Bounded in files and bytes.
std::vector<JsTrap> find_js_traps_below(const std::string& script);

}  // namespace inquest::doctor
