#pragma once
#include <vector>

class Observer {
 public:
  virtual ~Observer() = default;
  virtual void changed(int value) = 0;
};

class Subject {
 public:
  void watch(Observer* observer) { observers_.push_back(observer); }
  void notify(int value);

 private:
  std::vector<Observer*> observers_;
};

class Panel final : public Observer {
 public:
  void changed(int value) override;

 private:
  int shown_ = 0;
  char caption_[40] = "panel";
};

class Screen {
 public:
  explicit Screen(Subject& subject) : subject_(subject) {}
  Panel* open();
  void close(Panel* panel);

 private:
  Subject& subject_;
  int panels_ = 0;
};
