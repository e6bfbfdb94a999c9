// OpenedFile: an ELF file of this machine, mapped and parsed, together with what holds its bytes.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/build_id.h"
#include "base/result.h"
#include "binary/elf/file.h"
#include "platform/os/mapped_file.h"

namespace inquest::process {

class OpenedFile {
 public:
  // `offset`: where in the file the ELF image begins (libraries in archives).
  static Result<std::unique_ptr<OpenedFile>> open(const std::string& path, uint64_t offset = 0);
  // Bytes that are kept here: a decompressed .gnu_debugdata.
  static Result<std::unique_ptr<OpenedFile>> adopt(Bytes bytes, std::string name);

  const std::string& path() const { return path_; }
  const elf::File& elf() const { return *elf_; }
  const std::optional<BuildId>& build_id() const { return build_id_; }

 private:
  OpenedFile() = default;

  std::string path_;
  os::MappedFile file_;
  Bytes bytes_;
  std::optional<elf::File> elf_;
  std::optional<BuildId> build_id_;
};

}  // namespace inquest::process
