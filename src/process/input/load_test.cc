// The door itself: files, packed files, pipes, and what is no file.
#include "process/input/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "platform/os/directories.h"
#include "platform/os/file.h"
#include "process/input/reject.h"
#include "testing/core_builder.h"

namespace inquest::process {
namespace {

using inquest::testing::CoreBuilder;
using ::testing::HasSubstr;

constexpr uint64_t kData = 0x10000;

class LoadTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = os::TempDirectory::create();
    ASSERT_TRUE(made.ok());
    directory_.emplace(std::move(*made));
    CoreBuilder builder;
    builder.add_thread({.tid = 5, .pc = kData, .current_signal = 11});
    builder.add_memory(kData, 0x100000, 6, Bytes(0x100000, 0x5a));
    core_ = builder.build();
    path_ = write("core", core_);
  }

  std::string write(const std::string& name, const Bytes& bytes) {
    const std::string path = directory_->file(name);
    EXPECT_TRUE(os::write_file_atomic(path, bytes).ok());
    return path;
  }

  static void expect_whole(const Result<ProcessImage>& image) {
    ASSERT_TRUE(image.ok()) << image.error().message();
    EXPECT_EQ(image->threads.at(0).tid, 5);
    EXPECT_EQ(image->memory->load<uint8_t>(Address(kData + 0xfffff)), 0x5a);
  }

  std::optional<os::TempDirectory> directory_;
  Bytes core_;
  std::string path_;
};

TEST_F(LoadTest, ReadsAPlainFile) {
  const auto image = load(path_);
  expect_whole(image);
  EXPECT_EQ(image->source, path_);
}

TEST_F(LoadTest, KeepsMemoryReadableAfterTheImageMoves) {
  auto image = load(path_);
  ASSERT_TRUE(image.ok());
  const auto moved = std::make_unique<ProcessImage>(std::move(*image));
  EXPECT_EQ(moved->memory->load<uint8_t>(Address(kData)), 0x5a);
}

TEST_F(LoadTest, UnpacksEveryFormat) {
  for (const char* tool : {"gzip", "xz", "zstd -q", "lz4 -q"}) {
    const std::string packed = path_ + ".packed";
    const std::string command =
        std::string(tool) + " -c " + path_ + " > " + packed + " 2>/dev/null";
    if (std::system(command.c_str()) != 0) continue;  // NOLINT: fixed text
    SCOPED_TRACE(tool);
    expect_whole(load(packed));
  }
}

TEST_F(LoadTest, UsesWhatATruncatedPackedFileStillHolds) {
  const std::string packed = path_ + ".gz";
  ASSERT_EQ(std::system(("gzip -1 -c " + path_ + " > " + packed).c_str()), 0);  // NOLINT
  std::filesystem::resize_file(packed, std::filesystem::file_size(packed) * 3 / 4);
  const auto image = load(packed);
  ASSERT_TRUE(image.ok()) << image.error().message();
  ASSERT_GE(image->notes.size(), 2u);
  EXPECT_THAT(image->notes[0].text, HasSubstr("compressed file is cut short"));
  EXPECT_EQ(image->notes[1].advice, "") << "no core size limit did this";
  EXPECT_EQ(image->memory->why_missing(Address(kData + 0xfffff)), Missing::kTruncated);
}

TEST_F(LoadTest, ReadsAPipe) {
  const std::string fifo = directory_->file("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  std::thread writer([&] {
    std::ofstream out(fifo, std::ios::binary);
    out.write(reinterpret_cast<const char*>(core_.data()),
              static_cast<std::streamsize>(core_.size()));
  });
  expect_whole(load(fifo));
  writer.join();
}

TEST_F(LoadTest, RefusesMoreThanItMayUnpack) {
  const std::string packed = path_ + ".gz";
  ASSERT_EQ(std::system(("gzip -c " + path_ + " > " + packed).c_str()), 0);  // NOLINT
  LoadOptions options;
  options.max_unpacked_size = 64 << 10;
  const auto image = load(packed, options);
  ASSERT_TRUE(image.ok()) << "the first 64 KiB hold the thread";
  EXPECT_THAT(image->notes[0].text, HasSubstr("over the size limit"));
}

TEST_F(LoadTest, ExplainsWhatCannotBeOpened) {
  EXPECT_EQ(load(directory_->file("nothing")).error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(load(directory_->path()).error().message(), HasSubstr("a directory"));
  EXPECT_THAT(load(write("empty", {})).error().message(), HasSubstr("empty"));
  EXPECT_THAT(load("/proc/self/exe").error().message(), HasSubstr("--exe"));
  if (::geteuid() != 0) {
    std::filesystem::permissions(path_, std::filesystem::perms::none);
    EXPECT_THAT(load(path_).error().message(), HasSubstr("owner"));
  }
}

TEST_F(LoadTest, TouchesLittleOfASparseCoreOfTwentyGiB) {
  CoreBuilder builder;
  constexpr uint64_t kSize = uint64_t{20} << 30;
  builder.add_thread({.tid = 5, .pc = kData});
  builder.add_raw_load(kData, kSize, 4096, kSize);
  const std::string path = write("sparse", builder.build());
  ASSERT_EQ(::truncate(path.c_str(), static_cast<off_t>(kSize + 4096)), 0);
  struct rusage before = {}, after = {};
  ::getrusage(RUSAGE_SELF, &before);
  const auto image = load(path);
  ASSERT_TRUE(image.ok());
  EXPECT_TRUE(image->notes.size() <= 1) << image->notes[0].text;
  EXPECT_EQ(image->memory->load<uint64_t>(Address(kData + kSize - 8)), 0u);
  ::getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_minflt - before.ru_minflt, 200);
}

// A real one, by the kernel of this machine, when it lets us.
TEST_F(LoadTest, ReadsACoreOfThisKernel) {
  std::ifstream pattern("/proc/sys/kernel/core_pattern");
  std::string name;
  std::getline(pattern, name);
  if (name.empty() || name[0] == '|' || name[0] == '/') {
    GTEST_SKIP() << "core_pattern is \"" << name << "\": no core lands in our directory";
  }
  const pid_t child = ::fork();
  if (child == 0) {
    const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_CORE, &unlimited) != 0 || ::chdir(directory_->path().c_str()) != 0) {
      ::_exit(9);
    }
    std::filesystem::remove("core");
    ::signal(SIGSEGV, SIG_DFL);
    volatile uintptr_t nowhere = 0x18;
    *reinterpret_cast<volatile int*>(nowhere) = 1;
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFSIGNALED(status) || !WCOREDUMP(status)) GTEST_SKIP() << "no core was written";
  for (const auto& entry : std::filesystem::directory_iterator(directory_->path())) {
    if (!entry.path().filename().string().starts_with("core")) continue;
    const auto image = load(entry.path());
    ASSERT_TRUE(image.ok()) << image.error().message();
    EXPECT_EQ(image->producer, Producer::kKernel);
    EXPECT_EQ(image->pid, child);
    EXPECT_EQ(image->signal.number, SIGSEGV);
    EXPECT_EQ(image->signal.address, Address(0x18));
    EXPECT_EQ(image->executable, std::filesystem::read_symlink("/proc/self/exe"));
    const Mapping* stack = image->mapping_at(*image->threads[0].registers.sp());
    ASSERT_NE(stack, nullptr);
    EXPECT_EQ(stack->path, "[stack]");
    EXPECT_TRUE(image->memory->load<uint64_t>(*image->threads[0].registers.sp()));
  }
}

ByteView view_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};  // NOLINT
}

TEST(Sniff, ALogOfWindowsIsText) {
  EXPECT_TRUE(
      is_text(view_of(std::string("\xff\xfe"
                                  "a\0b\0\n\0",
                                  8))));
  EXPECT_TRUE(
      is_text(view_of(std::string("\xfe\xff"
                                  "\0a\0b\0\n",
                                  8))));
  EXPECT_FALSE(
      is_text(view_of(std::string("\xff\xfe"
                                  "\1\2\3\4\5\6",
                                  8))));
}

TEST(Sniff, MagicOfHighBytesIsRecognised) {
  const std::string macho = "\xcf\xfa\xed\xfe" + std::string(60, '\1');
  EXPECT_FALSE(is_text(view_of(macho)));
  const auto error = reject_input(view_of(macho), macho.size());
  ASSERT_TRUE(error);
  EXPECT_THAT(error->message(), HasSubstr("Mach-O"));
}

}  // namespace
}  // namespace inquest::process
