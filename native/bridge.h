// What the bridge files (mod_*.c) share: the tables of functions, reading arguments, making results, throwing port errors.
#ifndef HEARTH_BRIDGE_H
#define HEARTH_BRIDGE_H

#include "port.h"

#include <quickjs.h>

extern const JSFunctionTable mod_sys, mod_slots, mod_firmware, mod_nvs, mod_file, mod_net, mod_socket, mod_crypto, mod_pins,
    mod_espnow, mod_sleep, mod_parts, mod_cipher, mod_console;
#define BRIDGE_TABLE(entries) {entries, sizeof(entries) / sizeof((entries)[0])}

// Makes the global `native`. 0, or -1 with an exception.
int bridge_install(JSContext *ctx);
// Hash of the sorted `name/arity` lines (docs/WIRE.md).
void bridge_api_hash(uint8_t out[8]);
// Every export as `name/arity`, sorted.
void hearth_print_exports(void (*line)(const char *));

// Throws an Error `function: PORT_X` with a numeric `code`.
JSValue bridge_throw(JSContext *ctx, const char *function, int code);

// undefined, or throws what a port function returned.
JSValue bridge_result(JSContext *ctx, const char *function, int result);

// These throw and return false when the argument is not what it must be.
bool arg_int(JSContext *ctx, JSValueConst value, int64_t min, int64_t max, int64_t *out);
// A Uint8Array's bytes; valid until JavaScript runs again.
bool arg_bytes(JSContext *ctx, JSValueConst value, uint8_t **bytes, size_t *length);

// A name of the files partition, as port.h allows it.
bool arg_file_name(JSContext *ctx, JSValueConst value, char out[PORT_FILE_NAME_MAX + 1]);

// A Uint8Array over `bytes`, which were allocated with js_malloc and now belong to it; NULL: empty.
JSValue bytes_take(JSContext *ctx, uint8_t *bytes, size_t length);
JSValue bytes_copy(JSContext *ctx, const void *bytes, size_t length);

// The hook between mod_sys.c and loop.c: takes over `turn`.
void loop_set_turn(JSContext *ctx, JSValueConst turn);

// mod_socket.c for loop.c: what to wait for, and what came.
enum { SOCKETS_MAX = 6 };
int sockets_wanted(struct port_wait_fd fds[SOCKETS_MAX]);
void sockets_ready(const struct port_wait_fd *fds, int count);

// For main.c, when a program is over: its sockets and Noise sessions end; a network interface that is up stays so for the next one.
void sockets_close(void);
void noise_close(void);
void net_keep(void);

#endif
