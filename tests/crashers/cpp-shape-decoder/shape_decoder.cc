#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

class Shape {
 public:
  virtual ~Shape() = default;
  virtual double area() const = 0;
  virtual void scale(double factor) = 0;
};

class Rectangle : public Shape {
 public:
  double area() const override { return width_ * height_; }
  void scale(double factor) override { width_ *= factor; }

 private:
  double width_ = 2;
  double height_ = 3;
};

class Disc : public Shape {
 public:
  double area() const override { return 3.14159 * radius_ * radius_; }
  void scale(double factor) override { radius_ *= factor; }

 private:
  double radius_ = 1;
  double reserved_ = 0;
};

class Canvas {
 public:
  Shape* add() {
    if (shapes_.size() % 2 == 0)
      shapes_.push_back(std::make_unique<Rectangle>());
    else
      shapes_.push_back(std::make_unique<Disc>());
    return shapes_.back().get();
  }
  double area() const;
  void discard() {
    for (auto& shape : shapes_) (void)shape.release();
  }

 private:
  std::vector<std::unique_ptr<Shape>> shapes_;
};

__attribute__((noinline)) double Canvas::area() const {
  double sum = 0;
  for (const auto& shape : shapes_) {
    sum += shape->area();  // CRASH
  }
  return sum;
}

__attribute__((noinline)) static void restore(void* object, std::string_view record) {
  std::memcpy(object, record.data(), record.size());
}

int main(int argc, char** argv) {
  Canvas canvas;
  canvas.add();
  Shape* saved = canvas.add();
  double before = canvas.area();
  restore(saved, argc > 1 ? argv[1] : "RECTANGLE w=4 h=5 fill");
  double after = canvas.area();
  std::printf("%f %f\n", before, after);
  canvas.discard();
}
