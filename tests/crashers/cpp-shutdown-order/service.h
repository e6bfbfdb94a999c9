#pragma once
#include <memory>
#include <string>
#include <vector>

class Logger {
 public:
  explicit Logger(const char* prefix) : prefix_(prefix) {}
  void line(const char* text);

 private:
  long lines_ = 0;
  const char* prefix_;
};

class Service;

class Journal {
 public:
  explicit Journal(Service& service) : service_(service) {}
  void append(const char* entry) { entries_.push_back(entry); }
  void flush();

 private:
  Service& service_;
  std::vector<std::string> entries_;
};

class Service {
 public:
  Service();
  void stop();
  Logger* logger() { return logger_.get(); }
  Journal& journal() { return *journal_; }

 private:
  std::unique_ptr<Logger> logger_;
  std::unique_ptr<Journal> journal_;
};
