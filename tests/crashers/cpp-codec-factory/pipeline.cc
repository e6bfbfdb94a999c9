#include "codec.h"

void Pipeline::add(std::string_view kind) { stages_[count_++] = make_codec(kind); }

int Pipeline::run(int sample) {
  for (int i = 0; i < count_; ++i) sample = stages_[i]->apply(sample);  // CRASH
  return sample;
}
