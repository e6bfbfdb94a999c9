#include <cstdio>
#include <memory>
#include <string>
#include <vector>

class Node {
 public:
  virtual ~Node() = default;
  virtual int draw(int depth) const = 0;
  virtual const char* kind() const = 0;
};

class Label : public Node {
 public:
  explicit Label(std::string text) : text_(std::move(text)) {}
  int draw(int depth) const override { return static_cast<int>(text_.size()) + depth; }
  const char* kind() const override { return "label"; }

 private:
  std::string text_;
};

class Box : public Node {
 public:
  Box(int width, int height) : width_(width), height_(height) {}
  int draw(int depth) const override { return width_ * height_ + depth; }
  const char* kind() const override { return "box"; }

 private:
  int width_, height_;
  long padding_[4] = {};
};

class Scene {
 public:
  void show(const Node* node) { visible_.push_back(node); }
  int draw() const;

 private:
  std::vector<const Node*> visible_;
};

__attribute__((noinline)) int Scene::draw() const {
  int cells = 0;
  int depth = 0;
  for (const Node* node : visible_) {
    cells += node->draw(depth++);  // CRASH
  }
  return cells;
}

class Document {
 public:
  Node* add(std::unique_ptr<Node> node) {
    nodes_.push_back(std::move(node));
    return nodes_.back().get();
  }
  void remove_last() { nodes_.pop_back(); }

 private:
  std::vector<std::unique_ptr<Node>> nodes_;
};

int main() {
  Document document;
  Scene scene;
  scene.show(document.add(std::make_unique<Label>("total")));
  scene.show(document.add(std::make_unique<Box>(4, 3)));
  int cells = scene.draw();
  document.remove_last();
  cells += scene.draw();
  std::printf("%d\n", cells);
}
