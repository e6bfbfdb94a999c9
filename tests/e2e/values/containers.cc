#include <any>
#include <array>
#include <atomic>
#include <bitset>
#include <chrono>
#include <cstdio>
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
#include <stack>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>
using namespace std::literals;
struct Point {
  int x, y;
};
struct Base {
  virtual ~Base() = default;
  int id = 3;
};
struct Derived : Base {
  std::string label = "derived";
};
struct VBase : virtual Base {
  int v = 8;
};
enum class Mode : unsigned char { Off, On = 3 };
template <class... T>
__attribute__((noinline)) void use(T&... t) {
  auto f = [](auto& x) { asm volatile("" : : "r"(&x) : "memory"); };
  (f(t), ...);
}
__attribute__((noinline)) void die(int* p, const std::string& why) {
  *p = (int)why.size();
  asm volatile("" ::: "memory");
}
__attribute__((noinline)) int sequences(int n, int* bad) {
  std::string s = "short", l(40, 'x'), empty;
  l += std::to_string(n);
  std::string_view sv = l;
  sv.remove_suffix(30);
  std::vector<int> v{1, 2, n}, none;
  std::vector<bool> vb{true, false, true};
  std::vector<std::string> vs{"a", "bb", l};
  std::vector<Point> vp{{1, 2}, {3, n}};
  std::vector<std::vector<int>> vv{{1}, {2, 3}, {}};
  std::array<int, 3> ar{4, 5, 6};
  std::span<int> sp(v);
  std::span<int, 3> spf(ar.data(), 3);
  std::deque<int> dq;
  for (int i = 0; i < 300; ++i) dq.push_back(i);
  for (int i = 0; i < 200; ++i) dq.pop_front();
  std::deque<std::string> ds{"d1", "d2"};
  std::list<int> li{7, 8};
  std::forward_list<int> fl{9, 10};
  std::list<std::string> ls{"l1"};
  std::wstring ws = L"wide";
  std::u16string u16 = u"sixteen";
  std::u32string u32 = U"thirty";
  std::stack<int> st;
  st.push(3);
  std::queue<int> qu;
  qu.push(4);
  std::priority_queue<int> pq;
  pq.push(5);
  use(s, l, empty, sv, v, none, vb, vs, vp, vv, ar, sp, spf, dq, ds, li, fl, ls, ws, u16, u32, st,
      qu, pq);
  die(bad, l);
  use(s, l, empty, sv, v, none, vb, vs, vp, vv, ar, sp, spf, dq, ds, li, fl, ls, ws, u16, u32, st,
      qu, pq);
  return n;
}
__attribute__((noinline)) int maps(int n, int* bad) {
  std::map<std::string, int> m{{"one", 1}, {"two", n}};
  std::map<int, Point> mp{{1, {2, 3}}};
  std::set<int> se{5, 3, 1};
  std::multimap<char, double> mm{{'a', 1.5}, {'a', 2.5}};
  std::unordered_map<std::string, int> um{{"k", 7}};
  std::unordered_map<int, std::string> umi{{4, "four"}};
  std::unordered_set<std::string> us{"u"};
  std::unordered_multimap<int, int> umm{{1, 2}};
  std::map<int, int> emptymap;
  std::map<char, char> mcc{{'a', 'b'}};
  std::set<std::string> sset{"x"};
  use(m, mp, se, mm, um, umi, us, umm, emptymap, mcc, sset);
  int r = sequences(n + 1, bad);
  use(m, mp, se, mm, um, umi, us, umm, emptymap, mcc, sset);
  return r;
}
__attribute__((noinline)) int owners(int n, int* bad) {
  auto u = std::make_unique<Point>(Point{n, 2});
  std::unique_ptr<int> unull;
  std::unique_ptr<int[]> ua(new int[3]{1, 2, 3});
  std::unique_ptr<Base> ub = std::make_unique<Derived>();
  auto sh = std::make_shared<std::string>("shared");
  std::shared_ptr<std::string> sh2 = sh;
  std::weak_ptr<std::string> wk = sh;
  std::shared_ptr<int> snull;
  std::weak_ptr<int> expired;
  {
    auto t = std::make_shared<int>(1);
    expired = t;
  }
  std::unique_ptr<FILE, int (*)(FILE*)> file(nullptr, fclose);
  std::function<int(int)> fn = [n](int a) { return a + n; };
  std::function<void()> fnull;
  std::atomic<int> at{n};
  std::atomic<Point*> ap{u.get()};
  std::atomic<bool> ab{true};
  std::reference_wrapper<int> rw(n);
  std::any an = 5;
  std::bitset<10> bs(0x155);
  use(u, unull, ua, ub, sh, sh2, wk, snull, expired, file, fn, fnull, at, ap, ab, rw, an, bs);
  int r = maps(n + 1, bad);
  use(u, unull, ua, ub, sh, sh2, wk, snull, expired, file, fn, fnull, at, ap, ab, rw, an, bs);
  return r;
}
__attribute__((noinline)) int sums(int n, int* bad) {
  std::optional<int> o = n, onone;
  std::optional<std::string> os = "opt";
  std::variant<int, std::string, double> vi = n, vstr = "alt"s, vd = 2.5;
  std::variant<std::monostate, Point> vm;
  std::pair<int, std::string> pr{n, "p"};
  std::tuple<int, std::string, double> tp{1, "t", 2.5};
  std::tuple<> t0;
  std::tuple<Point, char> t2{{1, 2}, 'c'};
  std::chrono::milliseconds ms = 1500ms;
  std::chrono::seconds sec{n};
  auto tpnt = std::chrono::system_clock::time_point(12345s);
  std::chrono::duration<double> dd{1.25};
  Mode mode = Mode::On;
  Derived d;
  VBase vb;
  Point& ref = std::get<0>(t2);
  int Point::* mem = &Point::y;
  void (*fp)(int*, const std::string&) = die;
  int (Base::*unused)() = nullptr;
  std::nullptr_t np = nullptr;
  auto lam = [n, &ref] { return n + ref.x; };
  std::initializer_list<int> il = {1, 2, 3};
  char8_t c8 = u8'x';
  char16_t c16 = u'y';
  wchar_t wc = L'z';
  use(o, onone, os, vi, vstr, vd, vm, pr, tp, t0, t2, ms, sec, tpnt, dd, mode, d, vb, ref, mem, fp,
      unused, np, lam, il, c8, c16, wc);
  int r = owners(n + 1, bad);
  use(o, onone, os, vi, vstr, vd, vm, pr, tp, t0, t2, ms, sec, tpnt, dd, mode, d, vb, ref, mem, fp,
      unused, np, lam, il, c8, c16, wc);
  return r;
}
int main(int argc, char**) { return sums(argc + 1, argc > 5 ? &argc : nullptr); }
