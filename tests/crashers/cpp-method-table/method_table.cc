#include <array>
#include <cstdio>
#include <string>
#include <string_view>

class Router {
 public:
  using Handler = int (*)(Router&, std::string_view);

  void declare(std::string path) { routes_[count_++].path = std::move(path); }
  void attach(std::string_view path, Handler handler) {
    for (size_t i = 0; i < count_; i++)
      if (routes_[i].path == path) routes_[i].handler = handler;
  }
  int dispatch(std::string_view target);
  void count(int status) { statuses_ += status; }

 private:
  struct Route {
    std::string path;
    Handler handler = nullptr;
  };
  std::array<Route, 8> routes_;
  size_t count_ = 0;
  int statuses_ = 0;
};

__attribute__((noinline)) int Router::dispatch(std::string_view target) {
  for (size_t i = 0; i < count_; i++) {
    const Route* route = &routes_[i];
    if (!target.starts_with(route->path)) continue;
    int status = route->handler(*this, target.substr(route->path.size()));  // CRASH
    return status + statuses_;
  }
  return 404;
}

static int serve(Router& router) {
  int last = 0;
  for (std::string_view target : {"/health", "/orders/17", "/users/3"})
    last = router.dispatch(target);
  return last;
}

int main() {
  Router router;
  router.declare("/health");
  router.declare("/orders");
  router.declare("/users");
  router.attach("/health", [](Router& self, std::string_view) {
    self.count(1);
    return 200;
  });
  router.attach("/orders", [](Router& self, std::string_view rest) {
    self.count(static_cast<int>(rest.size()));
    return 200;
  });
  router.attach("/user", [](Router&, std::string_view) { return 200; });
  std::printf("%d\n", serve(router));
}
