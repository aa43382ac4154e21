/* The socket loop between two ends of one connection, by a script: the peer writes and reads when it likes, messages
 * are sent, cut short and followed by other PDUs. What arrives at the peer is whole PDUs with the bytes that were
 * sent, in order; what the peer says is told, and no wait takes time.
 *
 * An input: SETTINGS bytes, then instructions of two bytes each, what and how much. */
#define _DEFAULT_SOURCE /* SO_SNDBUF */
#include "fd_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../check/check.h"

#define SETTINGS 2
#define CONTEXT 1
#define INSTRUCTIONS 200
#define PATTERN 65536
#define SPANS 8

enum { FLAG_SMALL_BUFFER = 1, FLAG_HOLDS = 2, FLAG_OBSERVED = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const struct fd_timeouts AT_ONCE = {0, 0, FD_NO_DEADLINE, 0, 0};
static const struct fd_timeouts FOR_EVER = {-1, -1, FD_NO_DEADLINE, 0, 0};
static const int64_t no_linger = 0;
static const uint8_t ABORT[] = {FD_A_ABORT, 0, 0, 0, 0, 4, 0, 0, 2, 6};
static uint8_t pattern[PATTERN + 256];

/* What the peer has read: within which PDU and message it is. */
struct listener {
    uint8_t header[FD_PREFIX];
    size_t header_length;
    uint32_t left; /* of the PDU, behind the header */
    uint64_t offset; /* in the data set */
    int is_in_message;
    unsigned pdus;
};

struct script {
    int ours;
    int peers;
    int wakers[2];
    int is_peer_gone;
    struct fd_pool pool;
    struct fd_reader reader;
    struct fd_socket socket;
    struct fd_writer writer;
    int is_sending;  /* the writer's message has not gone whole */
    int is_flushing; /* only what is queued may go */
    uint8_t command[64];
    size_t command_length;
    struct fd_span data[SPANS];
    struct listener listener;
};

static void open_script(struct script *s, const uint8_t *settings)
{
    int descriptors[2];
    memset(s, 0, sizeof *s);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, descriptors) == 0 && pipe(s->wakers) == 0);
    s->ours = descriptors[0];
    s->peers = descriptors[1];
    CHECK(fcntl(s->peers, F_SETFL, O_NONBLOCK) == 0 && fcntl(s->wakers[0], F_SETFL, O_NONBLOCK) == 0);
    CHECK(fcntl(s->wakers[1], F_SETFL, O_NONBLOCK) == 0);
    int size = 2048;
    if (settings[0] & FLAG_SMALL_BUFFER)
        CHECK(setsockopt(s->ours, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
    fd_pool_open(&s->pool, 0);
    CHECK(fd_reader_open(&s->reader, &s->pool, 16384, 1000, (size_t)settings[1] << 8) == FD_OK);
    s->reader.mode = FD_MODE_DATA;
    s->reader.is_accepted[CONTEXT] = 1;
    s->reader.holds_commands = settings[0] & FLAG_HOLDS;
    s->reader.is_observed = settings[0] & FLAG_OBSERVED;
    fd_socket_open(&s->socket, s->ours, s->wakers[0]);
    s->socket.spin_pause = INT_MAX; /* it would only take time */
    s->command_length = fd_command_store_us(s->command, FD_COMMAND_FIELD, 1);
    s->command_length += fd_command_store_us(s->command + s->command_length, FD_COMMAND_DATA_SET_TYPE, 1);
}

static void close_script(struct script *s)
{
    fd_socket_close(&s->socket);
    fd_reader_close(&s->reader);
    fd_pool_close(&s->pool);
    close(s->ours);
    close(s->peers);
    close(s->wakers[0]);
    close(s->wakers[1]);
}

/* ---- the peer ---------------------------------------------------------------------------------- */

/* A header is whole: what PDU is it, and may it stand here? */
static void begin_pdu(struct listener *l)
{
    struct fd_pdv pdv;
    l->pdus++;
    if (l->header[0] == FD_A_ABORT) {
        CHECK(memcmp(l->header, ABORT, sizeof ABORT) == 0);
        l->left = 0;
        l->is_in_message = 0;
        return;
    }
    CHECK(l->header[0] == FD_P_DATA_TF);
    l->left = fd_load_be32(l->header + 2) - FD_PDV_HEADER;
    CHECK(fd_pdv_peek(l->header + FD_PDU_HEADER, FD_PDV_HEADER, l->left + FD_PDV_HEADER, &pdv) == FD_OK);
    CHECK(pdv.fragment_length == l->left && pdv.context_id == CONTEXT);
    CHECK(((pdv.control & FD_IS_COMMAND) == 0) == l->is_in_message);
    if (pdv.control & FD_IS_COMMAND)
        l->offset = 0;
    l->is_in_message = pdv.control != FD_IS_LAST;
}

static void hear(struct listener *l, const uint8_t *p, size_t n)
{
    while (n != 0) {
        size_t header = l->header_length != 0 && l->header[0] == FD_A_ABORT ? sizeof ABORT : FD_PREFIX;
        if (l->header_length < header) {
            l->header[l->header_length++] = *p++;
            n--;
            if (l->header_length == (l->header[0] == FD_A_ABORT ? sizeof ABORT : FD_PREFIX))
                begin_pdu(l);
        } else {
            size_t part = n < l->left ? n : l->left;
            if (!(l->header[11] & FD_IS_COMMAND)) {
                CHECK(memcmp(p, pattern + l->offset % 251, part) == 0);
                l->offset += part;
            }
            p += part;
            n -= part;
            l->left -= (uint32_t)part;
        }
        if (l->left == 0 && l->header_length == (l->header[0] == FD_A_ABORT ? sizeof ABORT : FD_PREFIX))
            l->header_length = 0;
    }
}

static void peer_reads(struct script *s, size_t n)
{
    static uint8_t bytes[65536];
    for (ssize_t got = 1; n != 0 && got > 0;) {
        got = recv(s->peers, bytes, n < sizeof bytes ? n : sizeof bytes, MSG_DONTWAIT);
        if (got > 0) {
            hear(&s->listener, bytes, (size_t)got);
            n -= (size_t)got;
        }
    }
}

static void peer_writes(struct script *s, const uint8_t *p, size_t n)
{
    /* What does not fit is lost, and the stream goes on with something else: a peer that sends nonsense. */
    ssize_t written = s->is_peer_gone ? 0 : send(s->peers, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    CHECK(written >= 0 || errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
}

static void peer_says(struct script *s, uint8_t how)
{
    uint8_t pdus[FD_PREFIX * 2 + 64 + 2048];
    struct fd_pdv command = {CONTEXT, FD_IS_COMMAND | FD_IS_LAST, (uint32_t)s->command_length};
    struct fd_pdv data = {CONTEXT, how & 8 ? FD_IS_LAST : 0, (uint32_t)(how & 7) * 256};
    size_t n = fd_pdv_store(pdus, &command);
    memcpy(pdus + n, s->command, s->command_length);
    n += s->command_length;
    n += fd_pdv_store(pdus + n, &data);
    memcpy(pdus + n, pattern, data.fragment_length);
    n += data.fragment_length;
    /* The upper bits: all of it, or how much is missing at its end. */
    size_t missing = (size_t)(how >> 4) * 9;
    peer_writes(s, pdus, n - (missing < n ? missing : n));
}

/* ---- this side --------------------------------------------------------------------------------- */

/* Take what was told. 0 when the connection is done with. */
static int take(struct script *s, int code)
{
    struct fd_block block;
    size_t length;
    CHECK(code != FD_E_MEMORY && code != FD_SOCKET_TOO_SLOW);
    if (code == FD_EVENT_MESSAGE) {
        int is_in_memory = s->reader.sink == FD_SINK_MEMORY;
        fd_reader_take(&s->reader, &block, &length);
        CHECK(is_in_memory ? length <= block.capacity && length <= s->reader.memory_limit : block.p == NULL);
        fd_pool_give(&s->pool, &block);
    } else if (code == FD_EVENT_COMMAND || code == FD_EVENT_FULL) {
        fd_reader_discard(&s->reader);
    } else if (code == FD_SOCKET_WOKEN) {
        uint8_t byte;
        CHECK(read(s->wakers[0], &byte, 1) == 1);
    } else if (code == FD_SOCKET_SENT) {
        s->is_sending = s->is_flushing = 0;
    } else if (code == FD_SOCKET_CLOSED || code == FD_SOCKET_FAILED) {
        CHECK(s->is_peer_gone);
        return 0;
    }
    return code >= 0;
}

static int go_on(struct script *s, int listens)
{
    if (!s->is_sending && !s->is_flushing)
        return 1;
    return take(s, fd_socket_send(&s->socket, &s->reader, s->is_flushing ? NULL : &s->writer, &AT_ONCE, listens));
}

static int send_message(struct script *s, uint8_t how)
{
    struct fd_span command = {s->command, s->command_length};
    uint64_t offset = 0;
    if (s->is_sending || s->is_flushing)
        return go_on(s, 1);
    for (size_t i = 0; i < SPANS; i++) {
        s->data[i].p = pattern + offset % 251;
        s->data[i].n = (size_t)(how & 31) * (i * 97 + (how >> 5) * 31);
        offset += s->data[i].n;
    }
    uint32_t maximum = how & 1 ? 64 : 16382;
    fd_writer_open(&s->writer, CONTEXT, fd_writer_fragment_maximum(maximum), command, s->data, SPANS, 1);
    s->is_sending = 1;
    return go_on(s, how & 2);
}

static int send_abort(struct script *s)
{
    fd_socket_cut(&s->socket);
    s->is_sending = 0;
    s->is_flushing = 1;
    int code = fd_socket_queue(&s->socket, ABORT, sizeof ABORT);
    CHECK(code == FD_OK || code == FD_E_MEMORY);
    return go_on(s, 1);
}

/* One instruction. 0 when nothing may follow. */
static int act(struct script *s, uint8_t what, uint8_t how)
{
    switch (what % 9) {
    case 0:
        peer_says(s, how);
        return 1;
    case 1:
        peer_writes(s, ABORT, how % (sizeof ABORT + 1));
        return 1;
    case 2:
        peer_reads(s, (size_t)how * 64);
        return 1;
    case 3:
        if (how & 1)
            return take(s, fd_socket_receive(&s->socket, &s->reader, &FOR_EVER, &no_linger));
        return take(s, fd_socket_receive(&s->socket, &s->reader, &AT_ONCE, NULL));
    case 4:
        return send_message(s, how);
    case 5:
        return go_on(s, how & 1);
    case 6:
        if (how >= 128)
            return send_abort(s);
        fd_socket_rest(&s->socket);
        fd_reader_rest(&s->reader);
        return 1;
    case 7:
        return how < 128 || write(s->wakers[1], "", 1) == 1;
    default:
        if (how < 240)
            return 1;
        s->is_peer_gone = 1;
        return shutdown(s->peers, how & 1 ? SHUT_WR : SHUT_RDWR) == 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct script s;
    if (n < SETTINGS)
        return 0;
    for (size_t i = 0; pattern[0] == 0 && i < sizeof pattern; i++)
        pattern[sizeof pattern - 1 - i] = (uint8_t)((sizeof pattern - 1 - i) % 251 + 1);
    open_script(&s, p);
    p += SETTINGS;
    n -= SETTINGS;
    int is_open = 1;
    for (int i = 0; is_open && i < INSTRUCTIONS && n >= 2; i++, p += 2, n -= 2)
        is_open = act(&s, p[0], p[1]);
    /* Whatever has been left: it can be sent, and stands there as a whole. */
    for (int i = 0; is_open && !s.is_peer_gone && (s.is_sending || s.is_flushing) && i < 10000; i++) {
        peer_reads(&s, SIZE_MAX);
        is_open = go_on(&s, 1);
    }
    if (is_open && !s.is_peer_gone) {
        CHECK(!s.is_sending && !s.is_flushing);
        peer_reads(&s, SIZE_MAX);
        CHECK(s.listener.header_length == 0 && s.listener.left == 0);
    }
    close_script(&s);
    return 0;
}
