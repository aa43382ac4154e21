/* Where received bytes go: into the staging buffer, or in place. The reader's other half, fd_reader.c, takes
 * them apart. */
#include <stdlib.h>
#include <string.h>

#include "fd_reader.h"

#define FD_FIRST_READ ((size_t)24576)

/* Make room behind what is staged. A PDU that does not fit is within its limit: peek has checked. */
static int make_room(struct fd_reader *reader)
{
    if (reader->begin != 0) {
        memmove(reader->staging, reader->staging + reader->begin, fd_reader_staged(reader));
        reader->end = fd_reader_staged(reader);
        reader->begin = 0;
    }
    if (reader->end < reader->staging_size && reader->staging_size >= FD_STAGING_SIZE)
        return FD_OK;
    size_t size = 2 * reader->staging_size;
    if (reader->staging_size < FD_STAGING_SIZE) /* it has rested */
        size = FD_STAGING_SIZE;
    uint8_t *larger = realloc(reader->staging, size);
    if (larger == NULL)
        return FD_E_MEMORY;
    reader->staging = larger;
    reader->staging_size = size;
    return FD_OK;
}

/* How much more of the data set the memory at hand takes. A block from the pool may be larger than the limit. */
static size_t room_in_place(const struct fd_reader *reader)
{
    size_t limit = reader->piece_length != 0 ? reader->piece_length : reader->memory_limit;
    if (reader->look_length != 0 && reader->look_length < limit)
        limit = reader->look_length;
    if (reader->data.capacity < limit)
        limit = reader->data.capacity;
    size_t held = fd_reader_held(reader);
    return held < limit ? limit - held : 0;
}

/* Whether received bytes may go straight to the data set: within a fragment, or where the next PDU of the
 * data set is to begin and can be predicted. */
static int can_receive_in_place(const struct fd_reader *reader)
{
    if (reader->mode != FD_MODE_DATA || !reader->is_in_data_set || reader->is_observed ||
        reader->sink != FD_SINK_MEMORY || fd_reader_staged(reader) != 0)
        return 0;
    size_t room = room_in_place(reader);
    if (reader->is_in_pdv)
        return reader->fragment_left != 0 && room != 0;
    return reader->pdu_left == 0 && reader->usual_fragment != 0 && room >= reader->usual_fragment &&
           !(reader->pdv.control & FD_IS_COMMAND);
}

static size_t scatter(struct fd_reader *reader, struct fd_target *targets, size_t count)
{
    uint8_t *p = reader->data.p + fd_reader_held(reader);
    size_t room = room_in_place(reader);
    size_t used = 0;
    reader->is_direct = 1;
    if (reader->is_in_pdv) {
        used = 1;
        targets[0].p = p;
        targets[0].n = room < reader->fragment_left ? room : reader->fragment_left;
        p += targets[0].n;
        room -= targets[0].n;
        /* What follows can be predicted only if it is the next PDU of this data set. */
        if (targets[0].n != reader->pdu_left || (reader->pdv.control & FD_IS_LAST))
            return used;
    }
    size_t fragment = reader->usual_fragment;
    /* What is scattered must fit the staging buffer, should the prediction fail. */
    size_t staging_room = reader->staging_size;
    while (used + 2 <= count && fragment != 0 && fragment <= room && fragment + FD_PREFIX <= staging_room) {
        targets[used].p = reader->prefixes[reader->scattered_pairs];
        targets[used].n = FD_PREFIX;
        targets[used + 1].p = p;
        targets[used + 1].n = fragment;
        p += fragment;
        room -= fragment;
        staging_room -= fragment + FD_PREFIX;
        used += 2;
        reader->scattered_pairs++;
    }
    return used;
}

size_t fd_reader_staging(struct fd_reader *reader, struct fd_target *target)
{
    reader->is_direct = 0;
    reader->scattered_pairs = 0;
    if (make_room(reader) != FD_OK)
        return 0;
    target->p = reader->staging + reader->end;
    target->n = reader->staging_size - reader->end;
    return 1;
}

size_t fd_reader_targets(struct fd_reader *reader, struct fd_target *targets, size_t count)
{
    reader->is_direct = 0;
    reader->scattered_pairs = 0;
    if (can_receive_in_place(reader)) {
        size_t used = scatter(reader, targets, count < FD_TARGETS ? count : FD_TARGETS);
        if (used != 0)
            return used;
        reader->is_direct = 0;
    }
    if (fd_reader_staging(reader, &targets[0]) == 0)
        return 0;
    /* A message begins small, so that most of its data set is received in place. */
    if (reader->mode == FD_MODE_DATA && reader->sink == FD_SINK_MEMORY && fd_reader_staged(reader) == 0 &&
        targets[0].n > FD_FIRST_READ)
        targets[0].n = FD_FIRST_READ;
    return 1;
}

/* Whether the header is the predicted one: a PDU with one PDV, of the usual length, not the last. */
static int is_predicted(const struct fd_reader *reader, const uint8_t *prefix)
{
    struct fd_pdv usual = {reader->pdv.context_id, 0, reader->usual_fragment};
    uint8_t expected[FD_PREFIX];
    fd_pdv_store(expected, &usual);
    expected[1] = prefix[1]; /* reserved, not tested (PS3.8 9.3.5) */
    return memcmp(expected, prefix, FD_PREFIX) == 0;
}

static void stage(struct fd_reader *reader, const uint8_t *p, size_t n)
{
    memcpy(reader->staging + reader->end, p, n);
    reader->end += n;
}

/* Account for n scattered bytes; from the first unpredicted header on, copy them to the empty staging buffer. */
static void commit_scattered(struct fd_reader *reader, size_t n)
{
    reader->begin = reader->end = 0;
    size_t fragment = reader->usual_fragment;
    int is_repairing = 0;
    const uint8_t *data = NULL;
    if (reader->is_in_pdv)
        n = fd_reader_take_fragment(reader, n);
    for (size_t i = 0; i < reader->scattered_pairs && n != 0; i++) {
        size_t prefix_length = n < FD_PREFIX ? n : FD_PREFIX;
        if (!is_repairing && (prefix_length < FD_PREFIX || !is_predicted(reader, reader->prefixes[i]))) {
            is_repairing = 1;
            data = reader->data.p + fd_reader_held(reader);
        }
        n -= prefix_length;
        if (is_repairing) {
            size_t data_length = n < fragment ? n : fragment;
            stage(reader, reader->prefixes[i], prefix_length);
            stage(reader, data, data_length);
            data += data_length;
            n -= data_length;
        } else {
            reader->pdu_left = reader->fragment_left = reader->pdv.fragment_length = (uint32_t)fragment;
            reader->is_in_pdv = 1;
            reader->empty_pdvs = 0;
            n = fd_reader_take_fragment(reader, n);
        }
    }
}

void fd_reader_commit(struct fd_reader *reader, size_t n)
{
    if (reader->is_direct)
        commit_scattered(reader, n);
    else
        reader->end += n;
}
