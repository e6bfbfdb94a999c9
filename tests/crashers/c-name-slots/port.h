#pragma once

struct vlan {
  int id;
  int members;
};

struct port {
  int number;
  char label[20];
  struct vlan *vlan;
};

void set_label(struct port *port, const char *label);
void print_port(const struct port *port);
