#include <signal.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

class Server {
 public:
  explicit Server(std::string name) : name_(std::move(name)) {}
  int wait_for_signal(int seconds);
  bool start_operator();

 private:
  std::string name_;
  int wakeups_ = 0;
};

bool Server::start_operator() {
  pid_t server = getpid();
  pid_t child = fork();
  if (child == 0) {
    timespec pause{0, 100000000};
    nanosleep(&pause, nullptr);
    kill(server, SIGQUIT);
    _exit(0);
  }
  return child > 0;
}

__attribute__((noinline)) int Server::wait_for_signal(int seconds) {
  sigset_t none;
  sigemptyset(&none);
  sigaddset(&none, SIGUSR1);
  sigprocmask(SIG_BLOCK, &none, nullptr);
  timespec limit{seconds, 0};
  int number = sigtimedwait(&none, nullptr, &limit);  // CRASH
  wakeups_++;
  return number;
}

static int serve() {
  Server server("config-distributor");
  if (!server.start_operator()) return -1;
  return server.wait_for_signal(30);
}

int main() { return serve() > 0 ? 0 : 1; }
