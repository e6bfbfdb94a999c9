#include <cstdio>
#include <cstring>

#include "wheel.h"

struct Peer {
  int failures = 0;
  char host[32] = "store-2";
};

struct Upload {
  long size;
  Peer* peer;
  int* retries;
};

__attribute__((noinline)) static void on_upload_timeout(void* context) {
  Upload* upload = static_cast<Upload*>(context);
  int tried = *upload->retries;  // CRASH
  std::printf("timeout of %ld after %d\n", upload->size, tried);
}

__attribute__((noinline)) static void watch(Wheel& wheel, Peer& peer, long size) {
  static int retries = 3;
  Upload upload{size, &peer, &retries};
  wheel.add(size > 1000 ? 4 : 2, on_upload_timeout, &upload);
  std::printf("watching %ld to %s\n", upload.size, upload.peer->host);
}

__attribute__((noinline)) static void start_upload(Wheel& wheel, Peer& peer, long size) {
  char line[320];
  std::snprintf(line, sizeof(line), "upload of %ld to %s", size, peer.host);
  watch(wheel, peer, size);
  std::puts(line);
}

__attribute__((noinline)) static unsigned checksum(const char* text) {
  volatile unsigned char window[768];
  unsigned sum = 0;
  for (int i = 0; i < 768; ++i) window[i] = static_cast<unsigned char>(text[i % 8] | 0x81);
  for (int i = 0; i < 768; ++i) sum = sum * 31 + window[i];
  return sum;
}

int main() {
  Wheel wheel;
  Peer peer;
  start_upload(wheel, peer, 4096);
  std::printf("%u\n", checksum("manifest"));
  wheel.run(8);
}
