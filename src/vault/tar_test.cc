#include "vault/tar.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "platform/os/directories.h"
#include "platform/os/fd.h"

namespace inquest::vault {
namespace {

using testing::HasSubstr;

ByteView view(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// Remembers what was read.
class Collector final : public TarVisitor {
 public:
  Status begin(const std::string& name, uint64_t size) override {
    name_ = name;
    sizes[name] = size;
    files[name].clear();
    return {};
  }
  Status data(ByteView bytes) override {
    files[name_].append(bytes.begin(), bytes.end());
    return {};
  }
  Status hole(uint64_t size) override {
    holes += size;
    if (size < (1 << 20)) files[name_].append(size, '\0');
    return {};
  }
  Status end() override { return {}; }

  std::map<std::string, std::string> files;
  std::map<std::string, uint64_t> sizes;
  uint64_t holes = 0;

 private:
  std::string name_;
};

struct Archive {
  Bytes bytes;
  TarWriter writer{[this](ByteView more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return Status();
  }};
};

Status read(const Bytes& bytes, TarVisitor& visitor, size_t step = 1 << 20,
            const TarLimits& limits = {}) {
  TarReader reader(visitor, limits);
  for (size_t i = 0; i < bytes.size(); i += step) {
    INQ_TRY_STATUS(reader.feed(ByteView(bytes).subspan(i, std::min(step, bytes.size() - i))));
  }
  return reader.finish();
}

// One file whose header was changed at `at`, its checksum mended.
Bytes with_header(size_t at, std::string_view text) {
  Archive archive;
  EXPECT_TRUE(archive.writer.add("folder/name", view("content"), 0).ok());
  EXPECT_TRUE(archive.writer.finish().ok());
  std::copy(text.begin(), text.end(), archive.bytes.begin() + static_cast<std::ptrdiff_t>(at));
  std::fill_n(archive.bytes.begin() + 148, 8, ' ');
  unsigned sum = 0;
  for (size_t i = 0; i < kTarBlock; ++i) sum += archive.bytes[i];
  char digits[8];
  std::snprintf(digits, sizeof(digits), "%06o", sum);
  std::copy_n(digits, 7, archive.bytes.begin() + 148);
  return archive.bytes;
}

std::string problem(const Bytes& bytes, const TarLimits& limits = {}) {
  Collector collector;
  const Status status = read(bytes, collector, 1 << 20, limits);
  return status.ok() ? "" : status.error().message();
}

TEST(Tar, WhatIsWrittenIsReadWhateverThePieces) {
  Archive archive;
  const std::string long_name = "a/" + std::string(200, 'n');
  const std::string big(100'000, 'x');
  ASSERT_TRUE(archive.writer.add("a/empty", {}, 1).ok());
  ASSERT_TRUE(archive.writer.add(long_name, view("long"), 1).ok());
  ASSERT_TRUE(archive.writer.add("a/big", view(big), 1).ok());
  ASSERT_TRUE(archive.writer.finish().ok());
  for (const size_t step : {size_t{1}, size_t{511}, size_t{512}, size_t{5000}, size_t{1} << 20}) {
    Collector collector;
    ASSERT_TRUE(read(archive.bytes, collector, step).ok());
    EXPECT_EQ(collector.files.size(), 3U);
    EXPECT_EQ(collector.files["a/empty"], "");
    EXPECT_EQ(collector.files[long_name], "long");
    EXPECT_EQ(collector.files["a/big"], big);
  }
}

TEST(Tar, HolesStayHoles) {
  const auto directory = *os::TempDirectory::create();
  const os::Fd fd = *os::create_file(directory.file("sparse"));
  ASSERT_EQ(::pwrite(fd.get(), "one", 3, 4096 * 3), 3);
  ASSERT_EQ(::pwrite(fd.get(), "two", 3, 4096 * 100), 3);
  ASSERT_EQ(::ftruncate(fd.get(), int64_t{1} << 40), 0);
  Archive archive;
  ASSERT_TRUE(archive.writer.add_file("a/core", fd.get(), 1).ok());
  ASSERT_TRUE(archive.writer.finish().ok());
  EXPECT_LT(archive.bytes.size(), 20'000U);
  Collector collector;
  ASSERT_TRUE(read(archive.bytes, collector, 1000).ok());
  EXPECT_EQ(collector.sizes["a/core"], uint64_t{1} << 40);
  EXPECT_EQ(collector.files["a/core"].substr(4096 * 3, 3), "one");
  EXPECT_EQ(collector.files["a/core"].substr(4096 * 100, 3), "two");
}

TEST(Tar, NamesThatLeadElsewhereAreRefused) {
  for (const char* name :
       {"/etc/passwd\0", "../up\0", "a/../../b\0", "a//b\0", "a/.\0", "./a\0", "a/\xff\0"}) {
    EXPECT_THAT(problem(with_header(0, std::string_view(name, std::strlen(name) + 1))),
                HasSubstr("may lead elsewhere"))
        << name;
  }
  EXPECT_THAT(problem(with_header(345, "/etc")), HasSubstr("may lead elsewhere"));
}

TEST(Tar, NamesInPaxHeadersAreHeldAgainstTheSameRules) {
  for (const std::string name : {"../up", "/abs"}) {
    Archive archive;
    ASSERT_TRUE(archive.writer.add(name + std::string(200, 'x') + "/..", view("x"), 0).ok());
    ASSERT_TRUE(archive.writer.finish().ok());
    EXPECT_THAT(problem(archive.bytes), HasSubstr("may lead elsewhere"));
  }
}

TEST(Tar, LinksAndDevicesAreRefused) {
  for (const char* type : {"1", "2", "3", "4", "6", "K", "S", "g"}) {
    EXPECT_THAT(problem(with_header(156, type)), HasSubstr("something else than files")) << type;
  }
}

TEST(Tar, SizesThatCannotBeAreRefused) {
  EXPECT_THAT(problem(with_header(124, "77777777777")), HasSubstr("ends too early"));
  EXPECT_THAT(problem(with_header(124, "\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")),
              HasSubstr("without a size"));
  EXPECT_THAT(problem(with_header(124, "999")), HasSubstr("without a size"));
  EXPECT_THAT(problem(with_header(0, "other"), {.max_size = 3}), HasSubstr("too large"));
}

TEST(Tar, TooManyEntriesAreRefused) {
  Archive archive;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(archive.writer.add("a/" + std::to_string(i), {}, 0).ok());
  }
  ASSERT_TRUE(archive.writer.finish().ok());
  EXPECT_EQ(problem(archive.bytes, {.max_entries = 5}), "");
  EXPECT_THAT(problem(archive.bytes, {.max_entries = 4}), HasSubstr("too many entries"));
}

TEST(Tar, ACutOrDamagedArchiveIsAnError) {
  Archive archive;
  ASSERT_TRUE(archive.writer.add("a/b", view("content"), 0).ok());
  EXPECT_THAT(problem(archive.bytes), HasSubstr("ends too early"));
  archive.bytes[3] ^= 1;
  EXPECT_THAT(problem(archive.bytes), HasSubstr("damaged"));
}

// A file with holes: pax header, then a map, then data.
Bytes sparse(const std::string& map, uint64_t real_size, const std::string& data) {
  const auto record = [](const std::string& text) {
    return std::to_string(text.size() + 4) + " " + text + "\n";
  };
  std::string pax = record("GNU.sparse.major=1") + record("GNU.sparse.name=a/core") +
                    record("GNU.sparse.realsize=" + std::to_string(real_size));
  std::string body = map;
  body.resize((body.size() + kTarBlock - 1) / kTarBlock * kTarBlock);
  body += data;
  Archive archive;
  EXPECT_TRUE(archive.writer.add("x", view(pax), 0).ok());
  archive.bytes[156] = 'x';
  const size_t second = archive.bytes.size();
  EXPECT_TRUE(archive.writer.add("y", view(body), 0).ok());
  EXPECT_TRUE(archive.writer.finish().ok());
  std::fill_n(archive.bytes.begin() + 148, 8, ' ');
  unsigned sum = 0;
  for (size_t i = 0; i < kTarBlock; ++i) sum += archive.bytes[i];
  char digits[8];
  std::snprintf(digits, sizeof(digits), "%06o", sum);
  std::copy_n(digits, 7, archive.bytes.begin() + 148);
  EXPECT_GT(archive.bytes.size(), second);
  return archive.bytes;
}

TEST(Tar, MapsThatContradictThemselvesAreRefused) {
  Collector good;
  ASSERT_TRUE(read(sparse("2\n0\n3\n10\n2\n", 20, "abcde"), good).ok());
  EXPECT_EQ(good.files["a/core"],
            std::string("abc") + std::string(7, '\0') + "de" + std::string(8, '\0'));
  EXPECT_THAT(problem(sparse("2\n0\n3\n2\n2\n", 20, "abcde")), HasSubstr("overlap"));
  EXPECT_THAT(problem(sparse("1\n18\n5\n", 20, "abcde")), HasSubstr("outside"));
  EXPECT_THAT(problem(sparse("1\n0\n4\n", 20, "abcde")), HasSubstr("more or less"));
  EXPECT_THAT(problem(sparse("1\n0\nx\n", 20, "abcde")), HasSubstr("cannot be read"));
  EXPECT_THAT(problem(sparse("99999999999\n", 20, "abcde")), HasSubstr("too many parts"));
  EXPECT_THAT(problem(sparse("9\n", 20, "abcde")), HasSubstr("cannot be read"));
}

}  // namespace
}  // namespace inquest::vault
