#define _POSIX_C_SOURCE 200809L
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE
#endif
#include "fd_socket.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include "fd_port.h"

#define FD_LINGER_NS 200000       /* a wait's first part that is not slept */
#define FD_LINGER_BUSY_NS 1000000 /* away for so long, somebody else had the processor */
#define FD_LINGER_TURN_NS 5000    /* away for so long, somebody else had a turn */
#define FD_LINGER_TURNS 3         /* the peer may be one of them; with more there is work to do */
#define FD_LINGER_FAILURES 5      /* in a row: then one wait in 32 is tried again */
#define FD_LINGER_BUSY 7          /* the same for a busy processor: one in 128 */

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* macOS: SO_NOSIGPIPE is set on the socket instead */
#endif

void fd_socket_open(struct fd_socket *s, int descriptor, int wake_descriptor)
{
    memset(s, 0, sizeof *s);
    s->descriptor = descriptor;
    s->wake_descriptor = wake_descriptor;
    s->is_drained = 1;
    s->pending = FD_NEED_DATA;
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t now_ms(void)
{
    return now_ns() / 1000000;
}

/* Wait for one of events. FD_OK with what is ready in *ready, or how the wait ended. */
static int wait_for(struct fd_socket *s, short events, int timeout, int64_t deadline, short *ready)
{
    struct pollfd polled[2] = {{s->descriptor, events, 0}, {s->wake_descriptor, POLLIN, 0}};
    if (deadline != FD_NO_DEADLINE) {
        int64_t left = deadline - now_ms();
        left = left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : left;
        if (timeout < 0 || left < timeout)
            timeout = (int)left;
    }
    int count = poll(polled, 2, timeout);
    if (count < 0 && errno == EINTR)
        return FD_SOCKET_SIGNAL;
    if (count < 0) {
        s->failure = errno;
        return FD_SOCKET_FAILED;
    }
    if (count == 0)
        return FD_SOCKET_TIMEOUT;
    if (polled[1].revents != 0)
        return FD_SOCKET_WOKEN;
    *ready = polled[0].revents;
    return FD_OK;
}

/* One receive. FD_OK, FD_NEED_DATA when nothing has come, FD_SOCKET_CLOSED, FD_SOCKET_FAILED, or FD_E_MEMORY. */
static int receive_once(struct fd_socket *s, struct fd_reader *reader)
{
    struct fd_target targets[FD_TARGETS];
    struct iovec vectors[FD_TARGETS];
    size_t count = fd_reader_targets(reader, targets, FD_TARGETS);
    size_t room = 0;
    if (count == 0)
        return FD_E_MEMORY;
    for (size_t i = 0; i < count; i++) {
        vectors[i].iov_base = targets[i].p;
        vectors[i].iov_len = targets[i].n;
        room += targets[i].n;
    }
    struct msghdr header = {.msg_iov = vectors, .msg_iovlen = FD_IOVLEN(count)};
    ssize_t n = recvmsg(s->descriptor, &header, MSG_DONTWAIT);
    if (n > 0) {
        s->is_drained = (size_t)n < room;
        s->bytes_received += (uint64_t)n;
        fd_reader_commit(reader, (size_t)n);
        return FD_OK;
    }
    if (n == 0)
        return FD_SOCKET_CLOSED;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
        s->is_drained = 1;
        return FD_NEED_DATA;
    }
    s->failure = errno;
    return FD_SOCKET_FAILED;
}

/* Threads of this process that linger. One at a time is enough to keep a processor awake. */
static volatile int64_t lingering;

/* Look again and again, and let others go first in between (sched_yield). */
static int look_again(struct fd_socket *s, struct fd_reader *reader)
{
    int64_t now = now_ns();
    int64_t end = now + FD_LINGER_NS;
    int turns_of_others = 0;
    do {
        int64_t before = now;
        int code = receive_once(s, reader);
        if (code != FD_NEED_DATA)
            return code;
        sched_yield();
        now = now_ns();
        turns_of_others += now - before > FD_LINGER_TURN_NS;
        if (now - before > FD_LINGER_BUSY_NS)
            s->linger_failures = FD_LINGER_BUSY;
    } while (now < end && turns_of_others <= FD_LINGER_TURNS);
    return FD_NEED_DATA;
}

/* Before going to sleep, look again for a short while: in an exchange of messages the next one is on its
 * way, and to be put to sleep and woken takes longer than to wait for it. Where nothing comes in time again
 * and again, ever fewer waits are tried, and on a processor that others want hardly any: a link with a long
 * way to go, or a busy machine, costs next to no CPU. */
static int linger(struct fd_socket *s, struct fd_reader *reader)
{
    int code = FD_NEED_DATA;
    if (s->linger_pause > 0) {
        s->linger_pause--;
        return FD_NEED_DATA;
    }
    if (fd_atomic_add(&lingering, 1) == 1)
        code = look_again(s, reader);
    fd_atomic_add(&lingering, -1);
    if (code != FD_NEED_DATA) {
        s->linger_failures = 0;
        return code;
    }
    s->linger_pause = 1 << s->linger_failures;
    s->linger_failures += s->linger_failures < FD_LINGER_FAILURES;
    return FD_NEED_DATA;
}

int fd_socket_receive(struct fd_socket *s, struct fd_reader *reader, const struct fd_timeouts *timeouts)
{
    if (s->pending != FD_NEED_DATA) {
        int code = s->pending;
        s->pending = FD_NEED_DATA;
        return code;
    }
    for (int has_received = 0;; has_received = 1) {
        int code = fd_reader_next(reader);
        if (code != FD_NEED_DATA)
            return code;
        /* A peer that always has more to say must not outlast the deadline. */
        if (has_received && timeouts->deadline != FD_NO_DEADLINE && now_ms() >= timeouts->deadline)
            return FD_SOCKET_TIMEOUT;
        if (s->is_drained) {
            short ready;
            code = linger(s, reader);
            if (code == FD_OK)
                continue;
            if (code != FD_NEED_DATA)
                return code;
            int timeout = fd_reader_is_mid_message(reader) ? timeouts->progress : timeouts->idle;
            code = wait_for(s, POLLIN, timeout, timeouts->deadline, &ready);
            if (code != FD_OK)
                return code;
        }
        code = receive_once(s, reader);
        if (code != FD_OK && code != FD_NEED_DATA)
            return code;
    }
}

/* Drop n sent bytes from the front of the spans. */
static void advance(struct fd_socket *s, size_t n)
{
    s->bytes_sent += n;
    /* Spans of no bytes are gone as soon as they are first. */
    while (s->span_index < s->span_count && n >= s->spans[s->span_index].n)
        n -= s->spans[s->span_index++].n;
    if (n != 0) {
        s->spans[s->span_index].p += n;
        s->spans[s->span_index].n -= n;
    }
}

/* One send of what the spans hold. FD_OK, FD_NEED_DATA when the socket is full, or FD_SOCKET_FAILED. */
static int send_once(struct fd_socket *s)
{
    struct iovec vectors[FD_SEND_SPANS + FD_SEND_QUEUED];
    size_t count = s->span_count - s->span_index;
    for (size_t i = 0; i < count; i++) {
        vectors[i].iov_base = (void *)(uintptr_t)s->spans[s->span_index + i].p;
        vectors[i].iov_len = s->spans[s->span_index + i].n;
    }
    struct msghdr header = {.msg_iov = vectors, .msg_iovlen = FD_IOVLEN(count)};
    ssize_t n = sendmsg(s->descriptor, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0) {
        advance(s, (size_t)n);
        return FD_OK;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return FD_NEED_DATA;
    s->failure = errno;
    return FD_SOCKET_FAILED;
}

/* The peer says something while we send: FD_OK to go on sending, else what it was. */
static int listen_while_sending(struct fd_socket *s, struct fd_reader *reader)
{
    int code = receive_once(s, reader);
    if (code == FD_OK)
        code = fd_reader_next(reader);
    if (code == FD_NEED_DATA)
        return FD_OK;
    if (code >= FD_EVENT_P_DATA && code <= FD_EVENT_SHOWN) {
        s->pending = code;
        return FD_OK;
    }
    return code;
}

int fd_socket_queue(struct fd_socket *s, const uint8_t *p, size_t n)
{
    if (s->span_index == s->span_count)
        s->span_index = s->span_count = 0;
    if (s->span_count == FD_SEND_SPANS + FD_SEND_QUEUED)
        return FD_E_MEMORY;
    s->spans[s->span_count].p = p;
    s->spans[s->span_count].n = n;
    s->span_count++;
    return FD_OK;
}

/* Whether a span is the header of a PDU of which nothing has been sent. */
static int is_whole_header(const struct fd_socket *s, const struct fd_span *span)
{
    uintptr_t p = (uintptr_t)span->p;
    uintptr_t headers = (uintptr_t)s->headers;
    return span->n == FD_PREFIX && p >= headers && p - headers < sizeof s->headers;
}

void fd_socket_cut(struct fd_socket *s)
{
    for (size_t i = s->span_index; i < s->span_count; i++) {
        if (is_whole_header(s, &s->spans[i]))
            s->span_count = i;
    }
}

int fd_socket_send(struct fd_socket *s, struct fd_reader *reader, struct fd_writer *writer,
                   const struct fd_timeouts *timeouts)
{
    for (;;) {
        if (s->span_index == s->span_count) {
            s->span_index = 0;
            s->span_count = writer == NULL ? 0
                                           : fd_writer_fill(writer, s->headers, sizeof s->headers, s->spans,
                                                            FD_SEND_SPANS);
            if (s->span_count == 0)
                return FD_SOCKET_SENT;
        }
        int code = send_once(s);
        if (code == FD_OK)
            continue;
        if (code == FD_SOCKET_FAILED && s->pending == FD_NEED_DATA) {
            /* What the peer said before it closed, an A-ABORT most likely, says more than EPIPE. */
            int heard = listen_while_sending(s, reader);
            return heard == FD_EVENT_PDU ? heard : code;
        }
        if (code != FD_NEED_DATA)
            return code;
        short ready = 0;
        short events = s->pending == FD_NEED_DATA ? POLLIN | POLLOUT : POLLOUT;
        code = wait_for(s, events, timeouts->progress, timeouts->deadline, &ready);
        if (code == FD_OK && (ready & POLLIN) && s->pending == FD_NEED_DATA)
            code = listen_while_sending(s, reader);
        if (code != FD_OK)
            return code;
    }
}
