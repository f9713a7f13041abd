// native: TCP sockets, non-blocking, over the BSD calls that a PC and lwIP share. Readiness is reported once: after that a
// socket is waited for again only when a read found nothing or a write found no room.
#include "bridge.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum socket_kind { SOCKET_FREE = 0, SOCKET_CONNECTING, SOCKET_OPEN, SOCKET_LISTENING, SOCKET_GONE };

static struct {
    enum socket_kind kind;
    int fd; // -1 when gone
    bool want_read, want_write;
} sockets[SOCKETS_MAX];

static int free_socket(void)
{
    for (int i = 0; i < SOCKETS_MAX; i++) {
        if (sockets[i].kind == SOCKET_FREE) return i;
    }
    return -1;
}

static void mark_gone(int id)
{
    if (sockets[id].fd >= 0) close(sockets[id].fd);
    sockets[id].fd = -1;
    sockets[id].kind = SOCKET_GONE;
    sockets[id].want_read = sockets[id].want_write = false;
}

static bool would_block(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

// Closes a socket that cannot be made non-blocking: it would hold up the one task that runs JavaScript.
static bool prepare(int fd)
{
    int on = 1, flags = fcntl(fd, F_GETFL, 0);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        close(fd);
        return false;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return true;
}

static void use(int id, int fd, enum socket_kind kind)
{
    sockets[id].fd = fd;
    sockets[id].kind = kind;
    sockets[id].want_read = kind != SOCKET_CONNECTING;
    sockets[id].want_write = kind == SOCKET_CONNECTING;
}

int sockets_wanted(struct port_wait_fd fds[SOCKETS_MAX])
{
    int count = 0;
    for (int i = 0; i < SOCKETS_MAX; i++) {
        if (!sockets[i].want_read && !sockets[i].want_write) continue;
        fds[count++] = (struct port_wait_fd){sockets[i].fd, sockets[i].want_read, sockets[i].want_write, false, false};
    }
    return count;
}

void sockets_ready(const struct port_wait_fd *fds, int count)
{
    for (int f = 0; f < count; f++) {
        for (int i = 0; i < SOCKETS_MAX; i++) {
            if (sockets[i].fd != fds[f].fd || sockets[i].kind == SOCKET_FREE || sockets[i].kind == SOCKET_GONE) continue;
            if (fds[f].readable) sockets[i].want_read = false;
            if (!fds[f].writable) continue;
            sockets[i].want_write = false;
            if (sockets[i].kind != SOCKET_CONNECTING) continue;
            int error = 0;
            socklen_t length = sizeof error;
            if (getsockopt(sockets[i].fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0) {
                mark_gone(i);
            } else {
                sockets[i].kind = SOCKET_OPEN;
                sockets[i].want_read = true;
            }
        }
    }
}

void sockets_close(void)
{
    for (int i = 0; i < SOCKETS_MAX; i++) {
        if (sockets[i].kind != SOCKET_FREE) mark_gone(i);
        sockets[i].kind = SOCKET_FREE;
    }
}

static bool arg_socket(JSContext *ctx, JSValueConst argument, int *out)
{
    int64_t id;
    if (!arg_int(ctx, argument, 0, SOCKETS_MAX - 1, &id)) return false;
    *out = (int)id;
    if (sockets[id].kind != SOCKET_FREE) return true;
    bridge_throw(ctx, "socket", PORT_EINVAL);
    return false;
}

static JSValue connect_to(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    struct sockaddr_in peer;
    int64_t port;
    (void)self, (void)argc;
    if (!arg_int(ctx, argv[1], 1, 65535, &port)) return JS_EXCEPTION;
    const char *text = JS_ToCString(ctx, argv[0]);
    if (text == NULL) return JS_EXCEPTION;
    memset(&peer, 0, sizeof peer);
    peer.sin_family = AF_INET;
    peer.sin_port = htons((uint16_t)port);
    bool good = inet_pton(AF_INET, text, &peer.sin_addr) == 1;
    JS_FreeCString(ctx, text);
    if (!good) return bridge_throw(ctx, "socketConnect", PORT_EINVAL);
    int id = free_socket();
    int fd = id >= 0 ? socket(AF_INET, SOCK_STREAM, 0) : -1;
    if (fd < 0) return bridge_throw(ctx, "socketConnect", PORT_ENOMEM);
    if (!prepare(fd)) return bridge_throw(ctx, "socketConnect", PORT_EIO);
    if (connect(fd, (struct sockaddr *)&peer, sizeof peer) == 0) {
        use(id, fd, SOCKET_OPEN);
    } else {
        int error = errno;
        use(id, fd, SOCKET_CONNECTING);
        if (error != EINPROGRESS) mark_gone(id);
    }
    return JS_NewInt32(ctx, id);
}

static JSValue listen_on(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    struct sockaddr_in own;
    struct port_net_status status;
    int64_t port;
    int on = 1;
    (void)self, (void)argc;
    if (!arg_int(ctx, argv[0], 1, 65535, &port)) return JS_EXCEPTION;
    int id = free_socket();
    int fd = id >= 0 ? socket(AF_INET, SOCK_STREAM, 0) : -1;
    if (fd < 0) return bridge_throw(ctx, "socketListen", PORT_ENOMEM);
    port_net_status(&status);
    memset(&own, 0, sizeof own);
    own.sin_family = AF_INET;
    own.sin_port = htons((uint16_t)port);
    memcpy(&own.sin_addr, status.ip, 4);
    if (!prepare(fd)) return bridge_throw(ctx, "socketListen", PORT_EIO);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&own, sizeof own) != 0 || listen(fd, 1) != 0) {
        int error = errno;
        close(fd);
        return bridge_throw(ctx, "socketListen", error == EADDRINUSE ? PORT_EBUSY : PORT_EIO);
    }
    use(id, fd, SOCKET_LISTENING);
    return JS_NewInt32(ctx, id);
}

static JSValue accept_next(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int id;
    (void)self, (void)argc;
    if (!arg_socket(ctx, argv[0], &id)) return JS_EXCEPTION;
    if (sockets[id].kind != SOCKET_LISTENING) return JS_NewInt32(ctx, -1);
    int fd = accept(sockets[id].fd, NULL, NULL);
    if (fd < 0) {
        sockets[id].want_read = true;
        return JS_NewInt32(ctx, -1);
    }
    int accepted = free_socket();
    if (accepted < 0) {
        close(fd);
        return bridge_throw(ctx, "socketAccept", PORT_ENOMEM);
    }
    if (!prepare(fd)) return bridge_throw(ctx, "socketAccept", PORT_EIO);
    use(accepted, fd, SOCKET_OPEN);
    return JS_NewInt32(ctx, accepted);
}

static JSValue state_of(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int id;
    (void)self, (void)argc;
    if (!arg_socket(ctx, argv[0], &id)) return JS_EXCEPTION;
    return JS_NewInt32(ctx, sockets[id].kind == SOCKET_CONNECTING ? 0 : sockets[id].kind == SOCKET_GONE ? -1 : 1);
}

static JSValue send_bytes(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int id;
    uint8_t *bytes;
    size_t length;
    int64_t start, end;
    (void)self, (void)argc;
    if (!arg_socket(ctx, argv[0], &id) || !arg_bytes(ctx, argv[1], &bytes, &length) ||
        !arg_int(ctx, argv[3], 0, (int64_t)length, &end) || !arg_int(ctx, argv[2], 0, end, &start)) {
        return JS_EXCEPTION;
    }
    if (sockets[id].kind == SOCKET_CONNECTING || start == end) return JS_NewInt32(ctx, 0);
    if (sockets[id].kind != SOCKET_OPEN) return JS_NewInt32(ctx, -1);
    ssize_t sent = send(sockets[id].fd, bytes + start, (size_t)(end - start), MSG_NOSIGNAL);
    if (sent < 0) {
        if (!would_block()) {
            mark_gone(id);
            return JS_NewInt32(ctx, -1);
        }
        sent = 0;
    }
    if (sent < end - start) sockets[id].want_write = true;
    return JS_NewInt32(ctx, (int)sent);
}

static JSValue receive(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int id;
    uint8_t *bytes;
    size_t length;
    int64_t start;
    (void)self, (void)argc;
    if (!arg_socket(ctx, argv[0], &id) || !arg_bytes(ctx, argv[1], &bytes, &length) ||
        !arg_int(ctx, argv[2], 0, (int64_t)length, &start)) {
        return JS_EXCEPTION;
    }
    if (sockets[id].kind == SOCKET_CONNECTING || (size_t)start == length) return JS_NewInt32(ctx, 0);
    if (sockets[id].kind != SOCKET_OPEN) return JS_NewInt32(ctx, -1);
    ssize_t received = recv(sockets[id].fd, bytes + start, length - (size_t)start, 0);
    if (received > 0) return JS_NewInt32(ctx, (int)received);
    if (received < 0 && would_block()) {
        sockets[id].want_read = true;
        return JS_NewInt32(ctx, 0);
    }
    mark_gone(id);
    return JS_NewInt32(ctx, -1);
}

static JSValue close_socket(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int id;
    (void)self, (void)argc;
    if (!arg_socket(ctx, argv[0], &id)) return JS_EXCEPTION;
    mark_gone(id);
    sockets[id].kind = SOCKET_FREE;
    return JS_UNDEFINED;
}

static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("socketConnect", 2, connect_to),
    JS_CFUNC_DEF("socketListen", 1, listen_on),
    JS_CFUNC_DEF("socketAccept", 1, accept_next),
    JS_CFUNC_DEF("socketState", 1, state_of),
    JS_CFUNC_DEF("socketSend", 4, send_bytes),
    JS_CFUNC_DEF("socketReceive", 3, receive),
    JS_CFUNC_DEF("socketClose", 1, close_socket),
};
const JSFunctionTable mod_socket = BRIDGE_TABLE(entries);
