// A case as files, for what reads files: the analysis, a debugger.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "diagnosis/engine/engine.h"
#include "platform/os/directories.h"
#include "vault/archive.h"
#include "vault/vault.h"

namespace inquest::cli {

struct CaseFiles {
  os::TempDirectory directory;  // holds all below; gone with this
  std::string evidence;         // the best core that could be had
  std::string part;             // which attachment that is
  std::string root;             // binaries and debug files that came with the case; may be empty
  vault::Lease lease;           // invalid when the vault is only read
};

// Writes the best evidence of a case, and its files, to a temporary directory; the slim record when
// the full core cannot be read or finds no room there, which is said. kNotFound, with the reasons,
// when no evidence is left.
Result<CaseFiles> check_out(vault::Vault& vault, const vault::Case& from);

// An exported case, unpacked for as long as this lives.
struct CaseArchive {
  os::TempDirectory directory;
  vault::Unpacked content;
};
bool is_archive_file(const std::string& path);
Result<CaseArchive> open_archive(const std::string& path);

// Whether `input` is the id of a case (or begins one) and not a file.
bool names_a_case(const std::string& input);

// Runs `work` with options.input being a file: when it is the id of a case, or an exported one,
// that is unpacked for as long.
int with_input(diagnosis::DiagnoseOptions& options, const std::string& vault_directory,
               const std::function<int()>& work);

}  // namespace inquest::cli
