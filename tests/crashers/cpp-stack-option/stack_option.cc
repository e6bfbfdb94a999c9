#include <cstdio>
#include <string>
#include <vector>

struct Option {
  int id = 0;
  int uses = 0;
  double weight = 1;
  char name[24] = {};
};

class OptionSet {
 public:
  ~OptionSet() { clear(); }
  void adopt(Option* option) { options_.push_back(option); }
  void clear();
  double weight() const {
    double sum = 0;
    for (const Option* option : options_) sum += option->weight;
    return sum;
  }

 private:
  std::vector<Option*> options_;
};

__attribute__((noinline)) void OptionSet::clear() {
  for (Option* option : options_) {
    delete option;  // CRASH
  }
  options_.clear();
}

static Option* parse_option(const std::string& text) {
  auto* option = new Option;
  std::sscanf(text.c_str(), "%d:%lf", &option->id, &option->weight);
  return option;
}

static double evaluate(const std::vector<std::string>& texts) {
  Option fallback;
  OptionSet set;
  for (const auto& text : texts) set.adopt(parse_option(text));
  set.adopt(&fallback);
  return set.weight();
}

int main() { std::printf("%f\n", evaluate({"1:0.5", "2:2.25"})); }
