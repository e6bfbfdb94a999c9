#include "render.h"

void Renderer::submit(Pass pass) {
  if (queue_.size() > 64) queue_.clear();
  queue_.push_back(std::move(pass));
  cost_ += texture_cost(*pass.target);
}
