#include "diagnosis/report/handover_parts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "diagnosis/report/handover.h"

namespace inquest::diagnosis {
namespace {

constexpr uint64_t kSmallAddress = 64 << 10;  // tells an offset; others differ from run to run
constexpr size_t kShortestSecret = 4;         // bytes: shorter ones stand in every text
constexpr size_t kShortestValue = 6;          // of variables: "None" and "True" do
constexpr size_t kMaxSecrets = 500;

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/') + 1);
}

// Words of the C library, which are the same in every process.
bool says_nothing_private(AbortFacts::Kind kind) {
  return kind == AbortFacts::Kind::kGlibcHeap || kind == AbortFacts::Kind::kStackSmashing ||
         kind == AbortFacts::Kind::kFortify;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

// "/home/ann/x" → "~/x"
void hide_homes(std::string& text) {
  for (const std::string_view top : {"/home/", "/Users/"}) {
    for (size_t at = text.find(top); at != std::string::npos; at = text.find(top, at + 1)) {
      const size_t end = text.find_first_of("/ \"'`:,;)", at + top.size());
      text.replace(at, std::min(end, text.size()) - at, "~");
    }
  }
  replace_all(text, "/root/", "~/");
}

std::string run_time_name(const Facts& facts) {
  if (!facts.runtimes.empty()) return facts.runtimes.front().name;
  return facts.process.runtime;
}

std::string address_words(const AddressFacts& address) {
  const std::string where =
      address.address.value < kSmallAddress ? to_hex(address.address) : std::string("an address");
  std::vector<std::string_view> traits;
  for (const AddressTrait trait : address.traits) traits.push_back(to_string(trait));
  return traits.empty() ? where : fmt::format("{} ({})", where, fmt::join(traits, ", "));
}

std::string fault_words(const FaultFacts& fault) {
  std::string text = fault.instruction.empty() ? std::string("an instruction")
                                               : fmt::format("`{}`", fault.instruction);
  if (fault.pc_is_bad) {
    text = "control went to a place without code";
    if (fault.pc_facts) text += ": " + address_words(*fault.pc_facts);
    return text;
  }
  if (fault.access != AccessKind::kNone)
    text += fmt::format(" was refused a {}", to_string(fault.access));
  if (fault.address_facts) text += " at " + address_words(*fault.address_facts);
  return text;
}

std::string abort_words(const AbortFacts& abort) {
  std::string text = fmt::format("it ended itself: {}", to_string(abort.kind));
  if (says_nothing_private(abort.kind) && !abort.message.empty())
    text += fmt::format(", \"{}\"", abort.message);
  if (!abort.condition.empty()) text += fmt::format(", `{}`", abort.condition);
  if (!abort.exception_type.empty()) text += fmt::format(" of `{}`", abort.exception_type);
  if (!abort.file.empty()) text += fmt::format(" at {}:{}", shorten_path(abort.file), abort.line);
  return text;
}

// Names of variables and members, not their values.
std::string expression_words(const OperandFacts& operand) {
  std::string text;
  if (operand.expression) text = fmt::format("the pointer is `{}`", operand.expression->text);
  if (operand.member) {
    text += fmt::format("{}the member is `{}` of `{}`", text.empty() ? "" : ", ",
                        operand.member->member, operand.member->structure);
  }
  return text;
}

std::vector<PackageFact> packages_on_stack(const Facts& facts) {
  std::vector<PackageFact> packages;
  std::set<std::pair<std::string, std::string>> seen;
  const auto add = [&](const std::optional<PackageFact>& package) {
    if (!package || package->is_program) return;
    if (seen.emplace(package->manager, package->name).second) packages.push_back(*package);
  };
  for (const FrameFact& frame : facts.crashing.frames) {
    for (const FunctionFact& function : frame.functions) add(function.package);
    for (const RuntimeFrameFact& script : frame.runtime_frames) add(script.package);
  }
  if (facts.crashing.runtime)
    for (const RuntimeFrameFact& script : facts.crashing.runtime->apart) add(script.package);
  for (const ModuleFact& module : facts.modules) add(module.package);
  return packages;
}

std::string install_command(const PackageFact& package) {
  if (package.version.empty()) return {};
  if (package.manager == "npm")
    return fmt::format("npm install {}@{}", package.name, package.version);
  if (package.manager == "python")
    return fmt::format("pip install {}=={}", package.name, package.version);
  if (package.manager == "cargo" && !package.version.starts_with("git"))
    return fmt::format("cargo add {}@={}", package.name, package.version);
  return {};
}

}  // namespace

Redactor::Redactor(const Facts& facts) {
  const auto add = [&](const std::string& secret) {
    if (secret.size() >= kShortestSecret && secrets_.size() < kMaxSecrets)
      secrets_.push_back(secret);
  };
  const auto add_address = [&](const std::optional<AddressFacts>& address) {
    if (address) add(address->text);
  };
  if (facts.fault) {
    add_address(facts.fault->address_facts);
    add_address(facts.fault->pc_facts);
    for (const auto& operand : {facts.fault->operand, facts.fault->call_operand}) {
      if (!operand) continue;
      add_address(operand->address);
      add_address(operand->pointer);
    }
  }
  if (!says_nothing_private(facts.abort.kind) && facts.abort.condition.empty())
    add(facts.abort.message);
  add(facts.abort.exception_what);
  if (facts.crashing.runtime) add(facts.crashing.runtime->exception);
  const auto add_values = [&](const std::vector<VariableFact>& variables) {
    for (const VariableFact& variable : variables)
      if (variable.text.size() >= kShortestValue) add(variable.text);
  };
  for (const FrameFact& frame : facts.crashing.frames) {
    add_values(frame.variables);
    for (const RuntimeFrameFact& script : frame.runtime_frames) add_values(script.variables);
  }
  // The first word is the program, which is told.
  const std::string& arguments = facts.process.arguments;
  for (size_t at = arguments.find(' '); at != std::string::npos;) {
    const size_t end = arguments.find(' ', at + 1);
    add(arguments.substr(at + 1, end == std::string::npos ? end : end - at - 1));
    at = end;
  }
  std::ranges::sort(secrets_, [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

std::string Redactor::operator()(std::string text) const {
  for (const std::string& secret : secrets_) replace_all(text, secret, "…");
  hide_homes(text);
  return text;
}

std::string public_headline(const Report& report) {
  const Facts& facts = report.facts;
  std::string who = run_time_name(facts);
  if (who.empty())
    who = std::string(base_name(facts.process.executable.empty() ? facts.process.command
                                                                 : facts.process.executable));
  std::string text = who.empty() ? "A process" : who;
  if (!facts.signal.name.empty()) text += fmt::format(" died of {}", facts.signal.name);
  text += fmt::format(": {}", title(report.verdict.hypotheses.front().crash_class));
  const auto& place = report.verdict.place;
  if (place && !place->function.empty()) text += fmt::format(" in {}()", place->function);
  return text;
}

std::vector<std::string> public_findings(const Report& report) {
  const Facts& facts = report.facts;
  std::vector<std::string> texts;
  if (!facts.signal.code_name.empty())
    texts.push_back(fmt::format("{}, {} ({})", facts.signal.name, facts.signal.code_name,
                                facts.signal.meaning));
  if (facts.fault) texts.push_back(fault_words(*facts.fault));
  if (facts.fault && facts.fault->operand) {
    if (std::string words = expression_words(*facts.fault->operand); !words.empty())
      texts.push_back(std::move(words));
  }
  if (facts.abort.kind != AbortFacts::Kind::kNone) texts.push_back(abort_words(facts.abort));
  if (facts.reported) texts.push_back("reported by " + facts.reported->tool);
  const Hypothesis& best = report.verdict.hypotheses.front();
  texts.push_back(fmt::format("most likely: {} ({} confidence)", title(best.crash_class),
                              to_string(best.confidence)));
  if (!report.verdict.blame.sentence.empty())
    texts.push_back("whose: " + Redactor(facts)(report.verdict.blame.sentence));
  texts.push_back("crashes of this kind: " + report.signature.title());
  return texts;
}

std::vector<std::string> versions(const Facts& facts) {
  std::vector<std::string> texts;
  if (const std::string name = run_time_name(facts); !name.empty()) texts.push_back(name);
  for (const PackageFact& package : packages_on_stack(facts))
    texts.push_back(package_words(package));
  texts.push_back(facts.process.arch.empty() ? "Linux"
                                             : fmt::format("Linux, {}", facts.process.arch));
  if (facts.process.thread_count > 1)
    texts.push_back(fmt::format("{} threads", facts.process.thread_count));
  return texts;
}

std::vector<std::string> how_to_reproduce(const Report& report) {
  const Facts& facts = report.facts;
  std::vector<std::string> texts;
  std::vector<std::string> commands;
  for (const PackageFact& package : packages_on_stack(facts)) {
    if (std::string command = install_command(package); !command.empty())
      commands.push_back(fmt::format("`{}`", command));
  }
  if (!commands.empty()) texts.push_back(fmt::format("install: {}", fmt::join(commands, ", ")));
  if (const auto& frame = facts.user_runtime_frame) {
    texts.push_back(fmt::format("the program's own code that led there: `{}` at {}:{}",
                                frame->function, shorten_path(frame->file), frame->line));
  } else if (const RuntimeFrameFact* script = innermost_script(facts.crashing)) {
    texts.push_back(fmt::format("the {} code that led there: `{}` at {}:{}", script->language,
                                script->function, shorten_path(script->file), script->line));
  } else if (report.verdict.place && !report.verdict.place->function.empty()) {
    texts.push_back(fmt::format("the code that led there: `{}`", report.verdict.place->function));
  }
  texts.emplace_back(
      "with which input, and how often it happens, the evidence of one crash does not tell: "
      "(please "
      "fill in)");
  return texts;
}

std::vector<std::string> public_limits(const Report& report) {
  std::vector<std::string> texts;
  if (report.facts.crashing.corrupt) texts.emplace_back("the stack was damaged");
  size_t without = 0;
  for (const ModuleFact& module : report.facts.modules)
    without += module.on_crash_path && !module.has_symbols ? 1 : 0;
  if (without != 0)
    texts.push_back(
        fmt::format("{} of the binaries on the stack have no symbols at hand", without));
  for (size_t i = 1; i < report.verdict.hypotheses.size(); ++i) {
    const Hypothesis& other = report.verdict.hypotheses[i];
    texts.push_back(fmt::format("it may also be: {} ({} confidence)", title(other.crash_class),
                                to_string(other.confidence)));
  }
  if (texts.empty()) texts.emplace_back("nothing that is known to be missing");
  return texts;
}

}  // namespace inquest::diagnosis
