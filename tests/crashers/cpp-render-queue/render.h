#pragma once
#include <memory>
#include <string>
#include <vector>

struct Texture {
  std::string name;
  unsigned width, height;
};

struct Pass {
  int order = 0;
  std::unique_ptr<Texture> target;
};

unsigned long texture_cost(const Texture& texture);

class Renderer {
 public:
  void submit(Pass pass);
  unsigned long cost() const { return cost_; }

 private:
  std::vector<Pass> queue_;
  unsigned long cost_ = 0;
};
