#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "port.h"

static struct port *make_port(int number, struct vlan *vlan) {
  struct port *port = calloc(1, sizeof(*port));
  port->number = number;
  port->vlan = vlan;
  return port;
}

int main(void) {
  static struct vlan office = {12, 3};
  const char *config[] = {"uplink", "printer", "meeting-room-second-floor-east"};
  struct port *ports[3];
  for (int i = 0; i < 3; ++i) ports[i] = make_port(i + 1, &office);
  for (int i = 0; i < 3; ++i) set_label(ports[i], config[i]);
  for (int i = 0; i < 3; ++i) print_port(ports[i]);
  return 0;
}
