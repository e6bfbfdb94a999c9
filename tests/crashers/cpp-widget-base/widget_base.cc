#include <cstdio>
#include <memory>
#include <string>
#include <vector>

class Widget;

class Screen {
 public:
  void attach(Widget* widget, int size) {
    widgets_.push_back(widget);
    total_ += size;
  }
  int total() const { return total_; }

 private:
  std::vector<Widget*> widgets_;
  int total_ = 0;
};

class Widget {
 public:
  explicit Widget(Screen& screen) { register_with(screen); }
  virtual ~Widget() = default;
  virtual int preferred_size() const = 0;

 private:
  void register_with(Screen& screen);
};

__attribute__((noinline)) void Widget::register_with(Screen& screen) {
  screen.attach(this, preferred_size());  // CRASH
}

class Button : public Widget {
 public:
  Button(Screen& screen, std::string text) : Widget(screen), text_(std::move(text)) {}
  int preferred_size() const override { return static_cast<int>(text_.size()) * 8; }

 private:
  std::string text_;
};

static int build_dialog(Screen& screen) {
  auto ok = std::make_unique<Button>(screen, "OK");
  auto cancel = std::make_unique<Button>(screen, "Cancel");
  return screen.total();
}

int main() {
  Screen screen;
  std::printf("%d\n", build_dialog(screen));
}
