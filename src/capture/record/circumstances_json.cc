#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/scrub.h"
#include "capture/record/circumstances.h"
#include "platform/json/writer.h"

namespace inquest::capture {
namespace {

constexpr size_t kMaxWords = 512, kMaxWordSize = 4096, kMaxLines = 400;

std::vector<std::string> split(std::string_view text, char separator, size_t max) {
  std::vector<std::string> parts;
  while (!text.empty() && parts.size() < max) {
    const size_t end = std::min(text.find(separator), text.size());
    parts.emplace_back(text.substr(0, std::min(end, kMaxWordSize)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

bool is_hex_id(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// "docker-3f2a….scope", "3f2a…" below "/docker/", "cri-containerd-….scope".
std::string container_in(const std::vector<std::string>& parts) {
  std::string pod;
  for (size_t i = 0; i < parts.size(); ++i) {
    std::string_view part = parts[i];
    const bool below_pods = i > 0 && parts[0].starts_with("kubepods");
    const size_t at = part.find("-pod");
    if (part.starts_with("pod") && below_pods) {
      pod = part.substr(3);
    } else if (part.starts_with("kubepods") && at != std::string_view::npos) {
      pod = part.substr(at + 4);
    }
    if (part.ends_with(".scope")) part.remove_suffix(6);
    if (pod.ends_with(".slice")) pod.resize(pod.size() - 6);
    const size_t dash = part.rfind('-');
    const std::string_view id = dash == std::string_view::npos ? part : part.substr(dash + 1);
    if (is_hex_id(id)) {
      std::string engine(dash == std::string_view::npos ? std::string_view()
                                                        : part.substr(0, dash));
      if (engine.empty() && i > 0 && pod.empty()) engine = parts[i - 1];
      if (!pod.empty()) return fmt::format("kubernetes pod {} container {}", pod, id);
      return engine.empty() ? std::string(id) : fmt::format("{} {}", engine, id);
    }
    if (part == "lxc" || part == "lxc.payload")
      return i + 1 < parts.size() ? "lxc " + parts[i + 1] : "";
    if (part.starts_with("lxc.payload.")) return fmt::format("lxc {}", part.substr(12));
  }
  return {};
}

void write_process(const Told& told, json::JsonWriter& json) {
  const Circumstances& facts = told.circumstances;
  json.key("process").begin_object();
  json.field("pid", facts.status.thread_group);
  json.field("parent", facts.stat.parent);
  json.field("executable", scrub_text(facts.executable));
  json.field("directory", scrub_text(facts.directory));
  json.field("uid", facts.status.uid).field("gid", facts.status.gid);
  if (facts.uptime_ms >= 0) json.field("uptime_ms", facts.uptime_ms);
  json.field("resident_kib", facts.status.resident_kib);
  json.key("command_line").begin_array();
  for (const std::string& word : scrub_words(split(facts.command_line, '\0', kMaxWords)))
    json.value(word);
  json.end_array();
  json.key("environment").begin_array();
  for (const std::string& entry : split(facts.environment, '\0', kMaxWords)) {
    json.value(scrub_variable(entry));
  }
  json.end_array();
  json.key("files").begin_array();
  for (const auto& [fd, target] : facts.files) {
    json.begin_object().field("fd", fd).field("target", scrub_text(target)).end_object();
  }
  json.end_array();
  json.field("more_files", facts.more_files);
  json.key("limits").begin_array();
  for (const std::string& line : split(facts.limits, '\n', 64)) json.value(line);
  json.end_array();
  const CgroupNames names = names_in_cgroup(facts.cgroup);
  json.field("cgroup", names.path).field("unit", names.unit).field("container", names.container);
  json.end_object();
}

void write_host(json::JsonWriter& json) {
  utsname name = {};
  ::uname(&name);
  json.key("host").begin_object();
  json.field("name", std::string_view(name.nodename));
  json.field("kernel", fmt::format("{} {}", name.sysname, name.release));
  json.field("machine", std::string_view(name.machine));
  json.field("processors", static_cast<int64_t>(::sysconf(_SC_NPROCESSORS_ONLN)));
  json.end_object();
}

void write_threads(const Told& told, json::JsonWriter& json) {
  json.key("threads").begin_array();
  for (const ThreadState& thread : told.threads) {
    json.begin_object().field("tid", thread.tid).field("name", thread.name);
    if (!thread.stopped) json.field("no_registers", thread.why_not);
    if (thread.no_thread_pointer) json.field("no_thread_pointer", true);
    json.end_object();
  }
  json.end_array();
}

}  // namespace

std::string_view to_string(Fidelity fidelity) {
  switch (fidelity) {
    case Fidelity::kFull:
      return "full";
    case Fidelity::kSnapshot:
      return "snapshot";
    case Fidelity::kSlim:
      return "slim";
    case Fidelity::kRegistersOnly:
      return "registers only";
    case Fidelity::kSignalOnly:
      return "signal only";
  }
  return "unknown";
}

CgroupNames names_in_cgroup(std::string_view text) {
  CgroupNames names;
  for (const std::string& line : split(text, '\n', 64)) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool better = controllers.empty() || controllers == "name=systemd";
    if (better || names.path.empty()) names.path = line.substr(second + 1);
  }
  const std::vector<std::string> parts = split(names.path, '/', 64);
  std::vector<std::string> named;
  std::copy_if(parts.begin(), parts.end(), std::back_inserter(named),
               [](const std::string& part) { return !part.empty(); });
  for (const std::string& part : named) {
    if (part.ends_with(".service")) names.unit = part;
  }
  names.container = container_in(named);
  return names;
}

std::string circumstances_json(const Told& told) {
  json::JsonWriter json(json::JsonWriter::Style::kCompact);
  json.begin_object().field("version", 1);
  json.field("captured_at", told.captured_at).field("how", told.how).field("signal", told.signal);
  json.key("fidelity").begin_object().field("level", to_string(told.fidelity));
  json.key("missing").begin_array();
  for (const LeftOut& missing : told.left_out) {
    json.begin_object().field("what", missing.what).field("why", missing.why).end_object();
  }
  json.end_array().end_object();
  write_process(told, json);
  write_host(json);
  write_threads(told, json);
  json.key("builds").begin_array();
  for (const auto& [path, id] : told.builds) {
    json.begin_object().field("path", path).field("build_id", id).end_object();
  }
  json.end_array();
  json.key("annotations").begin_array();
  for (const auto& [name, value] : told.annotations) {
    const std::string entry = scrub_variable(fmt::format("{}={}", name, value));
    json.begin_object().field("name", name);
    json.field("value", entry.substr(name.size() + 1)).end_object();
  }
  json.end_array();
  json.key("stderr").begin_array();
  std::vector<std::string> lines = split(told.last_words, '\n', 1 << 16);
  if (lines.size() > kMaxLines) lines.erase(lines.begin(), lines.end() - kMaxLines);
  for (const std::string& line : lines) json.value(scrub_text(line));
  json.end_array();
  json.key("timings_us").begin_object();
  for (const auto& [name, time] : told.timings_us) json.field(name, time);
  json.end_object();
  json.end_object();
  return std::move(json).take();
}

}  // namespace inquest::capture
