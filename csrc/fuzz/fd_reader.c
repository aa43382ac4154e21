/* The reader under any bytes, with any settings. Cut in two ways, the same bytes must tell the same story;
 * every byte of a data set must come out once and in order; no memory may grow beyond its limit.
 *
 * An input is SETTINGS bytes, then either what the peer sends or, with FLAG_SHAPED, a short program that makes
 * PDUs: bytes alone would hardly ever get past the first header. */
#include "fd_reader.h"

#include "../check/check.h"

enum { FLAG_NO_DATA_LIMIT = 1, FLAG_ASSOCIATE = 2, FLAG_HOLDS = 4, FLAG_OBSERVED = 8, FLAG_SHAPED = 16 };

#define SETTINGS 8
#define SHAPED ((size_t)400000)
#define DATA_LIMIT 70000
#define FAILURE 5

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* ---- what is made of a program ----------------------------------------------------------------- */

struct shaper {
    uint8_t *p;
    size_t n;
    const uint8_t *program;
    size_t left;
};

static size_t make_command(uint8_t *p, int has_data_set)
{
    size_t n = fd_command_store_us(p, FD_COMMAND_FIELD, 1);
    return n + fd_command_store_us(p + n, FD_COMMAND_DATA_SET_TYPE, has_data_set ? 1 : FD_NO_DATA_SET);
}

/* A PDV in a PDU of its own; with split, cut into two PDVs of one PDU. */
static void shape_pdv(struct shaper *s, uint8_t context_id, uint8_t control, const uint8_t *fragment, size_t n,
                      int split)
{
    struct fd_pdv pdv = {context_id, control, (uint32_t)n};
    uint8_t *header = s->p + s->n;
    size_t first = split ? n / 2 : n;
    fd_pdv_store(header, &pdv);
    memcpy(header + FD_PREFIX, fragment, first);
    s->n += FD_PREFIX + first;
    if (!split)
        return;
    fd_store_be32(header + 2, (uint32_t)(n + 2 * FD_PDV_HEADER));
    fd_store_be32(header + 6, (uint32_t)(first + 2));
    header[11] = control & (uint8_t)~FD_IS_LAST;
    uint8_t *second = s->p + s->n;
    fd_store_be32(second, (uint32_t)(n - first + 2));
    second[4] = context_id;
    second[5] = control;
    memcpy(second + FD_PDV_HEADER, fragment + first, n - first);
    s->n += FD_PDV_HEADER + n - first;
}

static void shape_other(struct shaper *s, uint8_t type, size_t n)
{
    uint8_t *p = s->p + s->n;
    size_t length = type == FD_A_ASSOCIATE_RQ || type == FD_A_ASSOCIATE_AC ? n : 4;
    memset(p, 0, FD_PDU_HEADER + length);
    p[0] = type;
    fd_store_be32(p + 2, (uint32_t)length);
    s->n += FD_PDU_HEADER + length;
}

static void shape_raw(struct shaper *s, size_t n)
{
    n = n < s->left ? n : s->left;
    memcpy(s->p + s->n, s->program, n);
    s->n += n;
    s->program += n;
    s->left -= n;
}

/* One instruction: what, and a length. */
static void shape_one(struct shaper *s, uint8_t what, size_t n)
{
    static uint8_t content[65536 + 16];
    uint8_t command[FD_COMMAND_LIMIT / 1024];
    uint8_t context_id = (uint8_t)(1 + (what >> 3 & 3));
    int split = what & 32;
    for (size_t i = 0; content[0] == 0 && i < sizeof content; i++)
        content[sizeof content - 1 - i] = (uint8_t)(i % 251 + 1);
    switch (what & 7) {
    case 0:
        shape_pdv(s, context_id, FD_IS_COMMAND | FD_IS_LAST, command, make_command(command, n & 1), split);
        break;
    case 1:
        shape_pdv(s, context_id, 0, content + n % 16, n, split);
        break;
    case 2:
        shape_pdv(s, context_id, FD_IS_LAST, content + n % 13, n, split);
        break;
    case 3:
        shape_other(s, (uint8_t)(1 + (what >> 3) % 8), n);
        break;
    case 4: /* the same fragment again and again: what the reader predicts */
        for (size_t i = 0; i < 1 + (size_t)(what >> 3 & 15) && n < 4096; i++)
            shape_pdv(s, 1, 0, content + i, n, 0);
        break;
    case 5:
        shape_pdv(s, context_id, (uint8_t)n, content, n / 16, split);
        break;
    case 6:
        shape_raw(s, n % 64);
        break;
    default:
        shape_pdv(s, context_id, FD_IS_COMMAND | (what >> 5 & FD_IS_LAST), content, n, split);
    }
}

/* 3 bytes an instruction: what, and a length of 12 bits in the scale of the upper four. */
static size_t shape(const uint8_t *program, size_t n, uint8_t *p)
{
    struct shaper s = {p, 0, program, n};
    while (s.left >= 3 && s.n < SHAPED - 16 * 4096 - 66000) {
        uint8_t what = s.program[0];
        size_t length = (size_t)(s.program[1] | (s.program[2] & 15) << 8);
        length <<= s.program[2] >> 4 == 15 ? 4 : 0;
        s.program += 3;
        s.left -= 3;
        shape_one(&s, what, length);
    }
    return s.n;
}

/* ---- a run over it ----------------------------------------------------------------------------- */

/* What was told, in one number, and what went to the sink. */
struct run {
    struct fd_pool pool;
    struct fd_reader reader;
    const uint8_t *settings;
    uint64_t story;
    unsigned messages;
    int written; /* the descriptor that data goes to */
    uint64_t sink_length;
    uint64_t sink_hash; /* of what was written, or taken in pieces */
};

static struct run *running; /* the sink is told a descriptor only */

#define HASH_BEGIN UINT64_C(14695981039346656037)

static uint64_t hash_of(uint64_t hash, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ p[i]) * UINT64_C(1099511628211);
    return hash;
}

static void tell(struct run *run, uint64_t value)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
    run->story = hash_of(run->story, bytes, sizeof bytes);
}

/* A sink that fails when a data set gets longer than the settings say. */
static int write_down(int descriptor, const struct fd_span *spans, size_t count)
{
    CHECK(descriptor == running->written && count != 0 && count <= FD_SINK_SPANS);
    uint64_t limit = (uint64_t)running->settings[6] << 10;
    for (size_t i = 0; i < count; i++) {
        running->sink_length += spans[i].n;
        if (limit != 0 && running->sink_length > limit)
            return FAILURE;
        running->sink_hash = hash_of(running->sink_hash, spans[i].p, spans[i].n);
    }
    return 0;
}

/* Choices hang on what has been told so far, not on how it was cut. */
static unsigned choice(const struct run *run)
{
    return (run->settings[7] >> 2 * (run->messages % 4)) & 3u;
}

/* Where the pieces end hangs on the cuts; the message tells what they were together. */
static void take_piece(struct run *run)
{
    struct fd_block block;
    size_t length;
    CHECK(fd_reader_take_piece(&run->reader, &block, &length) == FD_OK && length <= block.capacity);
    CHECK(!fd_reader_has_piece(&run->reader));
    run->sink_length += length;
    run->sink_hash = hash_of(run->sink_hash, block.p, length);
    fd_pool_give(&run->pool, &block);
}

static void choose_sink(struct run *run, int is_full)
{
    if (!is_full)
        fd_reader_look(&run->reader, run->settings[6] & 15);
    if (choice(run) == 3) {
        fd_reader_cut(&run->reader, 1 + ((size_t)run->settings[6] << 9));
        take_piece(run);
    } else if (choice(run) == 1 || (is_full && choice(run) == 0)) {
        run->written = 3 + (int)run->messages;
        int failure = fd_reader_write_to(&run->reader, run->written);
        CHECK(failure == 0 || (failure == FAILURE && run->reader.sink == FD_SINK_DISCARD));
    } else if (choice(run) == 2 || is_full) {
        fd_reader_discard(&run->reader);
    }
}

static void take_message(struct run *run)
{
    struct fd_reader *reader = &run->reader;
    struct fd_block block;
    size_t length;
    enum fd_sink sink = reader->sink;
    int is_cut = reader->piece_length != 0;
    uint64_t data_length = reader->data_length;
    tell(run, reader->message_context);
    tell(run, hash_of(HASH_BEGIN, reader->command_bytes, reader->command_length));
    tell(run, (uint64_t)reader->is_in_data_set);
    tell(run, sink);
    tell(run, (uint64_t)reader->sink_errno);
    fd_reader_take(reader, &block, &length);
    tell(run, data_length);
    if (is_cut) {
        CHECK(sink == FD_SINK_MEMORY && run->sink_length + length == data_length);
        tell(run, hash_of(run->sink_hash, block.p, length));
    } else if (sink == FD_SINK_MEMORY) {
        CHECK(length <= block.capacity && length <= reader->memory_limit);
        tell(run, hash_of(HASH_BEGIN, block.p, length));
    } else {
        CHECK(block.p == NULL);
    }
    if (sink == FD_SINK_WRITE) {
        CHECK(run->sink_length == length);
        tell(run, run->sink_hash);
    }
    fd_pool_give(&run->pool, &block);
    run->messages++;
    run->sink_length = 0;
    run->sink_hash = HASH_BEGIN;
}

/* As an association does: it begins with an A-ASSOCIATE PDU and ends with a release or an abort. */
static void take_pdu(struct run *run)
{
    struct fd_reader *reader = &run->reader;
    tell(run, hash_of(HASH_BEGIN, reader->pdu.p, reader->pdu.n));
    CHECK(reader->pdu.n <= FD_PDU_HEADER + (size_t)reader->other_limit);
    if (reader->pdu.p[0] == FD_A_ASSOCIATE_RQ)
        reader->mode = FD_MODE_DATA;
    else if (reader->pdu.p[0] == FD_A_ASSOCIATE_RJ)
        reader->is_observed = !reader->is_observed;
    else if (reader->pdu.p[0] == FD_A_RELEASE_RP)
        reader->mode = FD_MODE_ASSOCIATE;
    else if (reader->pdu.p[0] == FD_A_ABORT)
        reader->mode = FD_MODE_DISCARD;
}

/* Take note of what is told and answer it. 0 when nothing may follow. */
static int answer(struct run *run, int code)
{
    struct fd_reader *reader = &run->reader;
    if (code == FD_EVENT_SINK_FAILED)
        return 1; /* when it is told hangs on the cuts; the message tells that it was */
    if (code == FD_EVENT_FULL && reader->piece_length != 0) {
        take_piece(run);
        return 1;
    }
    if (code == FD_EVENT_LOOK) { /* so is when that is */
        CHECK(fd_reader_held(reader) >= reader->look_length);
        fd_reader_look(reader, fd_reader_held(reader) < 5000 ? 3 * fd_reader_held(reader) : 0);
        return 1;
    }
    tell(run, (uint64_t)code);
    if (code == FD_EVENT_MESSAGE) {
        take_message(run);
    } else if (code == FD_EVENT_PDU) {
        take_pdu(run);
    } else if (code == FD_EVENT_SHOWN) {
        tell(run, hash_of(HASH_BEGIN, reader->pdu.p, reader->pdu.n));
    } else if (code == FD_EVENT_P_DATA) {
        reader->mode = choice(run) == 3 ? FD_MODE_DISCARD : FD_MODE_DATA;
    } else if (code == FD_EVENT_COMMAND || code == FD_EVENT_FULL) {
        choose_sink(run, code == FD_EVENT_FULL);
    } else {
        CHECK(code < 0 && code != FD_E_MEMORY);
        tell(run, reader->error_value);
        tell(run, reader->error_limit);
        return 0;
    }
    return 1;
}

static void check_bounds(const struct fd_reader *reader)
{
    size_t pdu = 2 * (FD_PDU_HEADER + (size_t)reader->other_limit);
    CHECK(reader->begin <= reader->end && reader->end <= reader->staging_size);
    CHECK(reader->staging_size <= (pdu > FD_STAGING_SIZE ? pdu : FD_STAGING_SIZE));
    CHECK(reader->command_length <= reader->command_capacity && reader->command_capacity <= FD_COMMAND_LIMIT);
    CHECK(reader->data.capacity <= 2 * (reader->memory_limit + reader->piece_length + FD_STAGING_SIZE));
    CHECK(reader->piece_length == 0 || fd_reader_held(reader) <= reader->piece_length);
    CHECK(reader->fragment_left <= reader->pdu_left);
}

/* Receive up to n bytes as a scattering read would; returns how many. */
static size_t receive(struct fd_reader *reader, const uint8_t *p, size_t n, size_t count)
{
    struct fd_target targets[FD_TARGETS];
    size_t used = fd_reader_targets(reader, targets, count);
    size_t done = 0;
    CHECK(used != 0 && used <= count && targets[0].n != 0);
    for (size_t i = 0; i < used && done < n; i++) {
        size_t part = targets[i].n < n - done ? targets[i].n : n - done;
        memcpy(targets[i].p, p + done, part);
        done += part;
    }
    fd_reader_commit(reader, done);
    return done;
}

/* steps: 0 for as much as is asked for, or what the lengths of the pieces are made from. */
static uint64_t tell_story(const uint8_t *settings, const uint8_t *p, size_t n, uint64_t steps, size_t step_limit)
{
    static const uint32_t other_limits[] = {4, 5000, 60000, 300000};
    struct run run = {.settings = settings, .story = HASH_BEGIN, .sink_hash = HASH_BEGIN};
    struct random_numbers numbers = {steps};
    uint8_t flags = settings[0];
    running = &run;
    fd_pool_open(&run.pool, 1 << 20);
    CHECK(fd_reader_open(&run.reader, &run.pool, flags & FLAG_NO_DATA_LIMIT ? 0 : DATA_LIMIT,
                         other_limits[settings[1] & 3], (size_t)settings[2] << 9) == FD_OK);
    run.reader.mode = flags & FLAG_ASSOCIATE ? FD_MODE_ASSOCIATE : FD_MODE_DATA;
    run.reader.holds_commands = flags & FLAG_HOLDS;
    run.reader.is_observed = flags & FLAG_OBSERVED;
    run.reader.sink_write = write_down;
    memset(run.reader.is_accepted + 1, 1, 3);
    for (int is_over = 0; n != 0 && !is_over;) {
        size_t step = steps == 0 ? n : 1 + random_below(&numbers, step_limit);
        size_t count = steps == 0 ? 1 : 1 + random_below(&numbers, FD_TARGETS);
        size_t done = receive(&run.reader, p, step < n ? step : n, count);
        int code;
        p += done;
        n -= done;
        if (steps != 0 && fd_reader_has_piece(&run.reader) && random_below(&numbers, 8) == 0)
            take_piece(&run);
        while (!is_over && (code = fd_reader_next(&run.reader)) != FD_NEED_DATA) {
            is_over = !answer(&run, code);
            check_bounds(&run.reader);
        }
        if (n == 0 && !is_over)
            tell(&run, (uint64_t)fd_reader_is_mid_message(&run.reader));
    }
    fd_reader_close(&run.reader);
    fd_pool_close(&run.pool);
    return run.story;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static uint8_t shaped[SHAPED];
    static const size_t step_limits[] = {3, 40, 700, 20000, 300000};
    if (n < SETTINGS)
        return 0;
    const uint8_t *settings = p;
    p += SETTINGS;
    n -= SETTINGS;
    if (settings[0] & FLAG_SHAPED) {
        n = shape(p, n, shaped);
        p = shaped;
    }
    size_t step_limit = step_limits[settings[3] % COUNT_OF(step_limits)];
    if (n / step_limit > 3000)
        step_limit = n / 3000;
    uint64_t steps = UINT64_C(0x9E3779B97F4A7C15) ^ fd_load_le16(settings + 4);
    uint64_t whole = tell_story(settings, p, n, 0, 0);
    CHECK(tell_story(settings, p, n, steps, step_limit) == whole);
    return 0;
}
