// A plugin of an older version does not fill in its optional operation.
struct operations {
  int (*open)(int);
  int (*flush)(int);
};
struct plugin {
  const char *name;
  const struct operations *operations;
};

__attribute__((noinline)) int open_device(int unit) { return unit + 1; }

static const struct operations old_operations = {open_device, 0};
static struct plugin plugin = {"old", &old_operations};

__attribute__((noinline)) int drain(struct plugin *p, int unit) {
  return p->operations->flush(unit) + p->operations->open(unit);
}

void _start(void) {
  volatile int result = drain(&plugin, 3);
  (void)result;
  for (;;) {
  }
}
