#pragma once
#include <string_view>

class Codec {
 public:
  virtual ~Codec() = default;
  virtual int apply(int sample) = 0;
};

Codec* make_codec(std::string_view kind);

class Pipeline {
 public:
  void add(std::string_view kind);
  int run(int sample);

 private:
  Codec* stages_[8] = {};
  int count_ = 0;
};
