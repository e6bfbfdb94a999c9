// What containers and platforms take away. Only what can be seen from inside is judged; what cannot
// be is said.
#include <fmt/format.h>

#include <algorithm>

#include "capture/doctor/examine.h"

namespace inquest::doctor {
namespace {

bool has_variable(const Target& target, std::string_view name) {
  return std::ranges::any_of(target.environment, [&](const std::string& variable) {
    return variable.starts_with(name) && variable.size() > name.size() &&
           variable[name.size()] == '=';
  });
}

void check_first_process(const Target& target, Examination& out) {
  if (!target.is_namespace_init || target.pid == 1) return;
  out.findings.push_back(
      {"pid-one", Weight::kWarning, fmt::format("{} is PID 1 of its container", target.name),
       "its crash ends the container and takes its files with it; signals that it sends itself "
       "(abort) are ignored by the kernel",
       "ENTRYPOINT [\"inquest\", \"run\", \"--\", …]   # inquest run is made to be PID 1"});
}

}  // namespace

void examine_container(const Facts& facts, Examination& out) {
  const std::string& kind = facts.host.container;
  if (facts.target) check_first_process(*facts.target, out);
  const bool kubernetes = kind == "kubernetes" ||
                          (facts.target && has_variable(*facts.target, "KUBERNETES_SERVICE_HOST"));
  const bool ecs = kind == "ecs" ||
                   (facts.target && has_variable(*facts.target, "ECS_CONTAINER_METADATA_URI_V4"));
  if (kubernetes) {
    out.findings.push_back(
        {"kubernetes", Weight::kNote,
         "Kubernetes restarts the container after 10 s, then 20 s, up to 5 min, whatever the crash",
         "the back-off is reset after 10 minutes of health; probes and grace periods cannot be "
         "seen "
         "from inside: a liveness probe that fails while a core is written kills the pod with it",
         "kubectl get pod POD -o jsonpath='{.spec.containers[*].livenessProbe}'"});
    out.findings.push_back(
        {"ephemeral-disk", Weight::kWarning, "files of the container are gone when it is replaced",
         "put the vault on a volume, or rely on the report that `inquest run` writes to stderr",
         "inquest run -- CMD   # with INQUEST_VAULT on a mounted volume"});
  } else if (ecs) {
    out.findings.push_back(
        {"ephemeral-disk", Weight::kWarning, "Fargate's disk goes with the task",
         "core_pattern cannot be set there; of privileges only SYS_PTRACE can be added",
         "\"linuxParameters\": {\"capabilities\": {\"add\": [\"SYS_PTRACE\"]}}"});
  } else if (!kind.empty()) {
    out.findings.push_back(
        {"container", Weight::kNote, fmt::format("this is a container ({})", kind),
         "core_pattern is the host's, for all containers together; the core limit is the engine's",
         "docker run --ulimit core=-1 -v crashes:/var/crash …"});
  }
}

}  // namespace inquest::doctor
