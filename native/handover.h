// From one program to the next in the same boot (native.restartProgram): what the old one held goes back to what a reset leaves, except for the
// outputs that the new bundle names as boot pins: a relay must not click. Sockets, Noise sessions and the interface are mod_socket.c's,
// mod_crypto.c's and mod_net.c's own.
#ifndef HEARTH_HANDOVER_H
#define HEARTH_HANDOVER_H

#include "slots.h"

// As port_gpio_mode; what was set up is remembered.
int handover_pin_mode(int pin, enum port_gpio_mode mode, int level);
// Closes buses, counters, receivers and the radio, and drops what came for the old program: events and console bytes. After the pins, whose edges
// are events.
void handover_close(void);
// Sets the boot pins up. One that already is the same kind of output keeps its level; what the program before set up and the bundle does not
// name becomes an input without pull.
void handover_pins(const struct bundle_header *next);

#endif
