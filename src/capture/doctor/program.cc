#include "capture/doctor/program.h"

#include <sys/stat.h>
#include <sys/xattr.h>

#include "binary/elf/file.h"
#include "platform/os/mapped_file.h"

namespace inquest::doctor {
namespace {

bool has_privileges(const std::string& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) return false;
  return (info.st_mode & (S_ISUID | S_ISGID)) != 0 ||
         getxattr(path.c_str(), "security.capability", nullptr, 0) > 0;
}

std::string runtime_by_name(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  if (name == "node" || name == "nodejs") return "node";
  if (name.starts_with("python")) return "python";
  return {};
}

}  // namespace

Program read_program(const std::string& file, const std::string& path) {
  Program program;
  program.runtime = runtime_by_name(path);
  program.is_setuid = has_privileges(file);
  const auto mapped = os::MappedFile::open(file);
  if (!mapped.ok()) return program;
  const auto elf = elf::File::parse(mapped->bytes());
  if (!elf.ok()) return program;
  program.readable = true;
  program.is_static = !elf->interpreter();
  program.is_go = elf->find_section(".go.buildinfo") != nullptr;
  return program;
}

}  // namespace inquest::doctor
