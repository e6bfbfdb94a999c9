#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct plugin;

struct plugin_ops {
  int (*open)(struct plugin* plugin, const char* target);
  int (*write)(struct plugin* plugin, const char* data, size_t size);
  int (*flush)(struct plugin* plugin);
  void (*close)(struct plugin* plugin);
};

struct plugin {
  const char* name;
  const struct plugin_ops* ops;
  size_t written;
};

static int file_open(struct plugin* plugin, const char* target) {
  plugin->written = strlen(target);
  return 0;
}

static int file_write(struct plugin* plugin, const char* data, size_t size) {
  plugin->written += size + (data[0] == '#');
  return 0;
}

static void file_close(struct plugin* plugin) { plugin->written = 0; }

static struct plugin* plugin_load(const char* name, int api) {
  struct plugin_ops* ops = calloc(1, sizeof *ops);
  struct plugin* plugin = calloc(1, sizeof *plugin);
  if (ops == NULL || plugin == NULL) exit(1);
  ops->open = file_open;
  ops->write = file_write;
  ops->close = file_close;
  if (api >= 3) ops->flush = (int (*)(struct plugin*))file_close;
  plugin->name = name;
  plugin->ops = ops;
  return plugin;
}

__attribute__((noinline)) static int host_drain(struct plugin** plugins, int count) {
  int failed = 0;
  for (int i = 0; i < count; i++) {
    struct plugin* plugin = plugins[i];
    failed += plugin->ops->write(plugin, "drain", 5);
    failed += plugin->ops->flush(plugin);  // CRASH
  }
  return failed;
}

int main(int argc, char** argv) {
  int api = argc > 1 ? atoi(argv[1]) : 2;
  struct plugin* plugins[] = {plugin_load("syslog", 3), plugin_load("file", api)};
  for (int i = 0; i < 2; i++) plugins[i]->ops->open(plugins[i], "/var/log/audit");
  return host_drain(plugins, 2);
}
