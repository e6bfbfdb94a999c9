#include <condition_variable>
#include <cstdio>
#include <deque>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

class JobPool {
 public:
  explicit JobPool(int workers) {
    for (int i = 0; i < workers; i++) threads_.emplace_back([this] { run(); });
  }
  void submit(std::function<void()> job) {
    std::lock_guard<std::mutex> guard(mutex_);
    jobs_.push_back(std::move(job));
    ready_.notify_one();
  }
  void join() {
    {
      std::lock_guard<std::mutex> guard(mutex_);
      closed_ = true;
    }
    ready_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

 private:
  void run() {
    for (;;) {
      std::unique_lock<std::mutex> lock(mutex_);
      ready_.wait(lock, [this] { return closed_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
    }
  }
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> jobs_;
  std::vector<std::thread> threads_;
  bool closed_ = false;
};

class Importer {
 public:
  void import_row(const std::string& row);
  long imported() const { return imported_; }

 private:
  long imported_ = 0;
};

__attribute__((noinline)) void Importer::import_row(const std::string& row) {
  auto comma = row.find(',');
  if (comma == std::string::npos) throw std::runtime_error(row);  // CRASH
  imported_ += static_cast<long>(comma);
}

int main() {
  Importer importer;
  JobPool pool(2);
  for (const char* row : {"1,alice", "2,bob", "row 3 has no separator: 3;carol"})
    pool.submit([&importer, row] { importer.import_row(row); });
  pool.join();
  std::printf("%ld\n", importer.imported());
}
