/* The socket loop over a pair of sockets: both ends sending, waking, deadlines, ends, and cut messages. */
#define _POSIX_C_SOURCE 200809L
#include "fd_socket.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

#define CONTEXT 5
#define DATA_LENGTH 8000001

static uint8_t content[DATA_LENGTH];
static const struct fd_timeouts PATIENT = {20000, 20000, FD_NO_DEADLINE, 0, 0};
static const uint8_t ABORT[] = {FD_A_ABORT, 0, 0, 0, 0, 4, 0, 0, 2, 6};
static const uint8_t RELEASE_RQ[] = {FD_A_RELEASE_RQ, 0, 0, 0, 0, 4, 0, 0, 0, 0};

/* One end: a socket, its reader, and a message to send. */
struct end {
    int descriptor;
    int wakers[2];
    struct fd_pool pool;
    struct fd_reader reader;
    struct fd_socket socket;
    struct fd_writer writer;
    uint8_t command[64];
    struct fd_span data;
};

static void open_end(struct end *end, int descriptor)
{
    end->descriptor = descriptor;
    CHECK(pipe(end->wakers) == 0);
    fd_pool_open(&end->pool, 0);
    CHECK(fd_reader_open(&end->reader, &end->pool, 0, 1000, SIZE_MAX) == FD_OK);
    end->reader.mode = FD_MODE_DATA;
    end->reader.is_accepted[CONTEXT] = 1;
    fd_socket_open(&end->socket, descriptor, end->wakers[0]);
    size_t n = fd_command_store_us(end->command, FD_COMMAND_FIELD, 1);
    n += fd_command_store_us(end->command + n, FD_COMMAND_DATA_SET_TYPE, 0);
    struct fd_span command = {end->command, n};
    end->data.p = content;
    end->data.n = sizeof content;
    fd_writer_open(&end->writer, CONTEXT, fd_writer_fragment_maximum(16382), command, &end->data, 1, 1);
}

static void open_pair(struct end ends[2])
{
    int descriptors[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, descriptors) == 0);
    for (int i = 0; i < 2; i++)
        open_end(&ends[i], descriptors[i]);
}

static void close_end(struct end *end)
{
    fd_socket_close(&end->socket);
    fd_reader_close(&end->reader);
    fd_pool_close(&end->pool);
    if (end->descriptor >= 0)
        CHECK(close(end->descriptor) == 0);
    CHECK(close(end->wakers[0]) == 0 && close(end->wakers[1]) == 0);
}

static void close_pair(struct end ends[2])
{
    close_end(&ends[0]);
    close_end(&ends[1]);
}

static void take_content(struct end *end)
{
    struct fd_block block;
    size_t length;
    fd_reader_take(&end->reader, &block, &length);
    CHECK(length == sizeof content && memcmp(block.p, content, length) == 0);
    fd_pool_give(&end->pool, &block);
}

static void *send_and_receive(void *argument)
{
    struct end *end = argument;
    int received = 0;
    int code;
    while ((code = fd_socket_send(&end->socket, &end->reader, &end->writer, &PATIENT, 1)) == FD_EVENT_MESSAGE) {
        take_content(end);
        received++;
    }
    CHECK(code == FD_SOCKET_SENT);
    if (!received) {
        CHECK(fd_socket_receive(&end->socket, &end->reader, &PATIENT, NULL) == FD_EVENT_MESSAGE);
        take_content(end);
    }
    return NULL;
}

/* Neither can be done sending before the other reads. */
static void check_both_send(void)
{
    struct end ends[2];
    pthread_t thread;
    open_pair(ends);
    CHECK(pthread_create(&thread, NULL, send_and_receive, &ends[0]) == 0);
    send_and_receive(&ends[1]);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(ends[0].socket.bytes_sent == ends[1].socket.bytes_received);
    CHECK(ends[0].socket.bytes_sent > sizeof content);
    close_pair(ends);
}

static void *receive_message(void *argument)
{
    struct end *end = argument;
    CHECK(fd_socket_receive(&end->socket, &end->reader, &PATIENT, NULL) == FD_EVENT_MESSAGE);
    take_content(end);
    return NULL;
}

static void *receive_content(void *argument)
{
    struct end *end = argument;
    CHECK(fd_socket_receive(&end->socket, &end->reader, &PATIENT, NULL) == FD_EVENT_MESSAGE);
    take_content(end);
    CHECK(fd_socket_receive(&end->socket, &end->reader, &PATIENT, NULL) == FD_EVENT_PDU);
    CHECK(end->reader.pdu.n == sizeof RELEASE_RQ && memcmp(end->reader.pdu.p, RELEASE_RQ, sizeof RELEASE_RQ) == 0);
    return NULL;
}

static void wake(struct end *end)
{
    CHECK(write(end->wakers[1], "", 1) == 1);
}

static void drain(struct end *end)
{
    char byte;
    CHECK(read(end->wakers[0], &byte, 1) == 1);
}

static void check_wake(void)
{
    struct end ends[2];
    pthread_t thread;
    open_pair(ends);
    wake(&ends[0]);
    CHECK(fd_socket_receive(&ends[0].socket, &ends[0].reader, &PATIENT, NULL) == FD_SOCKET_WOKEN);
    CHECK(fd_socket_send(&ends[0].socket, &ends[0].reader, &ends[0].writer, &PATIENT, 1) == FD_SOCKET_WOKEN);
    CHECK(ends[0].socket.bytes_sent > 0 && ends[0].socket.bytes_sent < sizeof content);
    drain(&ends[0]);
    CHECK(pthread_create(&thread, NULL, receive_content, &ends[1]) == 0);
    CHECK(fd_socket_send(&ends[0].socket, &ends[0].reader, &ends[0].writer, &PATIENT, 1) == FD_SOCKET_SENT);
    CHECK(fd_socket_queue(&ends[0].socket, RELEASE_RQ, sizeof RELEASE_RQ) == FD_OK);
    CHECK(fd_socket_send(&ends[0].socket, &ends[0].reader, NULL, &PATIENT, 1) == FD_SOCKET_SENT);
    CHECK(pthread_join(thread, NULL) == 0);
    close_pair(ends);
}

static void check_timeouts(void)
{
    const struct fd_timeouts timeouts[] = {{0, 20000, FD_NO_DEADLINE, 0, 0}, {1, 20000, FD_NO_DEADLINE, 0, 0}, {20000, 20000, 1, 0, 0}};
    struct end ends[2];
    open_pair(ends);
    for (size_t i = 0; i < COUNT_OF(timeouts); i++)
        CHECK(fd_socket_receive(&ends[0].socket, &ends[0].reader, &timeouts[i], NULL) == FD_SOCKET_TIMEOUT);
    /* Once a PDU has begun, it is the other timeout that counts. */
    const struct fd_timeouts progress = {20000, 1, FD_NO_DEADLINE, 0, 0};
    CHECK(write(ends[1].descriptor, ABORT, 3) == 3);
    CHECK(fd_socket_receive(&ends[0].socket, &ends[0].reader, &progress, NULL) == FD_SOCKET_TIMEOUT);
    CHECK(write(ends[1].descriptor, ABORT + 3, 7) == 7);
    CHECK(fd_socket_receive(&ends[0].socket, &ends[0].reader, &progress, NULL) == FD_EVENT_PDU);
    CHECK(fd_socket_send(&ends[0].socket, &ends[0].reader, &ends[0].writer, &progress, 1) == FD_SOCKET_TIMEOUT);
    CHECK(fd_socket_send(&ends[0].socket, &ends[0].reader, &ends[0].writer, &timeouts[2], 1) == FD_SOCKET_TIMEOUT);
    close_pair(ends);
}

/* A peer that moves a byte now and then makes progress, and is too slow. */
static void check_too_slow(void)
{
    const struct fd_timeouts slow = {20000, 1, FD_NO_DEADLINE, 20, 1000};
    struct end ends[2];
    int code = FD_SOCKET_TIMEOUT;
    open_pair(ends);
    CHECK(write(ends[1].descriptor, ABORT, 3) == 3);
    for (int i = 0; i < 1000 && code == FD_SOCKET_TIMEOUT; i++)
        code = fd_socket_receive(&ends[0].socket, &ends[0].reader, &slow, NULL);
    CHECK(code == FD_SOCKET_TOO_SLOW);
    /* As fast as it has to be: half a PDU, of which no window is full. */
    const struct fd_timeouts fast = {20000, 1, FD_NO_DEADLINE, 20000, 1000};
    CHECK(fd_socket_receive(&ends[0].socket, &ends[0].reader, &fast, NULL) == FD_SOCKET_TIMEOUT);
    CHECK(write(ends[1].descriptor, ABORT + 3, 7) == 7);
    CHECK(fd_socket_receive(&ends[0].socket, &ends[0].reader, &fast, NULL) == FD_EVENT_PDU);
    /* The same for what is sent, once the socket is full. */
    code = FD_SOCKET_TIMEOUT;
    for (int i = 0; i < 1000 && code == FD_SOCKET_TIMEOUT; i++)
        code = fd_socket_send(&ends[0].socket, &ends[0].reader, &ends[0].writer, &slow, 1);
    CHECK(code == FD_SOCKET_TOO_SLOW);
    close_pair(ends);
}

/* A wait that goes on elsewhere: memory is given back, and what ends it is as it would have been. */
static void check_quiet(void)
{
    const int64_t moment = 1;
    const struct fd_timeouts usual = {20000, 15000, FD_NO_DEADLINE, 30000, 1};
    const struct fd_timeouts due = {2, 2, FD_NO_DEADLINE, 0, 0};
    struct end ends[2];
    open_pair(ends);
    CHECK(fd_socket_receive(&ends[0].socket, &ends[0].reader, &usual, &moment) == FD_SOCKET_QUIET);
    int64_t idle = fd_socket_due(&ends[0].socket, &ends[0].reader, &usual);
    CHECK(fd_socket_receive(&ends[0].socket, &ends[0].reader, &usual, &moment) == FD_SOCKET_QUIET);
    CHECK(fd_socket_due(&ends[0].socket, &ends[0].reader, &usual) == idle);
    /* What moves begins it anew, and a message has another timeout. */
    CHECK(write(ends[1].descriptor, ABORT, 3) == 3);
    CHECK(fd_socket_receive(&ends[0].socket, &ends[0].reader, &usual, &moment) == FD_SOCKET_QUIET);
    int64_t within = fd_socket_due(&ends[0].socket, &ends[0].reader, &usual);
    CHECK(within >= idle - 5000 && within <= idle + 5000);
    fd_socket_rest(&ends[0].socket);
    fd_reader_rest(&ends[0].reader);
    CHECK(ends[0].reader.staging_size < 100);
    /* Neither lingering nor coming back puts the end off. */
    int code = FD_SOCKET_QUIET;
    for (int i = 0; i < 10 && code == FD_SOCKET_QUIET; i++)
        code = fd_socket_receive(&ends[0].socket, &ends[0].reader, &due, &moment);
    CHECK(code == FD_SOCKET_TIMEOUT);
    CHECK(write(ends[1].descriptor, ABORT + 3, 7) == 7);
    CHECK(fd_socket_receive(&ends[0].socket, &ends[0].reader, &usual, &moment) == FD_EVENT_PDU);
    CHECK(ends[0].reader.pdu.n == sizeof ABORT && memcmp(ends[0].reader.pdu.p, ABORT, sizeof ABORT) == 0);
    /* The rest of a wait is not for what is sent. */
    CHECK(fd_socket_receive(&ends[0].socket, &ends[0].reader, &usual, &moment) == FD_SOCKET_QUIET);
    CHECK(fd_socket_queue(&ends[0].socket, RELEASE_RQ, sizeof RELEASE_RQ) == FD_OK);
    CHECK(fd_socket_send(&ends[0].socket, &ends[0].reader, NULL, &usual, 1) == FD_SOCKET_SENT);
    CHECK(ends[0].socket.quiet_begin == 0);
    close_pair(ends);
}

static void check_closed(void)
{
    struct end ends[2];
    open_pair(ends);
    CHECK(write(ends[1].descriptor, ABORT, sizeof ABORT) == sizeof ABORT);
    CHECK(close(ends[1].descriptor) == 0);
    ends[1].descriptor = -1;
    /* What the peer said before it closed comes first. */
    CHECK(fd_socket_send(&ends[0].socket, &ends[0].reader, &ends[0].writer, &PATIENT, 1) == FD_EVENT_PDU);
    CHECK(fd_socket_receive(&ends[0].socket, &ends[0].reader, &PATIENT, NULL) == FD_SOCKET_CLOSED);
    CHECK(fd_socket_send(&ends[0].socket, &ends[0].reader, &ends[0].writer, &PATIENT, 1) == FD_SOCKET_FAILED);
    CHECK(ends[0].socket.failure == EPIPE);
    close_pair(ends);
}

/* What the peer says in the middle of a message is told, and the sending goes on if that is wanted. */
static void check_heard_while_sending(void)
{
    struct end ends[2];
    open_pair(ends);
    CHECK(write(ends[1].descriptor, ABORT, sizeof ABORT) == sizeof ABORT);
    CHECK(fd_socket_send(&ends[0].socket, &ends[0].reader, &ends[0].writer, &PATIENT, 1) == FD_EVENT_PDU);
    CHECK(ends[0].reader.pdu.n == sizeof ABORT);
    uint8_t message[FD_PREFIX + 64];
    struct fd_pdv pdv = {CONTEXT, FD_IS_COMMAND | FD_IS_LAST, 20};
    size_t n = fd_pdv_store(message, &pdv);
    n += fd_command_store_us(message + n, FD_COMMAND_FIELD, 1);
    n += fd_command_store_us(message + n, FD_COMMAND_DATA_SET_TYPE, FD_NO_DATA_SET);
    const struct fd_timeouts impatient = {0, 0, FD_NO_DEADLINE, 0, 0};
    CHECK(write(ends[1].descriptor, message, n) == (ssize_t)n);
    CHECK(write(ends[1].descriptor, ABORT, sizeof ABORT) == sizeof ABORT);
    /* Who does not listen is not told. */
    CHECK(fd_socket_send(&ends[0].socket, &ends[0].reader, &ends[0].writer, &impatient, 0) == FD_SOCKET_TIMEOUT);
    CHECK(fd_socket_send(&ends[0].socket, &ends[0].reader, &ends[0].writer, &impatient, 1) == FD_EVENT_MESSAGE);
    CHECK(fd_command_us(&ends[0].reader.command, FD_COMMAND_FIELD, 0) == 1);
    struct fd_block block;
    size_t length;
    fd_reader_take(&ends[0].reader, &block, &length);
    fd_pool_give(&ends[0].pool, &block);
    /* What came together with it is told before anything is waited for. */
    CHECK(fd_socket_send(&ends[0].socket, &ends[0].reader, &ends[0].writer, &impatient, 1) == FD_EVENT_PDU);
    CHECK(fd_socket_send(&ends[0].socket, &ends[0].reader, &ends[0].writer, &impatient, 1) == FD_SOCKET_TIMEOUT);
    close_pair(ends);
}

/* What is short goes at once; of anything longer nothing has gone before fd_socket_send. */
static void check_short(void)
{
    struct end ends[2];
    open_pair(ends);
    CHECK(fd_socket_queue(&ends[0].socket, ABORT, sizeof ABORT) == FD_OK);
    CHECK(fd_socket_send_short(&ends[0].socket, &ends[0].reader, NULL) == FD_SOCKET_SENT);
    CHECK(fd_socket_receive(&ends[1].socket, &ends[1].reader, &PATIENT, NULL) == FD_EVENT_PDU);
    CHECK(ends[1].reader.pdu.n == sizeof ABORT);
    uint64_t before = ends[0].socket.bytes_sent;
    CHECK(fd_socket_send_short(&ends[0].socket, &ends[0].reader, &ends[0].writer) == FD_NEED_DATA);
    CHECK(ends[0].socket.bytes_sent == before);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, receive_message, &ends[1]) == 0);
    CHECK(fd_socket_send(&ends[0].socket, &ends[0].reader, &ends[0].writer, &PATIENT, 0) == FD_SOCKET_SENT);
    CHECK(pthread_join(thread, NULL) == 0);
    /* What the peer said before it closed is told here as well. */
    CHECK(write(ends[1].descriptor, ABORT, sizeof ABORT) == sizeof ABORT);
    CHECK(close(ends[1].descriptor) == 0);
    ends[1].descriptor = -1;
    CHECK(fd_socket_queue(&ends[0].socket, ABORT, sizeof ABORT) == FD_OK);
    int code = fd_socket_send_short(&ends[0].socket, &ends[0].reader, NULL);
    while (code == FD_SOCKET_SENT) { /* the first one meets nobody, the next is told so */
        CHECK(fd_socket_queue(&ends[0].socket, ABORT, sizeof ABORT) == FD_OK);
        code = fd_socket_send_short(&ends[0].socket, &ends[0].reader, NULL);
    }
    CHECK(code == FD_EVENT_PDU && ends[0].reader.pdu.n == sizeof ABORT);
    close_pair(ends);
}

static void *receive_raw(void *argument)
{
    const struct end *end = argument;
    static uint8_t received[DATA_LENGTH + 100000];
    size_t n = 0;
    size_t at = 0;
    for (;;) {
        ssize_t got = read(end->descriptor, received + n, sizeof received - n);
        CHECK(got >= 0);
        if (got == 0)
            break;
        n += (size_t)got;
    }
    while (at < n && received[at] == FD_P_DATA_TF) {
        struct fd_pdu pdu;
        CHECK(fd_pdu_peek(received + at, n - at, 16382, 0, &pdu) == FD_OK);
        CHECK(pdu.length <= n - at - FD_PDU_HEADER);
        at += FD_PDU_HEADER + pdu.length;
    }
    CHECK(n - at == 2 * sizeof ABORT && memcmp(received + at, RELEASE_RQ, sizeof RELEASE_RQ) == 0);
    CHECK(memcmp(received + at + sizeof ABORT, ABORT, sizeof ABORT) == 0);
    return NULL;
}

/* After a message that was cut the next PDU begins where a PDU may begin. */
static void check_cut(void)
{
    const struct fd_timeouts impatient = {0, 0, FD_NO_DEADLINE, 0, 0};
    struct end ends[2];
    pthread_t thread;
    open_pair(ends);
    CHECK(fd_socket_send(&ends[0].socket, &ends[0].reader, &ends[0].writer, &impatient, 1) == FD_SOCKET_TIMEOUT);
    fd_socket_cut(&ends[0].socket);
    CHECK(fd_socket_queue(&ends[0].socket, RELEASE_RQ, sizeof RELEASE_RQ) == FD_OK);
    CHECK(fd_socket_send(&ends[0].socket, &ends[0].reader, NULL, &impatient, 1) == FD_SOCKET_TIMEOUT);
    fd_socket_cut(&ends[0].socket);
    CHECK(fd_socket_queue(&ends[0].socket, ABORT, sizeof ABORT) == FD_OK);
    CHECK(pthread_create(&thread, NULL, receive_raw, &ends[1]) == 0);
    CHECK(fd_socket_send(&ends[0].socket, &ends[0].reader, NULL, &PATIENT, 1) == FD_SOCKET_SENT);
    CHECK(shutdown(ends[0].descriptor, SHUT_WR) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    close_pair(ends);
}

/* What waits is bounded; spans of no bytes do not stop the rest. */
static void check_queue(void)
{
    struct end ends[2];
    open_pair(ends);
    int queued = 0;
    while (fd_socket_queue(&ends[0].socket, RELEASE_RQ, queued % 2 ? sizeof RELEASE_RQ : 0) == FD_OK)
        queued++;
    CHECK(queued == FD_SEND_SPANS + FD_SEND_QUEUED);
    CHECK(fd_socket_send(&ends[0].socket, &ends[0].reader, NULL, &PATIENT, 1) == FD_SOCKET_SENT);
    CHECK(ends[0].socket.bytes_sent == (uint64_t)queued / 2 * sizeof RELEASE_RQ);
    CHECK(fd_socket_queue(&ends[0].socket, RELEASE_RQ, 0) == FD_OK);
    CHECK(fd_socket_send(&ends[0].socket, &ends[0].reader, NULL, &PATIENT, 1) == FD_SOCKET_SENT);
    close_pair(ends);
}

int main(void)
{
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)(i * 7 >> 2);
    check_both_send();
    check_wake();
    check_timeouts();
    check_too_slow();
    check_quiet();
    check_closed();
    check_short();
    check_heard_while_sending();
    check_cut();
    check_queue();
    return 0;
}
