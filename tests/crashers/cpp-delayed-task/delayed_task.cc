#include <condition_variable>
#include <cstdio>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

class Executor {
 public:
  void post(std::function<void()> task) { tasks_.push_back(std::move(task)); }
  void run() {
    std::thread worker([this] {
      while (!tasks_.empty()) {
        auto task = std::move(tasks_.front());
        tasks_.pop_front();
        task();
      }
    });
    worker.join();
  }

 private:
  std::deque<std::function<void()>> tasks_;
};

struct Stats {
  long requests = 0;
  long failures = 0;
};

class Client {
 public:
  Client(Stats* stats, std::string name) : stats_(stats), name_(std::move(name)) {}
  void schedule_report(Executor& executor, long* total);

 private:
  Stats* stats_;
  std::string name_;
};

__attribute__((noinline)) void Client::schedule_report(Executor& executor, long* total) {
  executor.post([this, total] {
    *total += stats_->requests + stats_->failures;  // CRASH
  });
}

static long run() {
  Executor executor;
  Stats stats{12, 1};
  long total = 0;
  {
    auto client = std::make_unique<Client>(&stats, "metrics-frontend");
    client->schedule_report(executor, &total);
  }
  executor.run();
  return total;
}

int main() { std::printf("%ld\n", run()); }
