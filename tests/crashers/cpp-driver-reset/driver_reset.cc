#include <array>
#include <cstdio>
#include <cstring>
#include <functional>
#include <thread>

class Driver {
 public:
  virtual ~Driver() = default;
  virtual int poll(int budget) { return budget + polled_++; }
  virtual void reset() { polled_ = 0; }

 protected:
  int polled_ = 0;
};

class Nic : public Driver {
 public:
  int poll(int budget) override { return Driver::poll(budget) + queue_; }

 private:
  int queue_ = 4;
};

class DriverPool {
 public:
  DriverPool() {
    for (auto& driver : drivers_) driver = new Nic;
  }
  __attribute__((noinline)) void retire(size_t index) {
    std::memset(static_cast<void*>(drivers_[index]), 0xff, sizeof(Nic));
  }
  int poll_all(int budget);

 private:
  std::array<Driver*, 4> drivers_{};
};

__attribute__((noinline)) int DriverPool::poll_all(int budget) {
  int work = 0;
  for (Driver* driver : drivers_) {
    work += driver->poll(budget);  // CRASH
  }
  return work;
}

static int run() {
  DriverPool pool;
  int work = pool.poll_all(8);
  pool.retire(2);
  std::thread poller([&] { work += pool.poll_all(8); });
  poller.join();
  return work;
}

int main() { std::printf("%d\n", run()); }
