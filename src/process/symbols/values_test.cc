// Values that optimised code and Rust's library types keep in odd places.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/symbols/crashed_program.h"

namespace inquest::process {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

const BuildSpec kGcc{"gcc-12", "-O0 -g", ".c"};
const BuildSpec kGccOptimised{"gcc-12", "-O2 -g", ".c"};
const BuildSpec kGccCxx{"g++-12", "-O0 -g -std=c++20", ".cc"};

#define RUN_OR_SKIP(program, source, build)                                       \
  if (!has_compiler((build).compiler)) GTEST_SKIP() << "no " << (build).compiler; \
  std::string why_not_run;                                                        \
  const auto program = CrashedProgram::run(source, build, &why_not_run);          \
  ASSERT_NE(program, nullptr) << why_not_run

constexpr char kRust[] = R"(
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, LinkedList, VecDeque};
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Mutex;
trait Speak { fn speak(&self) -> i32; }
struct Point { x: i32, y: i64 }
impl Speak for Point { fn speak(&self) -> i32 { self.x + self.y as i32 } }
#[repr(i8)] #[derive(Clone, Copy)] #[allow(dead_code)] enum Sign { Minus(u8) = -1, Plus(u16) = 1 }
fn main() {
    let wide: Option<u128> = Some(77);
    let no_wide: Option<u128> = None;
    let minus = Sign::Minus(3);
    let huge = -5i128;
    let boxed_text: Box<str> = "boxed".into();
    let shared_text: Rc<str> = "shared".into();
    let boxed_slice: Box<[i32]> = vec![7, 8].into();
    let path = std::path::PathBuf::from("/tmp/x");
    let c_string = std::ffi::CString::new("c text").unwrap();
    let weak = Rc::downgrade(&shared_text);
    let cell = Cell::new(3);
    let mutably = RefCell::new(String::from("cell"));
    let lock = Mutex::new(7);
    let object: Box<dyn Speak> = Box::new(Point { x: 3, y: 4 });
    let spoken = black_box(&object).speak();
    black_box(&spoken);
    let mut ring: VecDeque<i32> = VecDeque::with_capacity(4);
    for i in 0..4 { ring.push_back(i); }
    ring.pop_front(); ring.pop_front(); ring.push_back(9);
    let list: LinkedList<i32> = vec![1, 2].into_iter().collect();
    let hash: HashMap<String, i32> = [("k".to_string(), 1)].into();
    let hash_set: HashSet<i32> = [4].into();
    let tree: BTreeMap<i32, i32> = (0..100).map(|i| (i, i * i)).collect();
    let tree_set: BTreeSet<i32> = [3, 1].into();
    let empty: BTreeMap<i32, i32> = BTreeMap::new();
    let pair = (1, "two", 2.5);
    let letter = 'é';
    black_box((&wide, &no_wide, &minus, &huge, &boxed_text, &shared_text, &boxed_slice, &path));
    black_box((&c_string, &weak, &cell, &mutably, &lock, &object, &ring, &list));
    black_box((&hash, &hash_set, &tree, &tree_set, &empty, &pair, &letter));
    unsafe { std::ptr::without_provenance_mut::<u32>(8).write_volatile(1) };
    black_box((&wide, &no_wide, &minus, &huge, &boxed_text, &shared_text, &boxed_slice, &path));
    black_box((&c_string, &weak, &cell, &mutably, &lock, &object, &ring, &list));
    black_box((&hash, &hash_set, &tree, &tree_set, &empty, &pair, &letter));
}
)";

void expect_rust_values(CrashedProgram& program) {
  EXPECT_EQ(program.value("wide"), "Some(77)");
  EXPECT_EQ(program.value("no_wide"), "None");
  EXPECT_EQ(program.value("minus"), "Minus(3)");
  EXPECT_EQ(program.value("huge"), "-5");
  EXPECT_EQ(program.value("boxed_text"), "\"boxed\"");
  EXPECT_EQ(program.value("shared_text"), "alloc::rc::Rc(\"shared\") (strong 1, weak 1)");
  EXPECT_THAT(program.value("boxed_slice"), HasSubstr("of length 2 = {7, 8}"));
  EXPECT_EQ(program.value("path"), "\"/tmp/x\"");
  EXPECT_EQ(program.value("c_string"), "\"c text\"");
  EXPECT_THAT(program.value("weak"), HasSubstr("(\"shared\") (strong 1, weak 1)"));
  EXPECT_EQ(program.value("cell"), "3");
  EXPECT_EQ(program.value("mutably"), "RefCell(\"cell\")");
  EXPECT_EQ(program.value("lock"), "Mutex(7)");
  EXPECT_THAT(program.value("object"), MatchesRegex("0x[0-9a-f]+ → .*Point \\{x = 3, y = 4\\}"));
  EXPECT_THAT(program.value("ring"), HasSubstr("of length 3 = {2, 3, 9}"));
  EXPECT_THAT(program.value("list"), HasSubstr("of length 2 = {1, 2}"));
  EXPECT_THAT(program.value("hash"), HasSubstr("of length 1 = {\"k\": 1}"));
  EXPECT_THAT(program.value("hash_set"), HasSubstr("of length 1 = {4}"));
  EXPECT_THAT(program.value("tree"), HasSubstr("of length 100 = {0: 0, 1: 1, 2: 4, 3: 9,"));
  ValueOptions all;
  all.max_elements = 100;
  EXPECT_THAT(program.value("tree", all), HasSubstr("50: 2500, 51: 2601"));
  EXPECT_THAT(program.value("tree", all), HasSubstr("99: 9801}"));
  EXPECT_THAT(program.value("tree_set"), HasSubstr("of length 2 = {1, 3}"));
  EXPECT_THAT(program.value("empty"), HasSubstr("of length 0 = {}"));
  EXPECT_EQ(program.value("pair"), "(1, \"two\", 2.5)");
  EXPECT_EQ(program.value("letter"), "233 'é'");
}

TEST(Values, OfRustAreShownByContentInDebugBuilds) {
  RUN_OR_SKIP(program, kRust, (BuildSpec{"rustc", "-A warnings -g -C opt-level=0", ".rs"}));
  expect_rust_values(*program);
}

TEST(Values, OfRustAreShownByContentInReleaseBuilds) {
  RUN_OR_SKIP(program, kRust, (BuildSpec{"rustc", "-A warnings -g -C opt-level=3", ".rs"}));
  expect_rust_values(*program);
}

TEST(Values, OfUncommonTypesOfC) {
  RUN_OR_SKIP(program, R"(
    #include <complex.h>
    int main(int argc, char** argv) {
      double complex rotation = 1.5 + 2.0 * I;
      __int128 negative = -7;
      static volatile int counters[3] = {1, 2, 3};
      *(volatile int*)8 = argc + counters[0] + (int)creal(rotation) + (int)negative;
      return 0;
    })",
              kGcc);
  EXPECT_EQ(program->value("rotation"), "1.5 + 2i");
  EXPECT_EQ(program->value("negative"), "-7");
  EXPECT_EQ(program->value("counters"), "{1, 2, 3}");
  EXPECT_EQ(program->variable("counters").type, "volatile int[3]");
}

TEST(Values, OfUncommonTypesOfCxx) {
  RUN_OR_SKIP(program, R"(
    #include <initializer_list>
    #include <span>
    #include <string>
    struct Point { int x, y; void move() {} };
    int main(int argc, char**) {
      int Point::*member = &Point::y;
      void (Point::*method)() = &Point::move;
      void (Point::*no_method)() = nullptr;
      std::nullptr_t null = nullptr;
      std::wstring wide = L"gr\u00fc\u00df";
      std::u16string utf16 = u"\U0001f600 sixteen";
      int numbers[3] = {4, 5, 6};
      std::span<int, 3> fixed(numbers);
      std::initializer_list<int> list = {1, 2};
      *(volatile int*)8 = argc;
      (void)member; (void)method; (void)no_method; (void)null;
    })",
              kGccCxx);
  EXPECT_EQ(program->value("member"), "the member at offset 4");
  EXPECT_THAT(program->value("method"), MatchesRegex("0x[0-9a-f]+ → Point::move"));
  EXPECT_EQ(program->value("no_method"), "null");
  EXPECT_EQ(program->value("null"), "nullptr");
  EXPECT_EQ(program->value("wide"), "\"grüß\"");
  EXPECT_EQ(program->value("utf16"), "\"😀 sixteen\"");
  EXPECT_EQ(program->value("fixed"), "std::span of length 3 = {4, 5, 6}");
  EXPECT_EQ(program->value("list"), "std::initializer_list of length 2 = {1, 2}");
}

TEST(Values, ThatPointersWithoutAnAddressPointAtAreShown) {
  RUN_OR_SKIP(program, R"(
    struct pair { int first, second; };
    static inline int add(const struct pair* pair, volatile int* where) {
      *where = pair->first;
      return pair->second;
    }
    __attribute__((noipa)) int die(int number, volatile int* where) {
      struct pair local = {number, 7};
      return add(&local, where);
    }
    int main(void) { return die(5, (int*)8); })",
              kGccOptimised);
  EXPECT_EQ(program->value("pair"), "<no address> → {first = 5, second = 7}");
}

// `last` is entered by a jump out of `hop`: what main passed is not what `last` got.
TEST(Values, AtFunctionEntryAreNotTakenFromACallThatWentElsewhere) {
  RUN_OR_SKIP(program, R"(
    volatile int sink;
    __attribute__((noipa)) int last(int number, volatile int* where) {
      sink = number;
      asm volatile("" : : : "rdi", "rax", "rcx", "rdx", "r8");
      *where = 1;
      return 0;
    }
    __attribute__((noipa)) int hop(int number, volatile int* where) { return last(number + 100, where); }
    int (*volatile entry)(int, volatile int*) = hop;
    int main(void) { return entry(5, (int*)8) + 1; })",
              kGccOptimised);
  EXPECT_NE(program->value("number"), "5");
}

TEST(Values, AtFunctionEntryComeFromTheCallSite) {
  RUN_OR_SKIP(program, R"(
    volatile int sink;
    __attribute__((noipa)) int last(int number, volatile int* where) {
      sink = number;
      asm volatile("" : : : "rdi", "rax", "rcx", "rdx", "r8");
      *where = 1;
      return 0;
    }
    int main(void) { return last(5, (int*)8) + 1; })",
              kGccOptimised);
  EXPECT_EQ(program->value("number"), "5");
}

TEST(Values, OfThreadLocalVariablesOfTheProgram) {
  RUN_OR_SKIP(program, R"(
    int main(int argc, char** argv) {
      static __thread int own = 4;
      own += argc;
      *(volatile int*)8 = own;
      return 0;
    })",
              kGcc);
  EXPECT_EQ(program->value("own"), "5");
}

}  // namespace
}  // namespace inquest::process
