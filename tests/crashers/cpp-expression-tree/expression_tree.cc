#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

class Evaluator;

class Expression {
 public:
  virtual ~Expression() = default;
  virtual double accept(Evaluator& evaluator) const = 0;
};

class Reference;
class Sum;

class Evaluator {
 public:
  double visit(const Reference& reference);
  double visit(const Sum& sum);
  void define(const std::string& name, std::unique_ptr<Expression> expression) {
    definitions_[name] = std::move(expression);
  }

 private:
  std::map<std::string, std::unique_ptr<Expression>> definitions_;
};

class Reference : public Expression {
 public:
  explicit Reference(std::string name) : name_(std::move(name)) {}
  double accept(Evaluator& evaluator) const override {  // CRASH-ALSO
    return evaluator.visit(*this) * 1.5;                // CRASH-ALSO
  }
  const std::string& name() const { return name_; }

 private:
  std::string name_;
};

class Sum : public Expression {
 public:
  void add(std::unique_ptr<Expression> term) { terms_.push_back(std::move(term)); }
  double accept(Evaluator& evaluator) const override {  // CRASH-ALSO
    return evaluator.visit(*this) + 1;                  // CRASH-ALSO
  }
  const std::vector<std::unique_ptr<Expression>>& terms() const { return terms_; }

 private:
  std::vector<std::unique_ptr<Expression>> terms_;
};

__attribute__((noinline)) double Evaluator::visit(const Reference& reference) {  // CRASH
  auto found = definitions_.find(reference.name());                              // CRASH-ALSO
  return found == definitions_.end() ? 0 : found->second->accept(*this) + 1;     // CRASH-ALSO
}

__attribute__((noinline)) double Evaluator::visit(const Sum& sum) {   // CRASH-ALSO
  double total = 0;                                                   // CRASH-ALSO
  for (const auto& term : sum.terms()) total += term->accept(*this);  // CRASH-ALSO
  return total;
}

int main() {
  Evaluator evaluator;
  auto net = std::make_unique<Sum>();
  net->add(std::make_unique<Reference>("gross"));
  auto gross = std::make_unique<Sum>();
  gross->add(std::make_unique<Reference>("net"));
  evaluator.define("net", std::move(net));
  evaluator.define("gross", std::move(gross));
  std::printf("%f\n", Reference("net").accept(evaluator));
}
