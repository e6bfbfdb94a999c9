#include <fmt/format.h>

#include <utility>

#include "diagnosis/report/report.h"
#include "diagnosis/report/signature_json.h"
#include "platform/term/text.h"

namespace inquest::diagnosis {
namespace {

void write_list(json::JsonWriter& json, std::string_view key,
                const std::vector<std::string>& texts) {
  json.key(key).begin_array();
  for (const std::string& text : texts) json.value(text);
  json.end_array();
}

}  // namespace

void write_signature(json::JsonWriter& json, const Signature& signature) {
  json.begin_object()
      .field("version", signature.version)
      .field("id", signature.id)
      .field("title", signature.title())
      .field("fault", signature.fault);
  write_list(json, "frames", signature.frames);
  write_list(json, "stack", signature.stack);
  json.field("confidence", signature.confidence).field("why_not_high", signature.why_not_high);
  json.key("steps").begin_array();
  for (const SignatureStep& step : signature.steps) {
    json.begin_object()
        .field("action", to_string(step.action))
        .field("frame", step.frame)
        .field("input", step.input)
        .field("output", step.output)
        .field("reason", step.reason)
        .end_object();
  }
  json.end_array().end_object();
}

std::string render_signature_json(const Signature& signature) {
  json::JsonWriter json;
  write_signature(json, signature);
  return std::move(json).take();
}

std::string render_signature_text(const Signature& signature, bool explain) {
  std::string text = fmt::format("{}  {}\n", signature.id, signature.title());
  if (!explain) return term::printable(text.substr(0, text.size() - 1)) + "\n";
  text += fmt::format("  version     {}\n", signature.version);
  text += fmt::format("  fault       {}\n", signature.fault);
  text += fmt::format("  confidence  {}{}{}\n", signature.confidence,
                      signature.why_not_high.empty() ? "" : ": ", signature.why_not_high);
  for (const std::string& line : signature.stack) text += fmt::format("  to read     {}\n", line);
  text += "  steps\n";
  for (const SignatureStep& step : signature.steps) {
    const std::string name = step.input.empty() ? "??" : step.input;
    const bool changed = !step.output.empty() && step.output != step.input;
    text += fmt::format("    #{:<3} {}{}{}\n         {}\n", step.frame, name, changed ? " → " : "",
                        changed ? step.output : "", step.reason);
  }
  std::string safe;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    safe += term::printable(text.substr(at, end - at)) + "\n";
    at = end + 1;
  }
  return safe;
}

}  // namespace inquest::diagnosis
