#include "process/modules/identity.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "process/modules/paths.h"

namespace inquest::process {
namespace {

constexpr uint64_t kHashedCode = 4096;
constexpr size_t kMaxEntriesLookedAt = 1 << 16;  // of one directory
constexpr size_t kMaxFilesById = 8;

}  // namespace

bool is_same_build(const BuildId& wanted, const std::optional<BuildId>& found) {
  if (!found || found->empty() || wanted.empty()) return false;
  if (wanted == *found) return true;
  if (wanted.bytes().size() != kShortIdentity) return false;
  std::array<uint8_t, kShortIdentity> start{};
  const size_t size = std::min(found->bytes().size(), kShortIdentity);
  std::copy_n(found->bytes().begin(), size, start.begin());
  return std::equal(start.begin(), start.end(), wanted.bytes().begin());
}

bool is_same_build(const BuildId& wanted, const elf::File& file) {
  const auto id = file.build_id();
  if (id) return is_same_build(wanted, id);
  return wanted.bytes().size() == kShortIdentity && identity_by_code(file) == wanted;
}

std::optional<BuildId> identity_by_code(const elf::File& file) {
  const elf::Section* text = file.find_section(".text");
  if (text == nullptr) return std::nullopt;
  const auto code = slice(file.bytes(), text->offset, std::min(text->size, kHashedCode));
  if (!code) return std::nullopt;
  std::array<uint8_t, kShortIdentity> sum{};
  // Whole blocks only, as many as Breakpad reads.
  const size_t whole = code->size() / kShortIdentity * kShortIdentity;
  for (size_t i = 0; i < whole; ++i) sum[i % kShortIdentity] ^= (*code)[i];
  return BuildId(sum);
}

std::vector<std::string> files_by_build_id(const std::string& root, const BuildId& id,
                                           std::string_view suffix) {
  std::vector<std::string> files;
  const std::string exact = build_id_path(id, suffix);
  if (exact.empty()) return files;
  files.push_back(root + exact);
  if (id.bytes().size() != kShortIdentity) return files;
  const std::string hex = id.hex();
  const std::string directory = root + "/.build-id/" + hex.substr(0, 2);
  const std::string start = hex.substr(2);
  std::error_code error;
  size_t looked_at = 0;
  for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end;
       at.increment(error)) {
    if (++looked_at > kMaxEntriesLookedAt || files.size() >= kMaxFilesById) break;
    const std::string name = at->path().filename().string();
    const bool fits =
        name.size() > start.size() + suffix.size() && name.starts_with(start) &&
        (suffix.empty() ? name.find('.') == std::string::npos : name.ends_with(suffix));
    if (fits) files.push_back(join(directory, name));
  }
  std::sort(files.begin() + 1, files.end());
  return files;
}

}  // namespace inquest::process
