#include <cstdio>
#include <string>
#include <vector>

struct Sink {
  long written = 0;
  long dropped = 0;
};

struct Subscriber {
  Sink* sink;
  unsigned topics;
  unsigned flags;
};

class Feed {
 public:
  Subscriber& add(Sink* sink, unsigned topics) {
    subscribers_.push_back({sink, topics, 0});
    return subscribers_.back();
  }
  long notify(const Subscriber* subscriber, unsigned topic);

 private:
  std::vector<Subscriber> subscribers_;
};

__attribute__((noinline)) long Feed::notify(const Subscriber* subscriber, unsigned topic) {
  (void)topic;
  subscriber->sink->written += 1;  // CRASH
  return subscriber->sink->written;
}

static Sink* new_sink() { return new Sink; }

static long run(const std::vector<unsigned>& topics) {
  Feed feed;
  const Subscriber* primary = nullptr;
  for (unsigned topic : topics) {
    Subscriber& added = feed.add(new_sink(), topic);
    if (primary == nullptr) primary = &added;
  }
  long written = 0;
  for (unsigned topic : topics) written += feed.notify(primary, topic);
  return written;
}

int main() { std::printf("%ld\n", run({1, 2, 4, 8, 16})); }
