/* The writer with spans of any lengths for any maximum length of the peer, into room of any size: its PDUs hold
 * the message and nothing else, none is longer than the peer takes, and a reader gets the message back.
 *
 * An input: the context, the peer's maximum length (4), flags, the length of the command set (2), a number that
 * the room is made from (2), then the length of each span of the data set (2). With FLAG_STREAM the spans come
 * one after the other. */
#include "fd_reader.h"
#include "fd_writer.h"

#include "../check/check.h"

#define SETTINGS 10
#define SPANS 120
#define TOTAL ((size_t)60000)
#define HEADERS 64
#define ROOM 200

enum { FLAG_HAS_DATA_SET = 1, FLAG_LONG = 2, FLAG_STREAM = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* What is written: a command set, and spans that are allocated one by one. */
struct message {
    uint8_t *command;
    size_t command_length;
    struct fd_span data[SPANS];
    size_t data_count;
    size_t data_length;
};

/* What comes out: the command set and the data set, put together again from the PDUs. */
struct outcome {
    uint8_t *p;
    size_t n;
    size_t command_length;
    int is_complete;
};

static void fill(uint8_t *p, size_t n, size_t seed)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(seed + i + i / 251);
}

static void make_message(struct message *message, const uint8_t *p, size_t n)
{
    static const uint8_t text[600];
    int scale = p[5] & FLAG_LONG ? 4 : 0;
    size_t comment = fd_load_le16(p + 6) % 600;
    message->command = malloc(2 * (FD_ELEMENT_HEADER + 2) + FD_ELEMENT_HEADER + comment + 1);
    CHECK(message->command != NULL);
    size_t length = fd_command_store_us(message->command, FD_COMMAND_FIELD, 1);
    length += fd_command_store_us(message->command + length, FD_COMMAND_DATA_SET_TYPE,
                                  p[5] & FLAG_HAS_DATA_SET ? 1 : FD_NO_DATA_SET);
    length += fd_command_store_text(message->command + length, 0x0902, text, comment);
    message->command_length = length;
    for (p += SETTINGS, n -= SETTINGS; n >= 2 && message->data_count < SPANS; p += 2, n -= 2) {
        length = (size_t)fd_load_le16(p) << scale;
        length = length > TOTAL - message->data_length ? 0 : length;
        uint8_t *span = malloc(length != 0 ? length : 1);
        CHECK(span != NULL);
        fill(span, length, 17 * n);
        message->data[message->data_count].p = span;
        message->data[message->data_count++].n = length;
        message->data_length += length;
    }
}

/* One PDU from its spans: header, then fragment. Returns how many spans it is. */
static size_t take_pdu(struct outcome *outcome, const struct fd_span *spans, size_t count, uint8_t context_id,
                       uint32_t limit)
{
    struct fd_pdv pdv;
    size_t used = 1;
    CHECK(!outcome->is_complete && spans[0].n == FD_PREFIX && spans[0].p[0] == FD_P_DATA_TF);
    uint32_t length = fd_load_be32(spans[0].p + 2);
    CHECK(limit == 0 || length <= limit);
    CHECK(fd_pdv_peek(spans[0].p + FD_PDU_HEADER, FD_PDV_HEADER, length, &pdv) == FD_OK);
    CHECK(pdv.context_id == context_id && pdv.fragment_length == length - FD_PDV_HEADER);
    CHECK((pdv.control & FD_IS_LAST) || (pdv.fragment_length % 2 == 0 && pdv.fragment_length != 0));
    size_t left = pdv.fragment_length;
    for (; left != 0; used++) {
        CHECK(used < count && spans[used].n <= left);
        memcpy(outcome->p + outcome->n, spans[used].p, spans[used].n);
        outcome->n += spans[used].n;
        left -= spans[used].n;
    }
    while (used < count && spans[used].n == 0)
        used++;
    CHECK(((pdv.control & FD_IS_COMMAND) == 0) == (outcome->command_length != 0));
    if (pdv.control == (FD_IS_COMMAND | FD_IS_LAST))
        outcome->command_length = outcome->n;
    outcome->is_complete = pdv.control == FD_IS_LAST;
    return used;
}

static void feed(struct fd_reader *reader, const struct fd_span *span)
{
    for (size_t done = 0; done < span->n;) {
        struct fd_target target;
        CHECK(fd_reader_targets(reader, &target, 1) == 1);
        size_t part = target.n < span->n - done ? target.n : span->n - done;
        memcpy(target.p, span->p + done, part);
        fd_reader_commit(reader, part);
        done += part;
        int code = fd_reader_next(reader);
        CHECK(code == FD_NEED_DATA || code == FD_EVENT_MESSAGE);
    }
}

/* A data set that is added span by span has a byte at least. */
static int is_stream(const struct message *message, const uint8_t *settings)
{
    return (settings[5] & FLAG_STREAM) && (settings[5] & FLAG_HAS_DATA_SET) && message->data_length != 0;
}

static void write_message(struct message *message, const uint8_t *settings, struct outcome *outcome,
                          struct fd_reader *reader)
{
    uint32_t limit = fd_load_le32(settings + 1);
    uint32_t fragment_maximum = fd_writer_fragment_maximum(limit);
    struct random_numbers numbers = {fd_load_le16(settings + 8) + 1u};
    struct fd_span command = {message->command, message->command_length};
    struct fd_writer writer;
    uint8_t headers[HEADERS * FD_PREFIX];
    struct fd_span spans[ROOM];
    struct fd_span parts[2];
    uint8_t left[FD_WRITER_HELD];
    size_t added = 0;
    if (is_stream(message, settings))
        fd_writer_begin(&writer, settings[0], fragment_maximum, command);
    else
        fd_writer_open(&writer, settings[0], fragment_maximum, command, message->data, message->data_count,
                       settings[5] & FLAG_HAS_DATA_SET);
    for (;;) {
        size_t header_room = FD_PREFIX * (1 + random_below(&numbers, HEADERS));
        size_t span_room = 3 + random_below(&numbers, ROOM - 2);
        size_t count = fd_writer_fill(&writer, headers, header_room, spans, span_room);
        CHECK(count <= span_room);
        if (count == 0 && !writer.is_open)
            break;
        if (count == 0) {
            CHECK(fd_writer_left(&writer) <= FD_WRITER_HELD && !outcome->is_complete);
            parts[0].p = left;
            parts[0].n = fd_writer_copy_left(&writer, left);
            parts[1] = message->data[added++];
            fd_writer_add(&writer, parts, COUNT_OF(parts), added == message->data_count);
        }
        for (size_t i = 0; i < count;)
            i += take_pdu(outcome, spans + i, count - i, settings[0], limit);
        for (size_t i = 0; i < count; i++)
            feed(reader, &spans[i]);
    }
}

static void check_outcome(const struct message *message, const struct outcome *outcome, struct fd_reader *reader,
                          int has_data_set)
{
    CHECK(outcome->command_length == message->command_length && outcome->is_complete == has_data_set);
    CHECK(memcmp(outcome->p, message->command, message->command_length) == 0);
    CHECK(outcome->n == message->command_length + (has_data_set ? message->data_length : 0));
    CHECK(reader->command_length == message->command_length && fd_reader_staged(reader) == 0);
    CHECK(reader->data_length == (has_data_set ? message->data_length : 0));
    const uint8_t *p = outcome->p + outcome->command_length;
    for (size_t i = 0; has_data_set && i < message->data_count; p += message->data[i++].n)
        CHECK(memcmp(p, message->data[i].p, message->data[i].n) == 0);
    CHECK(reader->data_length == 0 ||
          memcmp(reader->data.p, outcome->p + outcome->command_length, reader->data_length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    if (n < SETTINGS || fd_writer_fragment_maximum(fd_load_le32(p + 1)) == 0)
        return 0;
    struct message message = {.data_count = 0};
    struct outcome outcome = {.n = 0};
    struct fd_pool pool;
    struct fd_reader reader;
    make_message(&message, p, n);
    outcome.p = malloc(message.command_length + message.data_length);
    CHECK(outcome.p != NULL);
    fd_pool_open(&pool, 0);
    CHECK(fd_reader_open(&reader, &pool, 0, 0, SIZE_MAX) == FD_OK);
    reader.mode = FD_MODE_DATA;
    reader.is_accepted[p[0]] = 1;
    if (p[0] != 0) { /* the reader knows no context 0 */
        write_message(&message, p, &outcome, &reader);
        check_outcome(&message, &outcome, &reader, p[5] & FLAG_HAS_DATA_SET);
    }
    fd_reader_close(&reader);
    fd_pool_close(&pool);
    for (size_t i = 0; i < message.data_count; i++)
        free((void *)(uintptr_t)message.data[i].p);
    free(message.command);
    free(outcome.p);
    return 0;
}
