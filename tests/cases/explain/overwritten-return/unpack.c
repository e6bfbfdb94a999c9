// A name longer than its buffer runs over the return address.
static const char wire[] = "a-tenant-name-that-is-much-longer-than-anyone-thought-it-could-be-when-the-buffer-was-sized";

__attribute__((noinline)) void unpack(const char *from) {
  volatile char name[16];
  for (int i = 0; from[i] != 0; ++i) name[i] = from[i];
}

__attribute__((noinline)) int handle(const char *message) {
  unpack(message);
  return message[0];
}

void _start(void) {
  volatile int result = handle(wire);
  (void)result;
  for (;;) {
  }
}
