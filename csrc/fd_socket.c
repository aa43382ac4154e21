#define _POSIX_C_SOURCE 200809L
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE
#endif
#include "fd_socket.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#if defined(__linux__)
#include <linux/sockios.h>
#include <sys/ioctl.h>
#endif

#include "fd_clock.h"
#include "fd_port.h"

#define FD_SPIN_NS 200000       /* a wait's first part that is not slept */
#define FD_SPIN_BUSY_NS 1000000 /* away for so long, somebody else had the processor */
#define FD_SPIN_TURN_NS 5000    /* away for so long, somebody else had a turn */
#define FD_SPIN_TURNS 3         /* the peer may be one of them; with more there is work to do */
#define FD_SPIN_FAILURES 5      /* in a row: then one wait in 32 is tried again */
#define FD_SPIN_BUSY 7          /* the same for a busy processor: one in 128 */

#define FD_SHORT (16 << 10) /* bytes that are handed to the system in a few microseconds */

#define FD_PAUSE 10 /* milliseconds in which nothing comes: somebody waits for what has come */

#define FD_UNTAKEN_LEAST 65536 /* of a longer message, what the peer has not taken yet is looked at */

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* macOS: SO_NOSIGPIPE is set on the socket instead */
#endif

void fd_socket_open(struct fd_socket *s, int descriptor, int wake_descriptor)
{
    memset(s, 0, sizeof *s);
    s->descriptor = descriptor;
    s->wake_descriptor = wake_descriptor;
    s->is_drained = 1;
}

void fd_socket_close(struct fd_socket *s)
{
    free(s->sending);
    s->sending = NULL;
    s->span_count = s->span_index = 0;
}

void fd_socket_rest(struct fd_socket *s)
{
    if (s->span_index == s->span_count)
        fd_socket_close(s);
}

/* Bytes that the peer's system has not acknowledged; 0 where that cannot be told. */
static int64_t untaken(int descriptor)
{
    int n = 0;
#if defined(__linux__)
    if (ioctl(descriptor, SIOCOUTQ, &n) != 0)
        n = 0;
#elif defined(SO_NWRITE)
    socklen_t size = sizeof n;
    if (getsockopt(descriptor, SOL_SOCKET, SO_NWRITE, &n, &size) != 0)
        n = 0;
#else
    (void)descriptor;
#endif
    return n;
}

/* For how long to linger, which another thread may be changing; -1 for as long as the wait may take. */
static int milliseconds_of(const volatile int64_t *linger)
{
    return linger == NULL ? -1 : (int)fd_atomic_get(linger);
}

/* Wait for one of events. FD_OK with what is ready in *ready, or how the wait ended. A lingering one ends early
 * with FD_SOCKET_QUIET, and goes on with the next call. */
static int wait_for(struct fd_socket *s, short events, int timeout, int64_t deadline,
                    const volatile int64_t *linger, short *ready)
{
    struct pollfd polled[2] = {{s->descriptor, events, 0}, {s->wake_descriptor, POLLIN, 0}};
    int64_t now = fd_clock_ms();
    if (s->wait_begin == 0)
        s->wait_begin = linger != NULL && s->quiet_begin != 0 ? s->quiet_begin : now;
    /* Neither a signal nor the end of lingering gives the peer its time anew. */
    if (timeout >= 0)
        timeout = now - s->wait_begin < timeout ? timeout - (int)(now - s->wait_begin) : 0;
    if (deadline != FD_NO_DEADLINE) {
        int64_t left = deadline - now;
        left = left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : left;
        if (timeout < 0 || left < timeout)
            timeout = (int)left;
    }
    int moment = milliseconds_of(linger);
    int lingers = moment >= 0 && (timeout < 0 || moment < timeout);
    int count = poll(polled, 2, lingers ? moment : timeout);
    if (count < 0 && errno == EINTR)
        return FD_SOCKET_SIGNAL;
    if (count == 0 && lingers) {
        /* Who comes back has been told that there is something: it is received at once. */
        s->is_drained = 0;
        s->quiet_begin = s->wait_begin;
        s->wait_begin = 0;
        return FD_SOCKET_QUIET;
    }
    s->wait_begin = 0;
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

int fd_socket_has_news(const struct fd_socket *s)
{
    struct pollfd polled[2] = {{s->descriptor, POLLIN, 0}, {s->wake_descriptor, POLLIN, 0}};
    return poll(polled, 2, 0) != 0;
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
        s->wait_begin = s->quiet_begin = 0;
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

/* Threads of this process that spin. One at a time is enough to keep a processor awake. */
static volatile int64_t spinning;

/* Look again and again, and let others go first in between (sched_yield). */
static int look_again(struct fd_socket *s, struct fd_reader *reader)
{
    int64_t now = fd_clock_ns();
    int64_t end = now + FD_SPIN_NS;
    int turns_of_others = 0;
    do {
        int64_t before = now;
        int code = receive_once(s, reader);
        if (code != FD_NEED_DATA)
            return code;
        sched_yield();
        now = fd_clock_ns();
        turns_of_others += now - before > FD_SPIN_TURN_NS;
        if (now - before > FD_SPIN_BUSY_NS)
            s->spin_failures = FD_SPIN_BUSY;
    } while (now < end && turns_of_others <= FD_SPIN_TURNS);
    return FD_NEED_DATA;
}

/* Before going to sleep, look again for a short while: in an exchange of messages the next one is on its
 * way, and to be put to sleep and woken takes longer than to wait for it. Where nothing comes in time again
 * and again, ever fewer waits are tried, and on a processor that others want hardly any: a link with a long
 * way to go, or a busy machine, costs next to no CPU. */
static int spin(struct fd_socket *s, struct fd_reader *reader)
{
    int code = FD_NEED_DATA;
    if (s->spin_pause > 0) {
        s->spin_pause--;
        return FD_NEED_DATA;
    }
    if (fd_atomic_add(&spinning, 1) == 1)
        code = look_again(s, reader);
    fd_atomic_add(&spinning, -1);
    if (code != FD_NEED_DATA) {
        s->spin_failures = 0;
        return code;
    }
    s->spin_pause = 1 << s->spin_failures;
    s->spin_failures += s->spin_failures < FD_SPIN_FAILURES;
    return FD_NEED_DATA;
}

/* Before a wait within a message: has less moved in the last window than has to? */
static int is_too_slow(struct fd_socket *s, const struct fd_timeouts *timeouts)
{
    uint64_t moved = s->bytes_received + s->bytes_sent;
    if (timeouts->window <= 0)
        return 0;
    int64_t now = fd_clock_ms();
    if (s->window_begin == 0) {
        s->window_begin = now + 1; /* rounded up: no window is shorter than it has to be */
        s->window_moved = moved;
        return 0;
    }
    if (now - s->window_begin < timeouts->window)
        return 0;
    int is_slow = moved - s->window_moved < timeouts->window_least;
    s->window_begin = now + 1;
    s->window_moved = moved;
    return is_slow;
}

/* Within a message: wait as long as progress allows, but look at the throughput when a window has passed. */
static int wait_within(struct fd_socket *s, short events, const struct fd_timeouts *timeouts,
                       const volatile int64_t *linger, short *ready)
{
    int timeout = timeouts->progress;
    int is_cut = 0;
    if (is_too_slow(s, timeouts))
        return FD_SOCKET_TOO_SLOW;
    if (timeouts->window > 0) {
        int64_t left = s->window_begin + timeouts->window - fd_clock_ms();
        is_cut = timeout < 0 || left < timeout;
        if (is_cut)
            timeout = left > 0 ? (int)left : 0;
    }
    *ready = 0;
    int code = wait_for(s, events, timeout, timeouts->deadline, linger, ready);
    int is_over = timeouts->deadline != FD_NO_DEADLINE && fd_clock_ms() >= timeouts->deadline;
    return code == FD_SOCKET_TIMEOUT && is_cut && !is_over ? FD_OK : code;
}

/* Whether the peer has taken some of what we sent since this was asked last, although it says nothing: what
 * the system keeps for it may take longer than a timeout on its way. */
static int is_still_taking(struct fd_socket *s)
{
    int64_t before = s->untaken;
    s->untaken = before > 0 ? untaken(s->descriptor) : 0;
    return s->untaken < before;
}

/* Somebody waits for what has come of the data set: not for long. */
static int wait_for_pause(struct fd_socket *s, int event, const struct fd_timeouts *timeouts)
{
    struct fd_timeouts shorter = *timeouts;
    short ready;
    if (shorter.progress < 0 || shorter.progress > FD_PAUSE)
        shorter.progress = FD_PAUSE;
    int code = wait_within(s, POLLIN, &shorter, NULL, &ready);
    int is_over = timeouts->deadline != FD_NO_DEADLINE && fd_clock_ms() >= timeouts->deadline;
    return code == FD_SOCKET_TIMEOUT && !is_over ? event : code;
}

/* Wait for a message to begin, or within one for it to go on. */
static int wait_to_receive(struct fd_socket *s, const struct fd_reader *reader,
                           const struct fd_timeouts *timeouts, const volatile int64_t *linger)
{
    short ready;
    int event = fd_reader_at_pause(reader);
    if (event != 0)
        return wait_for_pause(s, event, timeouts);
    if (fd_reader_is_mid_message(reader))
        return wait_within(s, POLLIN, timeouts, linger, &ready);
    s->window_begin = 0;
    int code = wait_for(s, POLLIN, timeouts->idle, timeouts->deadline, linger, &ready);
    int is_over = timeouts->deadline != FD_NO_DEADLINE && fd_clock_ms() >= timeouts->deadline;
    return code == FD_SOCKET_TIMEOUT && !is_over && is_still_taking(s) ? FD_OK : code;
}

int64_t fd_socket_due(const struct fd_socket *s, const struct fd_reader *reader,
                      const struct fd_timeouts *timeouts)
{
    int is_within = fd_reader_is_mid_message(reader);
    int timeout = is_within ? timeouts->progress : timeouts->idle;
    int64_t begin = s->quiet_begin != 0 ? s->quiet_begin : fd_clock_ms();
    int64_t due = timeouts->deadline;
    if (timeout >= 0 && (due == FD_NO_DEADLINE || begin + timeout < due))
        due = begin + timeout;
    if (is_within && timeouts->window > 0 && s->window_begin != 0 &&
        (due == FD_NO_DEADLINE || s->window_begin + timeouts->window < due))
        due = s->window_begin + timeouts->window;
    return due;
}

int fd_socket_receive(struct fd_socket *s, struct fd_reader *reader, const struct fd_timeouts *timeouts,
                      const volatile int64_t *linger)
{
    for (int has_received = 0;; has_received = 1) {
        int code = fd_reader_next(reader);
        if (code != FD_NEED_DATA)
            return code;
        /* A peer that always has more to say must not outlast the deadline. */
        if (has_received && timeouts->deadline != FD_NO_DEADLINE && fd_clock_ms() >= timeouts->deadline)
            return FD_SOCKET_TIMEOUT;
        if (s->is_drained) {
            /* Who only looks whether something has come does not spin, and tells nothing about those who do. */
            int is_over = timeouts->deadline != FD_NO_DEADLINE && fd_clock_ms() >= timeouts->deadline;
            code = is_over || milliseconds_of(linger) == 0 ? FD_NEED_DATA : spin(s, reader);
            if (code == FD_OK)
                continue;
            if (code != FD_NEED_DATA)
                return code;
            code = wait_to_receive(s, reader, timeouts, linger);
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
    s->wait_begin = s->quiet_begin = 0;
    /* Spans of no bytes are gone as soon as they are first. */
    struct fd_span *spans = s->sending->spans;
    while (s->span_index < s->span_count && n >= spans[s->span_index].n)
        n -= spans[s->span_index++].n;
    if (n != 0) {
        spans[s->span_index].p += n;
        spans[s->span_index].n -= n;
    }
}

/* One send of what the spans hold. FD_OK, FD_NEED_DATA when the socket is full, or FD_SOCKET_FAILED. */
static int send_once(struct fd_socket *s)
{
    struct iovec vectors[FD_SEND_SPANS + FD_SEND_QUEUED];
    size_t count = s->span_count - s->span_index;
    for (size_t i = 0; i < count; i++) {
        vectors[i].iov_base = (void *)(uintptr_t)s->sending->spans[s->span_index + i].p;
        vectors[i].iov_len = s->sending->spans[s->span_index + i].n;
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
    int code = s->has_heard ? FD_OK : receive_once(s, reader);
    if (code == FD_OK)
        code = fd_reader_next(reader);
    s->has_heard = code != FD_NEED_DATA;
    return code == FD_NEED_DATA ? FD_OK : code;
}

/* Wait for room, and for what the peer says meanwhile. FD_OK to go on sending, else what happened. */
static int wait_to_send(struct fd_socket *s, struct fd_reader *reader, const struct fd_timeouts *timeouts,
                        int listens)
{
    short ready = 0;
    short events = listens ? POLLIN | POLLOUT : POLLOUT;
    int code = wait_within(s, events, timeouts, NULL, &ready);
    if (code == FD_OK && listens && (ready & POLLIN))
        code = listen_while_sending(s, reader);
    return code;
}

static int has_send_block(struct fd_socket *s)
{
    if (s->sending == NULL)
        s->sending = malloc(sizeof *s->sending);
    return s->sending != NULL;
}

int fd_socket_queue(struct fd_socket *s, const uint8_t *p, size_t n)
{
    if (s->span_index == s->span_count)
        s->span_index = s->span_count = 0;
    if (!has_send_block(s) || s->span_count == FD_SEND_SPANS + FD_SEND_QUEUED)
        return FD_E_MEMORY;
    s->sending->spans[s->span_count].p = p;
    s->sending->spans[s->span_count].n = n;
    s->span_count++;
    return FD_OK;
}

/* Whether a span is the header of a PDU of which nothing has been sent. */
static int is_whole_header(const struct fd_socket *s, const struct fd_span *span)
{
    uintptr_t p = (uintptr_t)span->p;
    uintptr_t headers = (uintptr_t)s->sending->headers;
    return span->n == FD_PREFIX && p >= headers && p - headers < sizeof s->sending->headers;
}

void fd_socket_cut(struct fd_socket *s)
{
    for (size_t i = s->span_index; i < s->span_count; i++) {
        if (is_whole_header(s, &s->sending->spans[i]))
            s->span_count = i;
    }
}

/* The next spans of what is sent; 0 when all has gone. */
static int has_more_to_send(struct fd_socket *s, struct fd_writer *writer)
{
    struct fd_send_block *block = s->sending;
    if (s->span_index != s->span_count)
        return 1;
    s->span_index = 0;
    s->span_count = writer == NULL ? 0
                                   : fd_writer_fill(writer, block->headers, sizeof block->headers, block->spans,
                                                    FD_SEND_SPANS);
    return s->span_count != 0;
}

/* All of it has been handed to the socket. */
static int has_sent(struct fd_socket *s)
{
    s->window_begin = 0;
    /* A little is taken in no time: it is not asked for. */
    s->untaken = s->bytes_sent - s->sent_before > FD_UNTAKEN_LEAST ? untaken(s->descriptor) : 0;
    s->sent_before = s->bytes_sent;
    return FD_SOCKET_SENT;
}

/* What the peer said before it closed, an A-ABORT most likely, says more than EPIPE. */
static int failed_to_send(struct fd_socket *s, struct fd_reader *reader)
{
    int heard = listen_while_sending(s, reader);
    return heard == FD_EVENT_PDU ? heard : FD_SOCKET_FAILED;
}

static int is_short(const struct fd_socket *s)
{
    size_t left = FD_SHORT;
    for (size_t i = s->span_index; i < s->span_count; i++) {
        if (s->sending->spans[i].n > left)
            return 0;
        left -= s->sending->spans[i].n;
    }
    return 1;
}

int fd_socket_send_short(struct fd_socket *s, struct fd_reader *reader, struct fd_writer *writer)
{
    if (s->has_heard || !has_send_block(s))
        return FD_NEED_DATA;
    if (has_more_to_send(s, writer)) {
        int code = is_short(s) ? send_once(s) : FD_NEED_DATA;
        if (code == FD_SOCKET_FAILED)
            return failed_to_send(s, reader);
        if (code == FD_NEED_DATA || has_more_to_send(s, writer))
            return FD_NEED_DATA;
    }
    return has_sent(s);
}

int fd_socket_send(struct fd_socket *s, struct fd_reader *reader, struct fd_writer *writer,
                   const struct fd_timeouts *timeouts, int listens)
{
    /* More may have come together with what was told last. */
    if (listens && s->has_heard) {
        int heard = listen_while_sending(s, reader);
        if (heard != FD_OK)
            return heard;
    }
    if (!has_send_block(s))
        return FD_E_MEMORY;
    while (has_more_to_send(s, writer)) {
        int code = send_once(s);
        if (code == FD_SOCKET_FAILED)
            return failed_to_send(s, reader);
        if (code == FD_NEED_DATA)
            code = wait_to_send(s, reader, timeouts, listens);
        if (code != FD_OK)
            return code;
    }
    return has_sent(s);
}
