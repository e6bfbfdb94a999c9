#include "diagnosis/signature/choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include "base/bytes.h"
#include "diagnosis/facts/roles.h"
#include "platform/codec/digest.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kIdDigits = 16;

// Allocators that stand in for the C library's: where they notice damage says nothing about who did
// it.
constexpr std::array<std::string_view, 5> kAllocatorLibraries = {
    "libjemalloc", "libtcmalloc", "libmimalloc", "libasan", "libgwp_asan"};

std::string_view base_name(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

// Why a function is no part of what the bug is; nullopt when it is part of it.
std::optional<std::string> reason_to_skip(const FrameFact& frame, const FunctionFact& function) {
  switch (function.role) {
    case CodeRole::kAbort:
      return "skipped: the way from a failed check to the signal";
    case CodeRole::kSignal:
      return "skipped: signal delivery";
    case CodeRole::kLanguage:
      return "skipped: the language's own library";
    case CodeRole::kLibrary:
      if (is_c_library(frame.module) || is_c_library_function(function.short_name))
        return "skipped: the C library";
      if (is_cxx_runtime(frame.module)) return "skipped: the language's own library";
      break;
    default:
      break;
  }
  if (is_sanitizer_function(function)) return "skipped: the sanitizer that noticed it";
  for (const std::string_view library : kAllocatorLibraries) {
    if (base_name(frame.module).starts_with(library)) return "skipped: an allocator";
  }
  return std::nullopt;
}

size_t count_handler_frames(const Facts& facts) {
  if (!facts.own_handler) return 0;
  const std::vector<FrameFact>& frames = facts.crashing.frames;
  const auto behind =
      frames.begin() + static_cast<std::ptrdiff_t>(std::min(facts.crash_frame, frames.size()));
  const auto last = std::find_if(std::make_reverse_iterator(behind), frames.rend(),
                                 [](const FrameFact& f) { return f.is_signal_handler_return; });
  return static_cast<size_t>(frames.rend() - last);
}

// How a function without a name is told: the build and the place in it.
std::string unnamed(const FrameFact& frame) {
  if (frame.module.empty()) return {};
  if (!frame.build_id.empty()) return fmt::format("{}+{:#x}", frame.build_id, frame.module_offset);
  return fmt::format("{}+{:#x}", base_name(frame.module), frame.module_offset);
}

std::string place_of(const FrameFact& frame, const FunctionFact& function) {
  if (!function.file.empty() && function.line != 0)
    return fmt::format(" at {}:{}", function.file, function.line);
  if (!frame.module.empty()) return fmt::format(" in {}", base_name(frame.module));
  return {};
}

std::string identify(const Signature& signature) {
  std::string text = fmt::format("inquest signature {}\n{}\n", signature.version, signature.fault);
  for (const std::string& frame : signature.frames) text += frame + "\n";
  const ByteView bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  return codec::to_hex(codec::sha256(bytes)).substr(0, kIdDigits);
}

}  // namespace inquest::diagnosis
