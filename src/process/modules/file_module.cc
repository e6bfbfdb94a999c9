#include "process/modules/file_module.h"

#include <fmt/format.h>

#include <cstdlib>

#include "platform/codec/codec.h"
#include "process/modules/paths.h"

namespace inquest::process {
namespace {

constexpr uint64_t kMaxMiniDebug = 256u << 20;  // unpacked; real ones have a few MiB
constexpr int64_t kDtSoname = 14;

}  // namespace

FileModule::FileModule(SearchContext& context, Discovered found, bool is_chosen)
    : context_(context), is_chosen_(is_chosen) {
  path = std::move(found.path);
  name = base_name(path);
  range = found.range;
  bias = found.bias;
  build_id = std::move(found.build_id);
  is_main = found.is_main;
  is_vdso = found.is_vdso;
  was_deleted = found.was_deleted;
  elf_offset = found.elf_offset;
  if (name.empty()) name = is_main ? context.image.command : to_hex(range.start);
}

const FoundBinary& FileModule::found() const {
  std::call_once(binary_once_, [this] {
    if (is_vdso) {
      find_in_memory();
      return;
    }
    binary_ = find_binary(context_, *this, is_chosen_);
    add_notes(std::move(binary_.notes));
  });
  return binary_;
}

// The vdso is in no file. It is one mapping, dumped as a whole, laid out like its file.
void FileModule::find_in_memory() const {
  binary_.status = FileStatus::kInMemoryOnly;
  const ByteView bytes = context_.image.memory->view(range.start, range.size());
  auto image = elf::File::parse_image(bytes, range.start.value);
  if (image.ok()) in_memory_ = std::move(*image);
}

FileStatus FileModule::status() const { return found().status; }
std::string FileModule::found_path() const { return found().path; }
std::optional<BuildId> FileModule::found_build_id() const { return found().build_id; }

bool FileModule::contents_agree() const {
  const FoundBinary& binary = found();
  return binary.status == FileStatus::kVerified ||
         (binary.status == FileStatus::kUnverified && binary.agrees);
}

std::string FileModule::version() const {
  std::string version = version_in_name(name);  // the kernel names real paths, not symlinks
  if (!version.empty() || found().path.empty() || status() == FileStatus::kMismatch) return version;
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(found().path.c_str(), nullptr),
                                                         &std::free);
  return real ? version_in_name(base_name(real.get())) : version;
}

std::string FileModule::soname() const {
  const elf::File* file = binary();
  return std::string(file == nullptr ? "" : file->dynamic_string(kDtSoname).value_or(""));
}

const elf::File* FileModule::binary() const {
  const FoundBinary& binary = found();
  if (in_memory_) return &*in_memory_;
  return binary.file ? &binary.file->elf() : nullptr;
}

const OpenedFile* FileModule::debug_file() const {
  const FoundBinary& binary = found();
  if (binary.file && binary.file->elf().has_debug_info()) return binary.file.get();
  std::call_once(debug_once_, [this, &binary] {
    if (is_vdso) return;
    FoundDebug debug = find_debug(context_, *this, binary.file.get());
    separate_debug_ = std::move(debug.file);
    add_notes(std::move(debug.notes));
  });
  return separate_debug_.get();
}

const elf::File* FileModule::debug() const {
  const OpenedFile* file = debug_file();
  return file == nullptr ? nullptr : &file->elf();
}

std::string FileModule::debug_path() const {
  const OpenedFile* file = debug_file();
  return file == nullptr ? "" : file->path();
}

const OpenedFile* FileModule::alt_file() const {
  const OpenedFile* debug = debug_file();
  if (debug == nullptr) return nullptr;
  std::call_once(alt_once_, [this, debug] {
    FoundDebug alt = find_alt(context_, *debug);
    alt_ = std::move(alt.file);
    add_notes(std::move(alt.notes));
  });
  return alt_.get();
}

const elf::File* FileModule::alt_debug() const {
  const OpenedFile* file = alt_file();
  return file == nullptr ? nullptr : &file->elf();
}

std::string FileModule::alt_debug_path() const {
  const OpenedFile* file = alt_file();
  return file == nullptr ? "" : file->path();
}

const elf::File* FileModule::mini_debug() const {
  const FoundBinary& binary = found();
  std::call_once(mini_once_, [this, &binary] {
    const auto packed = binary.file ? binary.file->elf().gnu_debugdata() : std::nullopt;
    if (!packed) return;
    auto bytes = codec::decompress(codec::Codec::kXz, *packed, kMaxMiniDebug);
    if (!bytes.ok()) {
      add_notes(
          {{fmt::format("{}: .gnu_debugdata: {}", binary.path, bytes.error().message()), ""}});
      return;
    }
    auto file = OpenedFile::adopt(std::move(*bytes), binary.path + " (.gnu_debugdata)");
    if (file.ok()) mini_ = std::move(*file);
  });
  return mini_ ? &mini_->elf() : nullptr;
}

const breakpad::SymbolFile* FileModule::breakpad_symbols() const {
  const FoundBinary& binary = found();
  std::call_once(symbols_once_, [this, &binary] {
    FoundSymbols symbols = find_symbols(context_, *this, binary.file.get());
    symbols_ = std::move(symbols.file);
    add_notes(std::move(symbols.notes));
  });
  return symbols_.get();
}

void FileModule::add_notes(std::vector<Note> notes) const {
  const std::lock_guard lock(notes_mutex_);
  for (Note& note : notes) notes_.push_back(std::move(note));
}

const std::vector<Note>& FileModule::notes() const { return notes_; }

}  // namespace inquest::process
