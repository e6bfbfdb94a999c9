// What `inquest audit` prints. `known`: the issues that it was held against.
#pragma once

#include <string>

#include "lab/audit/audit.h"

namespace inquest::cli {

std::string render_audit_text(const audit::Audit& audit, const issues::KnownIssues& known,
                              const std::string& path, int fd);
std::string render_audit_json(const audit::Audit& audit, const issues::KnownIssues& known,
                              const std::string& path);
// SARIF 2.1.0 (OASIS), for code scanning of CI.
std::string render_audit_sarif(const audit::Audit& audit, const std::string& path);

}  // namespace inquest::cli
