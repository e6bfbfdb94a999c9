#include "process/symbols/variables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/symbols/crashed_program.h"

namespace inquest::process {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

const BuildSpec kGccC{"gcc-12", "-O0 -g", ".c"};
const BuildSpec kGccCxx{"g++-12", "-O0 -g -std=c++20", ".cc"};
const BuildSpec kLibcxx{"clang++-19", "-O0 -g -std=c++20 -stdlib=libc++ -fstandalone-debug", ".cc"};
const BuildSpec kRust{"rustc", "-C debuginfo=2 -C opt-level=0", ".rs"};

#define RUN_OR_SKIP(program, source, build)                                       \
  if (!has_compiler((build).compiler)) GTEST_SKIP() << "no " << (build).compiler; \
  std::string why_not_run;                                                        \
  const auto program = CrashedProgram::run(source, build, &why_not_run);          \
  ASSERT_NE(program, nullptr) << why_not_run

constexpr char kPlainC[] = R"(
#include <stdlib.h>
#include <string.h>
enum colour { RED, GREEN, BLUE = 7 };
enum access { READ = 1, WRITE = 2, EXECUTE = 4 };
struct point { int x, y; };
struct flags { unsigned low : 3; unsigned high : 5; int sign : 4; enum colour shade : 4; };
union word { int number; unsigned char bytes[4]; };
struct order { char symbol[8]; long quantity; struct point at; struct order* next; };
static int twice(int n) { return n + n; }
void die(int count, unsigned char small, const char* text, double ratio, float half) {
  long negative = -5;
  _Bool yes = 1;
  char letter = 'q', tab = '\t';
  enum colour colour = BLUE;
  enum access access = READ | EXECUTE;
  enum access odd = 64;
  struct flags flags = {5, 17, -3, GREEN};
  union word word = {0x01020304};
  int grid[2][3] = {{1, 2, 3}, {4, 5, 6}};
  int many[40] = {1, 2, 3};
  struct order second = {"MSFT", 9, {3, 4}, NULL};
  struct order first = {"SAP", 7, {1, -2}, &second};
  struct order* pointer = &first;
  int (*function)(int) = twice;
  int* null = NULL;
  int* wild = (int*)0x4141414141;
  void* opaque = &first;
  long double wide = 1.5L;
  __int128 huge = ((__int128)1 << 64) + 2;
  *null = count + small + text[0] + ratio + half + negative + yes + letter + tab + colour + access + odd +
          flags.low + word.number + grid[0][0] + many[0] + pointer->quantity + function(1) + *wild +
          (opaque != 0) + (int)wide + (int)huge;
}
int main(void) { die(3, 200, "a \"quoted\"\ntext", 0.1, 0.5f); return 0; }
)";

TEST(Variables, OfPlainCTypesAreShownAsInSource) {
  RUN_OR_SKIP(program, kPlainC, kGccC);
  EXPECT_EQ(program->value("count"), "3");
  EXPECT_EQ(program->value("small"), "200");
  EXPECT_THAT(program->value("text"),
              MatchesRegex("0x[0-9a-f]+ \"a \\\\\"quoted\\\\\"\\\\ntext\""));
  EXPECT_EQ(program->value("ratio"), "0.1");
  EXPECT_EQ(program->value("half"), "0.5");
  EXPECT_EQ(program->value("negative"), "-5");
  EXPECT_EQ(program->value("yes"), "true");
  EXPECT_EQ(program->value("letter"), "113 'q'");
  EXPECT_EQ(program->value("tab"), "9 '\\t'");
  EXPECT_EQ(program->value("colour"), "BLUE");
  EXPECT_EQ(program->value("access"), "READ | EXECUTE");
  EXPECT_EQ(program->value("odd"), "64 (no enumerator)");
  EXPECT_EQ(program->value("flags"), "{low = 5, high = 17, sign = -3, shade = GREEN}");
  EXPECT_EQ(program->value("word"), "{number = 16909060, bytes = {4, 3, 2, 1}}");
  EXPECT_EQ(program->value("grid"), "{{1, 2, 3}, {4, 5, 6}}");
  EXPECT_EQ(program->value("many"), "{1, 2, 3, 0, 0, 0, 0, 0, 0, 0, … 30 more}");
  EXPECT_THAT(program->value("first"),
              MatchesRegex("\\{symbol = \"SAP\", quantity = 7, at = \\{x = 1, y = -2\\}, "
                           "next = 0x[0-9a-f]+ → \\{symbol = \"MSFT\", .*next = 0x0\\}\\}"));
  EXPECT_THAT(program->value("pointer"),
              MatchesRegex("0x[0-9a-f]+ → \\{symbol = \"SAP\", .*next = 0x[0-9a-f]+\\}"));
  EXPECT_THAT(program->value("function"), MatchesRegex("0x[0-9a-f]+ → twice"));
  EXPECT_EQ(program->value("null"), "0x0");
  EXPECT_EQ(program->value("wild"), "0x4141414141 (not mapped)");
  EXPECT_THAT(program->value("opaque"), MatchesRegex("0x[0-9a-f]+"));
  EXPECT_EQ(program->value("wide"), "1.5");
  EXPECT_EQ(program->value("huge"), "18446744073709551618");
}

TEST(Variables, SayWhichFunctionTheyBelongToAndWhetherTheyAreArguments) {
  RUN_OR_SKIP(program, kPlainC, kGccC);
  const Variable count = program->variable("count");
  EXPECT_TRUE(count.is_argument);
  EXPECT_EQ(count.function, "die");
  EXPECT_EQ(count.type, "int");
  EXPECT_EQ(count.value.scalar, 3u);
  const Variable pointer = program->variable("pointer");
  EXPECT_FALSE(pointer.is_argument);
  EXPECT_TRUE(pointer.is_pointer);
  EXPECT_EQ(pointer.type, "struct order*");
}

constexpr char kContainers[] = R"(
#include <array>
#include <atomic>
#include <deque>
#include <forward_list>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>
namespace shop {
struct Base { int id = 4; virtual ~Base() = default; };
struct Order : Base { std::string name = "apple"; Order* next = nullptr; };
}
int free_function(int n) { return n; }
enum class Side : unsigned char { kBuy, kSell };
int main() {
  std::string small = "short", large(60, 'x'), none;
  std::string_view view = small;
  std::vector<int> numbers{1, 2, 3}, nothing;
  std::vector<std::string> words{"a", "bc"};
  std::vector<bool> bits{true, false, true};
  std::array<int, 3> fixed{7, 8, 9};
  std::map<std::string, int> prices{{"a", 1}, {"b", 2}, {"c", 3}};
  std::set<int> ids{5, 3, 4};
  std::multimap<int, int> multi{{1, 2}, {1, 3}};
  std::unordered_map<int, double> rates{{7, 0.5}};
  std::unordered_map<std::string, int> stock{{"pear", 4}};
  std::unordered_set<int> seen{9};
  std::list<int> chain{1, 2, 3};
  std::forward_list<int> forward{4, 5};
  std::deque<int> queue;
  for (int i = 0; i < 300; ++i) queue.push_back(i);
  for (int i = 0; i < 290; ++i) queue.pop_front();
  std::queue<int> fifo({1, 2});
  std::optional<int> some = 5, empty;
  std::variant<int, std::string, double> either = std::string("text"), number = 2.5;
  std::pair<int, std::string> pair{1, "one"};
  std::tuple<int, std::string, double> tuple{1, "two", 3.5};
  auto owner = std::make_unique<shop::Order>();
  std::unique_ptr<int> nobody;
  auto shared = std::make_shared<int>(42);
  auto second = shared;
  std::weak_ptr<int> weak = shared, expired = std::make_shared<int>(1);
  std::function<int(int)> callback = free_function, no_callback;
  std::atomic<int> counter = 12;
  std::span<int> span = numbers;
  Side side = Side::kSell;
  shop::Order order;
  shop::Order& reference = order;
  std::vector<int> corrupt;
  ((void**)&corrupt)[0] = (void*)0x1000, ((void**)&corrupt)[1] = (void*)0x656d6f682f3d4c4c;
  std::vector<int> backwards;
  ((void**)&backwards)[0] = (void*)0x2000, ((void**)&backwards)[1] = (void*)0x1000;
  std::string corrupt_text;
  ((unsigned long*)&corrupt_text)[1] = 7310868735958054771ul;
  std::list<int> cycle{1, 2};
  int marker = 1;
  *(volatile int*)0 = marker + side_effect_free(side);
}
)";

std::string container_source() {
  std::string source = kContainers;
  const std::string call = "side_effect_free(side)";
  return source.replace(source.find(call), call.size(), "static_cast<int>(side)");
}

void expect_common_containers(CrashedProgram& program) {
  EXPECT_EQ(program.value("small"), "\"short\"");
  EXPECT_EQ(program.value("large"), "\"" + std::string(60, 'x') + "\"");
  EXPECT_EQ(program.value("none"), "\"\"");
  EXPECT_EQ(program.value("view"), "\"short\"");
  EXPECT_EQ(program.value("numbers"), "std::vector of length 3 = {1, 2, 3}");
  EXPECT_EQ(program.value("nothing"), "std::vector of length 0 = {}");
  EXPECT_EQ(program.value("words"), "std::vector of length 2 = {\"a\", \"bc\"}");
  EXPECT_EQ(program.value("bits"), "std::vector of length 3 = {true, false, true}");
  EXPECT_EQ(program.value("fixed"), "{7, 8, 9}");
  EXPECT_EQ(program.value("prices"), "std::map of length 3 = {\"a\": 1, \"b\": 2, \"c\": 3}");
  EXPECT_EQ(program.value("ids"), "std::set of length 3 = {3, 4, 5}");
  EXPECT_EQ(program.value("multi"), "std::multimap of length 2 = {1: 2, 1: 3}");
  EXPECT_EQ(program.value("rates"), "std::unordered_map of length 1 = {7: 0.5}");
  EXPECT_EQ(program.value("stock"), "std::unordered_map of length 1 = {\"pear\": 4}");
  EXPECT_EQ(program.value("seen"), "std::unordered_set of length 1 = {9}");
  EXPECT_EQ(program.value("chain"), "std::list of length 3 = {1, 2, 3}");
  EXPECT_EQ(program.value("forward"), "std::forward_list {4, 5}");
  EXPECT_EQ(program.value("queue"),
            "std::deque of length 10 = {290, 291, 292, 293, 294, 295, 296, 297, 298, 299}");
  EXPECT_EQ(program.value("fifo"), "std::deque of length 2 = {1, 2}");
  EXPECT_EQ(program.value("some"), "std::optional = 5");
  EXPECT_EQ(program.value("empty"), "std::nullopt");
  EXPECT_THAT(program.value("either"), HasSubstr("\"text\""));
  EXPECT_EQ(program.value("number"), "std::variant [double] 2.5");
  EXPECT_EQ(program.value("pair"), "{1, \"one\"}");
  EXPECT_EQ(program.value("tuple"), "{1, \"two\", 3.5}");
  EXPECT_THAT(
      program.value("owner"),
      MatchesRegex(
          "std::unique_ptr 0x[0-9a-f]+ → \\{\\{id = 4\\}, name = \"apple\", next = 0x0\\}"));
  EXPECT_EQ(program.value("nobody"), "std::unique_ptr 0x0");
  EXPECT_THAT(program.value("shared"),
              MatchesRegex("std::shared_ptr 0x[0-9a-f]+ → 42 \\(use count 2, weak count 1\\)"));
  EXPECT_THAT(program.value("weak"), HasSubstr("(use count 2, weak count 1)"));
  EXPECT_THAT(program.value("expired"), HasSubstr("expired"));
  EXPECT_THAT(program.value("callback"), StartsWith("std::function → "));
  EXPECT_EQ(program.value("no_callback"), "std::function (empty)");
  EXPECT_EQ(program.value("counter"), "12");
  EXPECT_EQ(program.value("span"), "std::span of length 3 = {1, 2, 3}");
  EXPECT_EQ(program.value("side"), "kSell");
  EXPECT_THAT(program.value("reference"), MatchesRegex("0x[0-9a-f]+ → \\{\\{id = 4\\}.*"));
}

TEST(Variables, OfLibstdcxxTypesAreShownByContent) {
  RUN_OR_SKIP(program, container_source(), kGccCxx);
  expect_common_containers(*program);
}

TEST(Variables, OfLibcxxTypesAreShownByContent) {
  RUN_OR_SKIP(program, container_source(), kLibcxx);
  expect_common_containers(*program);
}

TEST(Variables, CorruptContainersAreSaidToBeAndNotWalked) {
  RUN_OR_SKIP(program, container_source(), kGccCxx);
  EXPECT_THAT(program->value("corrupt"), HasSubstr("corrupt or uninitialised"));
  EXPECT_THAT(program->value("backwards"), HasSubstr("lies before its start"));
  EXPECT_THAT(program->value("corrupt_text"), HasSubstr("size 7310868735958054771"));
}

TEST(Variables, TextNeverGrowsBeyondItsLimit) {
  RUN_OR_SKIP(program, container_source(), kGccCxx);
  ValueOptions options;
  options.max_text = 30;
  options.max_elements = 2;
  EXPECT_EQ(program->value("numbers", options), "std::vector of length 3 = {1, …");
  options.max_text = 2000;
  EXPECT_EQ(program->value("numbers", options), "std::vector of length 3 = {1, 2, … 1 more}");
}

constexpr char kRustProgram[] = R"(
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
#[allow(dead_code)]
enum Shape { Circle(f64), Square { side: u32 }, Empty }
struct Point { x: i32, y: i32 }
fn main() {
    let text = String::from("hello");
    let slice: &str = &text[1..3];
    let numbers = vec![1u32, 2, 3];
    let part: &[u32] = &numbers[1..];
    let some: Option<u32> = Some(5);
    let none: Option<u32> = None;
    let boxed = Box::new(Point { x: 1, y: 2 });
    let maybe: Option<Box<Point>> = None;
    let present: Option<Box<Point>> = Some(Box::new(Point { x: 3, y: 4 }));
    let good: Result<u32, String> = Ok(7);
    let bad: Result<u32, String> = Err(String::from("no"));
    let counted = Rc::new(9);
    let also = counted.clone();
    let shared = Arc::new(String::from("arc"));
    let circle = Shape::Circle(1.5);
    let square = Shape::Square { side: 4 };
    let nothing = Shape::Empty;
    let map: HashMap<u32, u32> = HashMap::new();
    let letter = 'z';
    let flag = true;
    unsafe { std::ptr::null_mut::<u32>().write_volatile(1) };
    println!("{}{}{:?}{:?}{:?}{:?}{}{}{}{}{}{}{}{}{}{}{}", text, slice, numbers, part, some, none, boxed.x + boxed.y,
        maybe.is_some(), present.is_some(), good.is_ok(), bad.is_ok(), counted, also, shared, map.len(), letter, flag);
    for shape in [circle, square, nothing] { match shape { Shape::Circle(r) => println!("{}", r), Shape::Square { side } => println!("{}", side), Shape::Empty => {} } }
}
)";

TEST(Variables, OfRustTypesAreShownByContent) {
  RUN_OR_SKIP(program, kRustProgram, kRust);
  EXPECT_EQ(program->value("text"), "\"hello\"");
  EXPECT_EQ(program->value("slice"), "\"el\"");
  EXPECT_EQ(program->value("numbers"), "alloc::vec::Vec of length 3 = {1, 2, 3}");
  EXPECT_THAT(program->value("part"), HasSubstr("of length 2 = {2, 3}"));
  EXPECT_EQ(program->value("some"), "Some(5)");
  EXPECT_EQ(program->value("none"), "None");
  EXPECT_THAT(program->value("boxed"), MatchesRegex("0x[0-9a-f]+ → \\{x = 1, y = 2\\}"));
  EXPECT_EQ(program->value("maybe"), "None");
  EXPECT_THAT(program->value("present"),
              MatchesRegex("Some\\(0x[0-9a-f]+ → \\{x = 3, y = 4\\}\\)"));
  EXPECT_EQ(program->value("good"), "Ok(7)");
  EXPECT_EQ(program->value("bad"), "Err(\"no\")");
  EXPECT_EQ(program->value("counted"), "alloc::rc::Rc(9) (strong 2, weak 0)");
  EXPECT_EQ(program->value("shared"), "alloc::sync::Arc(\"arc\") (strong 1, weak 0)");
  EXPECT_EQ(program->value("circle"), "Circle(1.5)");
  EXPECT_EQ(program->value("square"), "Square {side: 4}");
  EXPECT_EQ(program->value("nothing"), "Empty");
  EXPECT_THAT(program->value("letter"), HasSubstr("z"));
  EXPECT_EQ(program->value("flag"), "true");
}

TEST(Variables, KeptInFloatingPointRegistersAreRead) {
  RUN_OR_SKIP(program, R"(
    volatile double sink;
    __attribute__((noipa)) void use(double price, volatile int* where) { *where = 1; sink = price; }
    int main(void) { use(2.75, (int*)8); return 0; })",
              (BuildSpec{"gcc-12", "-O2 -g", ".c"}));
  EXPECT_EQ(program->value("price"), "2.75");
  EXPECT_THAT(program->value("where"), StartsWith("0x8"));
}

}  // namespace
}  // namespace inquest::process
