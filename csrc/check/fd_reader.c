/* Writer and reader joined: what was sent is what is received, wherever the network cuts.
 *
 * Messages are laid out by the writer for every kind of maximum length, and by hand with fragments that a
 * writer would not make. Each stream is received through one target and through all of them. */
#include "fd_reader.h"

#include "check.h"
#include "fd_writer.h"

#define MOST_MESSAGES 6
#define CONTEXT 5

/* ---- what is sent ------------------------------------------------------------------------------ */

struct sent {
    uint8_t command[64];
    size_t command_length;
    int has_data_set;
    uint8_t *data;
    size_t data_length;
};

struct stream {
    struct sent messages[MOST_MESSAGES];
    size_t count;
    uint8_t *bytes;
    size_t length;
    size_t capacity;
};

static void put(struct stream *stream, const void *p, size_t n)
{
    if (n > stream->capacity - stream->length) {
        stream->capacity = 2 * stream->capacity + n;
        stream->bytes = realloc(stream->bytes, stream->capacity);
        CHECK(stream->bytes != NULL);
    }
    if (n != 0)
        memcpy(stream->bytes + stream->length, p, n);
    stream->length += n;
}

static struct sent *add_message(struct stream *stream, struct random_numbers *numbers, size_t longest)
{
    struct sent *sent = &stream->messages[stream->count++];
    size_t n = fd_command_store_us(sent->command, FD_COMMAND_FIELD, 1);
    n += fd_command_store_us(sent->command + n, 0x0110, (uint16_t)stream->count);
    sent->has_data_set = random_below(numbers, 4) != 0;
    n += fd_command_store_us(sent->command + n, FD_COMMAND_DATA_SET_TYPE, sent->has_data_set ? 1 : FD_NO_DATA_SET);
    sent->command_length = n;
    sent->data_length = sent->has_data_set ? random_below(numbers, longest + 1) : 0;
    sent->data = malloc(sent->data_length + 1);
    CHECK(sent->data != NULL);
    for (size_t i = 0; i < sent->data_length; i++)
        sent->data[i] = (uint8_t)(random_below(numbers, 255));
    return sent;
}

static void write_message(struct stream *stream, const struct sent *sent, struct random_numbers *numbers,
                          uint32_t maximum)
{
    struct fd_span data[40];
    size_t count = 0;
    for (size_t done = 0; done < sent->data_length && count < COUNT_OF(data); count++) {
        size_t left = sent->data_length - done;
        data[count].p = sent->data + done;
        data[count].n = count + 1 == COUNT_OF(data) ? left : random_below(numbers, left / 3 + 2);
        done += data[count].n;
    }
    struct fd_writer writer;
    struct fd_span command = {sent->command, sent->command_length};
    fd_writer_open(&writer, CONTEXT, fd_writer_fragment_maximum(maximum), command, data, count,
                   sent->has_data_set);
    for (;;) {
        uint8_t headers[20 * FD_PREFIX];
        struct fd_span spans[30];
        size_t filled = fd_writer_fill(&writer, headers, sizeof headers, spans, COUNT_OF(spans));
        for (size_t i = 0; i < filled; i++)
            put(stream, spans[i].p, spans[i].n);
        if (filled == 0)
            return;
    }
}

/* Fragments of any size, several PDVs in a PDU, bits that are not tested set. */
static void scramble(struct stream *stream, const uint8_t *p, size_t n, uint8_t control, size_t usual,
                     struct random_numbers *numbers)
{
    size_t done = 0;
    int is_last = 0;
    while (!is_last) {
        uint8_t pdu[FD_PDU_HEADER] = {FD_P_DATA_TF, (uint8_t)random_below(numbers, 256)};
        size_t start = stream->length;
        size_t pdvs = random_below(numbers, 5) == 0 ? 1 + random_below(numbers, 3) : 1;
        put(stream, pdu, sizeof pdu);
        for (; pdvs != 0 && !is_last; pdvs--) {
            size_t fragment = random_below(numbers, 6) == 0 ? random_below(numbers, usual + 2) : usual;
            fragment = fragment < n - done ? fragment : n - done;
            is_last = done + fragment == n && random_below(numbers, 8) != 0;
            uint8_t pdv[FD_PDV_HEADER] = {0, 0, 0, 0, CONTEXT, (uint8_t)(control | (is_last ? FD_IS_LAST : 0))};
            if (random_below(numbers, 9) == 0)
                pdv[5] |= 0x84;
            fd_store_be32(pdv, (uint32_t)fragment + 2);
            put(stream, pdv, sizeof pdv);
            put(stream, p + done, fragment);
            done += fragment;
        }
        fd_store_be32(stream->bytes + start + 2, (uint32_t)(stream->length - start - FD_PDU_HEADER));
    }
}

static void end_stream(struct stream *stream)
{
    const uint8_t release_rq[] = {FD_A_RELEASE_RQ, 0, 0, 0, 0, 4, 0, 0, 0, 0};
    put(stream, release_rq, sizeof release_rq);
}

static void free_stream(struct stream *stream)
{
    for (size_t i = 0; i < stream->count; i++)
        free(stream->messages[i].data);
    free(stream->bytes);
}

/* ---- how it is received ------------------------------------------------------------------------ */

enum cut { CUT_ONE, CUT_NOWHERE, CUT_ANYWHERE, CUT_SMALL };

enum sink_choice { KEEP, WRITE_ALL, WRITE_WHEN_FULL, DISCARD_WHEN_FULL, FAIL_TO_WRITE, CUT, CUT_WHEN_FULL, SINK_CHOICES };

static int cuts_up(enum sink_choice choice)
{
    return choice == CUT || choice == CUT_WHEN_FULL;
}

static struct {
    uint8_t *bytes;
    size_t length;
    int fails;
} disk;

static int write_to_disk(int descriptor, const struct fd_span *spans, size_t count)
{
    CHECK(descriptor == 77);
    for (size_t i = 0; i < count; i++) {
        if (disk.fails)
            return 28;
        memcpy(disk.bytes + disk.length, spans[i].p, spans[i].n);
        disk.length += spans[i].n;
    }
    return 0;
}

static void deliver(struct fd_reader *reader, const struct stream *stream, size_t *at, size_t count,
                    enum cut cut, struct random_numbers *numbers)
{
    struct fd_target targets[FD_TARGETS];
    size_t used = fd_reader_targets(reader, targets, count);
    CHECK(used >= 1 && used <= count);
    size_t left = stream->length - *at;
    size_t n = cut == CUT_ONE ? 1 : cut == CUT_SMALL ? 1 + random_below(numbers, 30) : left;
    if (cut == CUT_ANYWHERE)
        n = 1 + random_below(numbers, random_below(numbers, 2) ? 100000 : 3000);
    n = n < left ? n : left;
    size_t done = 0;
    for (size_t i = 0; i < used && done < n; i++) {
        size_t part = targets[i].n < n - done ? targets[i].n : n - done;
        memcpy(targets[i].p, stream->bytes + *at + done, part);
        done += part;
    }
    CHECK(done != 0);
    *at += done;
    fd_reader_commit(reader, done);
}

/* A piece of a data set: for the check, it goes to the disk. */
static void take_piece(struct fd_reader *reader, struct fd_pool *pool, size_t most)
{
    struct fd_block block;
    size_t length;
    CHECK(fd_reader_take_piece(reader, &block, &length) == FD_OK && length <= most && length <= block.capacity);
    CHECK(!fd_reader_has_piece(reader));
    if (length != 0)
        memcpy(disk.bytes + disk.length, block.p, length);
    disk.length += length;
    fd_pool_give(pool, &block);
}

static void take_message(struct fd_reader *reader, struct fd_pool *pool, const struct sent *sent, int is_cut)
{
    enum fd_sink sink = reader->sink;
    struct fd_block block;
    size_t length;
    CHECK(reader->message_context == CONTEXT);
    CHECK(reader->command_length == sent->command_length);
    CHECK(memcmp(reader->command_bytes, sent->command, sent->command_length) == 0);
    CHECK(reader->is_in_data_set == sent->has_data_set);
    fd_reader_take(reader, &block, &length);
    if (is_cut && length != 0)
        memcpy(disk.bytes + disk.length, block.p, length);
    disk.length += is_cut ? length : 0;
    length = is_cut ? disk.length : length;
    CHECK(length == sent->data_length && reader->data_length == (sent->has_data_set ? length : 0));
    if (is_cut)
        CHECK(memcmp(disk.bytes, sent->data, length) == 0);
    else if (sink == FD_SINK_MEMORY) {
        CHECK(length <= reader->memory_limit && length <= block.capacity);
        CHECK(length == 0 || memcmp(block.p, sent->data, length) == 0);
    } else {
        CHECK(block.p == NULL);
    }
    if (sink == FD_SINK_WRITE)
        CHECK(disk.length == length && memcmp(disk.bytes, sent->data, length) == 0);
    disk.length = 0;
    fd_pool_give(pool, &block);
    CHECK(!fd_reader_is_mid_message(reader) || reader->begin != reader->end || reader->pdu_left != 0);
}

static void receive(const struct stream *stream, size_t count, enum cut cut, enum sink_choice choice,
                    int is_observed, struct random_numbers *numbers)
{
    struct fd_pool pool;
    struct fd_reader reader;
    size_t at = 0;
    size_t taken = 0;
    size_t shown = 0;
    int is_released = 0;
    size_t memory_limit = choice == KEEP || choice == CUT ? SIZE_MAX : 40000;
    size_t piece = (size_t[]){1, 1000, 70000, 262144}[random_below(numbers, 4)];
    fd_pool_open(&pool, 1 << 20);
    CHECK(fd_reader_open(&reader, &pool, 0, 1 << 20, memory_limit) == FD_OK);
    reader.mode = FD_MODE_DATA;
    reader.is_accepted[CONTEXT] = 1;
    reader.sink_write = write_to_disk;
    reader.holds_commands = choice == WRITE_ALL || choice == FAIL_TO_WRITE || choice == CUT;
    reader.is_observed = is_observed;
    disk.length = 0;
    disk.bytes = malloc(stream->length);
    disk.fails = choice == FAIL_TO_WRITE;
    CHECK(disk.bytes != NULL);
    while (at < stream->length) {
        int code;
        deliver(&reader, stream, &at, count, cut, numbers);
        if (fd_reader_at_pause(&reader) == FD_EVENT_FULL && random_below(numbers, 20) == 0)
            take_piece(&reader, &pool, piece);
        while ((code = fd_reader_next(&reader)) != FD_NEED_DATA) {
            if (code == FD_EVENT_MESSAGE) {
                take_message(&reader, &pool, &stream->messages[taken++], cuts_up(choice));
            } else if (code == FD_EVENT_PDU) {
                CHECK(taken == stream->count && reader.pdu.n == 10 && reader.pdu.p[0] == FD_A_RELEASE_RQ);
                is_released = 1;
            } else if (code == FD_EVENT_SHOWN) {
                CHECK(is_observed && reader.pdu.p[0] == FD_P_DATA_TF);
                shown += reader.pdu.n;
            } else if (code == FD_EVENT_SINK_FAILED) {
                CHECK(choice == FAIL_TO_WRITE && reader.sink_errno == 28);
            } else {
                CHECK(code == (reader.holds_commands ? FD_EVENT_COMMAND : FD_EVENT_FULL) || cuts_up(choice));
                if (cuts_up(choice) && code == FD_EVENT_FULL && reader.piece_length != 0) {
                    take_piece(&reader, &pool, piece);
                } else if (cuts_up(choice)) {
                    fd_reader_cut(&reader, piece);
                    take_piece(&reader, &pool, SIZE_MAX);
                } else if (choice == DISCARD_WHEN_FULL)
                    fd_reader_discard(&reader);
                else
                    CHECK(fd_reader_write_to(&reader, 77) == 0);
            }
        }
    }
    CHECK(is_released && taken == stream->count && !fd_reader_is_mid_message(&reader));
    CHECK(shown == (is_observed ? stream->length - 10 : 0) && pool.used == 0);
    free(disk.bytes);
    fd_reader_close(&reader);
    fd_pool_close(&pool);
}

static void receive_in_all_ways(const struct stream *stream, struct random_numbers *numbers)
{
    const enum cut cuts[] = {CUT_ONE, CUT_NOWHERE, CUT_ANYWHERE, CUT_SMALL};
    for (size_t i = 0; i < COUNT_OF(cuts); i++) {
        if (cuts[i] == CUT_ONE && stream->length > 60000)
            continue;
        for (int choice = KEEP; choice < SINK_CHOICES; choice++) {
            receive(stream, 1, cuts[i], (enum sink_choice)choice, 0, numbers);
            receive(stream, FD_TARGETS, cuts[i], (enum sink_choice)choice, 0, numbers);
        }
        receive(stream, FD_TARGETS, cuts[i], WRITE_ALL, 1, numbers);
        receive(stream, 1 + random_below(numbers, FD_TARGETS), cuts[i], KEEP, 1, numbers);
    }
}

static void check_written(uint32_t maximum, size_t longest, struct random_numbers *numbers)
{
    struct stream stream = {.count = 0};
    for (size_t count = 1 + random_below(numbers, MOST_MESSAGES); count != 0; count--) {
        const struct sent *sent = add_message(&stream, numbers, longest);
        write_message(&stream, sent, numbers, maximum);
    }
    end_stream(&stream);
    receive_in_all_ways(&stream, numbers);
    free_stream(&stream);
}

static void check_scrambled(size_t usual, size_t longest, struct random_numbers *numbers)
{
    struct stream stream = {.count = 0};
    for (size_t count = 1 + random_below(numbers, MOST_MESSAGES); count != 0; count--) {
        const struct sent *sent = add_message(&stream, numbers, longest);
        scramble(&stream, sent->command, sent->command_length, FD_IS_COMMAND, 16, numbers);
        if (sent->has_data_set)
            scramble(&stream, sent->data, sent->data_length, 0, usual, numbers);
    }
    end_stream(&stream);
    receive_in_all_ways(&stream, numbers);
    free_stream(&stream);
}

/* The limit on memory holds where blocks are larger than it: those of the pool, and those that have grown. */
static void check_memory_limit(void)
{
    struct stream stream = {.count = 0};
    struct random_numbers numbers = {11};
    struct sent *sent = &stream.messages[0];
    while (stream.count == 0 || !sent->has_data_set || sent->data_length < 1000000) {
        free_stream(&stream);
        stream = (struct stream){.count = 0};
        add_message(&stream, &numbers, 2000000);
    }
    write_message(&stream, sent, &numbers, 16382);
    for (size_t limit = 1; limit < 1000000; limit = 2 * limit + 1) {
        struct fd_pool pool;
        struct fd_reader reader;
        size_t at = 0;
        int code;
        fd_pool_open(&pool, 0);
        CHECK(fd_reader_open(&reader, &pool, 0, 0, limit) == FD_OK);
        reader.mode = FD_MODE_DATA;
        reader.is_accepted[CONTEXT] = 1;
        while ((code = fd_reader_next(&reader)) == FD_NEED_DATA)
            deliver(&reader, &stream, &at, FD_TARGETS, CUT_NOWHERE, &numbers);
        CHECK(code == FD_EVENT_FULL && reader.data_length <= limit);
        fd_reader_close(&reader);
    }
    free_stream(&stream);
}

/* Looks: told once so much has come and not before, whatever the fragments promise; at a pause with a quarter.
 * However much there is to be received, not much more is. */
static void check_looks(size_t look, uint32_t maximum, enum cut cut)
{
    struct stream stream = {.count = 0};
    struct random_numbers numbers = {13};
    struct fd_pool pool;
    struct fd_reader reader;
    size_t at = 0;
    int code;
    while (stream.count == 0 || !stream.messages[0].has_data_set || stream.messages[0].data_length < 300000) {
        free_stream(&stream);
        stream = (struct stream){.count = 0};
        add_message(&stream, &numbers, 400000);
    }
    write_message(&stream, &stream.messages[0], &numbers, maximum);
    fd_pool_open(&pool, 0);
    CHECK(fd_reader_open(&reader, &pool, 0, 0, SIZE_MAX) == FD_OK);
    reader.mode = FD_MODE_DATA;
    reader.is_accepted[CONTEXT] = 1;
    reader.holds_commands = 1;
    while ((code = fd_reader_next(&reader)) == FD_NEED_DATA)
        deliver(&reader, &stream, &at, FD_TARGETS, CUT_NOWHERE, &numbers);
    CHECK(code == FD_EVENT_COMMAND);
    fd_reader_look(&reader, look);
    while ((code = fd_reader_next(&reader)) == FD_NEED_DATA) {
        CHECK(fd_reader_held(&reader) < look);
        CHECK(fd_reader_at_pause(&reader) == (fd_reader_held(&reader) > look / 4 ? FD_EVENT_LOOK : 0));
        deliver(&reader, &stream, &at, FD_TARGETS, cut, &numbers);
    }
    CHECK(code == FD_EVENT_LOOK && fd_reader_held(&reader) >= look && fd_reader_next(&reader) == FD_EVENT_LOOK);
    CHECK(fd_reader_held(&reader) - look < 32768);
    CHECK(memcmp(reader.data.p, stream.messages[0].data, fd_reader_held(&reader)) == 0);
    fd_reader_look(&reader, 0);
    CHECK(fd_reader_at_pause(&reader) == 0);
    while ((code = fd_reader_next(&reader)) == FD_NEED_DATA)
        deliver(&reader, &stream, &at, FD_TARGETS, CUT_NOWHERE, &numbers);
    CHECK(code == FD_EVENT_MESSAGE && reader.data_length == stream.messages[0].data_length);
    fd_reader_close(&reader);
    free_stream(&stream);
}

/* The budget of the pool: a data set waits where it has no room, and goes on when there is some. */
static void check_budget(void)
{
    struct stream stream = {.count = 0};
    struct random_numbers numbers = {12};
    struct fd_pool pool;
    struct fd_reader reader;
    struct fd_block block;
    size_t at = 0;
    int code;
    size_t length;
    while (stream.count == 0 || !stream.messages[0].has_data_set || stream.messages[0].data_length < 1000000) {
        free_stream(&stream);
        stream = (struct stream){.count = 0};
        add_message(&stream, &numbers, 2000000);
    }
    write_message(&stream, &stream.messages[0], &numbers, 16382);
    fd_pool_open(&pool, 0);
    pool.budget = 300000;
    CHECK(fd_pool_take_within(&pool, 300001, &block) == 0); /* now nothing else goes beyond it */
    CHECK(fd_reader_open(&reader, &pool, 0, 0, SIZE_MAX) == FD_OK);
    reader.mode = FD_MODE_DATA;
    reader.is_accepted[CONTEXT] = 1;
    while ((code = fd_reader_next(&reader)) == FD_NEED_DATA)
        deliver(&reader, &stream, &at, FD_TARGETS, CUT_NOWHERE, &numbers);
    CHECK(code == FD_EVENT_NO_ROOM && fd_reader_next(&reader) == FD_EVENT_NO_ROOM);
    CHECK(reader.data.capacity <= FD_BLOCK_MINIMUM && !fd_pool_has_room(&pool, reader.wanted));
    fd_pool_give(&pool, &block);
    CHECK(fd_pool_has_room(&pool, reader.wanted));
    while ((code = fd_reader_next(&reader)) == FD_NEED_DATA)
        deliver(&reader, &stream, &at, FD_TARGETS, CUT_NOWHERE, &numbers);
    CHECK(code == FD_EVENT_MESSAGE);
    fd_reader_take(&reader, &block, &length);
    CHECK(length == stream.messages[0].data_length && memcmp(block.p, stream.messages[0].data, length) == 0);
    fd_pool_give(&pool, &block);
    CHECK(pool.used == 0 && pool.beyond == NULL);
    fd_reader_close(&reader);
    free_stream(&stream);
}

int main(void)
{
    struct random_numbers numbers = {1};
    for (int round = 0; round < 6; round++) {
        check_written(8, 1500, &numbers);
        check_written(13, 2500, &numbers);
        check_written(300, 30000, &numbers);
        check_written(16382, 400000, &numbers);
        check_written(round % 2 ? 0 : UINT32_MAX, 700000, &numbers);
        check_scrambled(1 + random_below(&numbers, 10), 2000, &numbers);
        check_scrambled(2000, 50000, &numbers);
        check_scrambled(16376, 400000, &numbers);
        check_scrambled(90000, 700000, &numbers);
    }
    check_memory_limit();
    check_budget();
    for (enum cut cut = CUT_ONE; cut <= CUT_SMALL; cut++) {
        check_looks(1, 16382, cut);
        check_looks(8192, 16382, cut);
        check_looks(20000, 0, cut);
        check_looks(30000, 0, cut);
        check_looks(200000, 300, cut);
    }
    return 0;
}
