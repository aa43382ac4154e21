/* The reader under any bytes, cut anywhere, with any settings: what is told must stand in memory. */
#include "fd_reader.h"

#include <stdlib.h>
#include <string.h>

#define SETTINGS 4
#define SHAPED 40000

static int write_nowhere(int descriptor, const struct fd_span *spans, size_t count)
{
    volatile uint8_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < spans[i].n; k++)
            sum = (uint8_t)(sum + spans[i].p[k]);
    }
    return descriptor == 1 && sum == 0 ? 5 : 0;
}

static void look_at(const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n + 1);
    if (copy != NULL && n != 0)
        memcpy(copy, p, n);
    free(copy);
}

/* Bytes that few inputs would hit on: each pair is a fragment's control and length, in a PDU of its own;
 * a command set is a whole one. Returns how many bytes they are. */
static size_t shape(const uint8_t *p, size_t n, uint8_t *shaped)
{
    size_t length = 0;
    for (; n >= 2 && length < SHAPED - 1200; p += 2, n -= 2) {
        struct fd_pdv pdv = {(uint8_t)(1 + (p[0] >> 6)), p[0] & 0x27, 4 * (uint32_t)p[1]};
        int is_command = (p[0] & 0x18) == 0;
        if (is_command) {
            pdv.control = FD_IS_COMMAND | FD_IS_LAST;
            pdv.fragment_length = 20;
        }
        uint8_t *fragment = shaped + length + fd_pdv_store(shaped + length, &pdv);
        memset(fragment, p[1], pdv.fragment_length);
        if (is_command) {
            fragment += fd_command_store_us(fragment, FD_COMMAND_FIELD, 1);
            fd_command_store_us(fragment, FD_COMMAND_DATA_SET_TYPE, p[1] & 1 ? FD_NO_DATA_SET : 1);
        }
        length += FD_PREFIX + pdv.fragment_length;
    }
    return length;
}

/* Answer an event. 0 when nothing may follow. */
static int answer(struct fd_reader *reader, struct fd_pool *pool, int code, uint8_t choice)
{
    if (code == FD_EVENT_MESSAGE) {
        struct fd_block block;
        size_t length;
        int is_in_memory = reader->sink == FD_SINK_MEMORY;
        fd_reader_take(reader, &block, &length);
        if (is_in_memory ? length > block.capacity || length > reader->memory_limit : block.p != NULL)
            abort();
        if (is_in_memory)
            look_at(block.p, length);
        fd_pool_give(pool, &block);
    } else if (code == FD_EVENT_PDU || code == FD_EVENT_SHOWN) {
        look_at(reader->pdu.p, reader->pdu.n);
    } else if (code == FD_EVENT_P_DATA) {
        reader->mode = FD_MODE_DATA;
    } else if (code == FD_EVENT_COMMAND || code == FD_EVENT_FULL) {
        if (choice & 1)
            fd_reader_write_to(reader, choice >> 1 & 1);
        else
            fd_reader_discard(reader);
    } else if (code != FD_EVENT_SINK_FAILED) {
        return 0;
    }
    return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct fd_pool pool;
    struct fd_reader reader;
    if (n < SETTINGS)
        return 0;
    uint8_t flags = p[0];
    size_t step = (size_t)p[1] << (p[1] & 7) | 1;
    size_t count = 1 + p[2] % FD_TARGETS;
    fd_pool_open(&pool, 1 << 20);
    if (fd_reader_open(&reader, &pool, flags & 1 ? 0 : 70000, 5000, (size_t)p[3] << 9) != FD_OK)
        abort();
    reader.mode = flags & 2 ? FD_MODE_ASSOCIATE : FD_MODE_DATA;
    reader.holds_commands = flags & 4;
    reader.is_observed = flags & 8;
    reader.sink_write = write_nowhere;
    memset(reader.is_accepted + 1, 1, 3);
    p += SETTINGS;
    n -= SETTINGS;
    static uint8_t shaped[SHAPED];
    if (flags & 64) {
        n = shape(p, n, shaped);
        p = shaped;
    }
    for (int is_over = 0; n != 0 && !is_over;) {
        struct fd_target targets[FD_TARGETS];
        size_t used = fd_reader_targets(&reader, targets, count);
        size_t done = 0;
        for (size_t i = 0; i < used && n != 0 && done < step; i++) {
            size_t part = targets[i].n < n ? targets[i].n : n;
            part = part < step - done ? part : step - done;
            memcpy(targets[i].p, p, part);
            p += part;
            n -= part;
            done += part;
        }
        fd_reader_commit(&reader, done);
        int code;
        while (!is_over && (code = fd_reader_next(&reader)) != FD_NEED_DATA)
            is_over = !answer(&reader, &pool, code, (uint8_t)(flags >> 4));
    }
    fd_reader_close(&reader);
    fd_pool_close(&pool);
    return 0;
}
