#include "port.h"

#include <stdio.h>
#include <string.h>

void set_label(struct port *port, const char *label) {
  char *out = port->label;
  while (*label != 0) *out++ = *label++;
  *out = 0;
}

void print_port(const struct port *port) {
  int vlan = port->vlan->id;  // CRASH
  printf("%d %s vlan %d\n", port->number, port->label, vlan);  // CRASH-ALSO
}
