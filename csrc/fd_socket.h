/* The socket loop of POSIX systems: poll, receive into a reader, send from a writer.
 *
 * The socket does not block. Each wait is for the socket and for a descriptor that wakes it, and has an end. */
#ifndef FD_SOCKET_H
#define FD_SOCKET_H

#include <stdint.h>

#include "fd_reader.h"
#include "fd_writer.h"

/* What the loop answers besides the events of fd_reader.h and the errors of fd_pdu.h. */
enum {
    FD_SOCKET_TIMEOUT = 30, /* nothing moved for as long as was allowed, or the deadline has passed */
    FD_SOCKET_CLOSED = 31,  /* the peer closed the connection */
    FD_SOCKET_FAILED = 32,  /* it broke; fd_socket.failure has the errno */
    FD_SOCKET_WOKEN = 33,   /* somebody wrote to the waking descriptor */
    FD_SOCKET_SIGNAL = 34,  /* a signal arrived */
    FD_SOCKET_SENT = 35,    /* the whole message has been handed to the socket */
    FD_SOCKET_TOO_SLOW = 36, /* within a message, less has moved than has to */
    FD_SOCKET_QUIET = 37     /* nothing has come for as long as one lingers: it may be waited for elsewhere */
};

#define FD_NO_DEADLINE INT64_C(-1)

struct fd_timeouts {
    int idle;         /* milliseconds to wait for a message to begin; -1 for ever */
    int progress;     /* milliseconds without a byte moved once it has begun; -1 for ever */
    int64_t deadline; /* of the monotonic clock in milliseconds, or FD_NO_DEADLINE */
    int window;       /* milliseconds in which, within a message, at least */
    uint64_t window_least; /* so many bytes have to move; window 0: no such rule */
};

#define FD_SEND_HEADERS 128
#define FD_SEND_SPANS 512
#define FD_SEND_QUEUED 16 /* PDUs that may wait behind them */

/* What is being sent. */
struct fd_send_block {
    uint8_t headers[FD_SEND_HEADERS * FD_PREFIX];
    struct fd_span spans[FD_SEND_SPANS + FD_SEND_QUEUED];
};

struct fd_socket {
    int descriptor;
    int wake_descriptor;
    int failure;
    int is_drained;   /* the last receive took all there was: poll before the next */
    int spin_pause;    /* waits that are to go to sleep at once */
    int spin_failures; /* how often in a row spinning was in vain */
    int has_heard;    /* the last send told what the peer said */
    int64_t wait_begin;   /* of a wait that a signal has interrupted, 0 for none */
    int64_t quiet_begin;  /* of a wait that goes on elsewhere, after FD_SOCKET_QUIET; 0 for none */
    int64_t window_begin; /* 0: not within a message */
    uint64_t window_moved; /* bytes at its begin */
    int64_t untaken;      /* of what was sent last, when that was looked at; 0: nothing, or not known */
    uint64_t sent_before; /* bytes_sent at the end of the last message */
    uint64_t bytes_received;
    uint64_t bytes_sent;
    struct fd_send_block *sending; /* NULL before the first message, and while resting */
    size_t span_count;
    size_t span_index;
};

/* wake_descriptor may be changed at any time but during a call; -1 for none. */
void fd_socket_open(struct fd_socket *s, int descriptor, int wake_descriptor);

/* Give back the memory; the descriptors are the caller's. */
void fd_socket_close(struct fd_socket *s);

/* Give back memory that is not needed until something is sent. */
void fd_socket_rest(struct fd_socket *s);

/* Whether a receive would tell something at once, as far as the system knows. */
int fd_socket_has_news(const struct fd_socket *s);

/* Receive until the reader has something to tell, or the wait ends.
 * linger, unless NULL, is for how many milliseconds a wait goes on here at most; it may change meanwhile.
 * After FD_SOCKET_QUIET the descriptor may be polled elsewhere until fd_socket_due; the next call goes on. */
int fd_socket_receive(struct fd_socket *s, struct fd_reader *reader, const struct fd_timeouts *timeouts,
                      const volatile int64_t *linger);

/* When a wait that goes on elsewhere ends at the latest: of the monotonic clock in milliseconds, or
 * FD_NO_DEADLINE. */
int64_t fd_socket_due(const struct fd_socket *s, const struct fd_reader *reader,
                      const struct fd_timeouts *timeouts);

/* Queue bytes that stay where they are until sent, behind what fd_socket_cut has left.
 * FD_OK, or FD_E_MEMORY when too much waits already. */
int fd_socket_queue(struct fd_socket *s, const uint8_t *p, size_t n);

/* Drop what is queued but for the rest of the PDU that has been begun: after it, another PDU may follow. */
void fd_socket_cut(struct fd_socket *s);

/* Send the writer's message. With listens, what the peer says meanwhile is received and told as
 * fd_socket_receive would: two sides that both send must both read. After whatever was told the same call
 * goes on. writer may be NULL: only what is queued. */
int fd_socket_send(struct fd_socket *s, struct fd_reader *reader, struct fd_writer *writer,
                   const struct fd_timeouts *timeouts, int listens);

/* The same for what is short and taken at once: FD_NEED_DATA when it is not, then fd_socket_send goes on. For a
 * caller who has a lock that others want: to let go of it, and have it again, takes longer than this. */
int fd_socket_send_short(struct fd_socket *s, struct fd_reader *reader, struct fd_writer *writer);

#endif
