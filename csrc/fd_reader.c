#include "fd_reader.h"

#include <stdlib.h>
#include <string.h>

#define FD_COMMAND_INITIAL ((size_t)1024)
#define FD_EXPECTED_INITIAL ((size_t)65536)
#define FD_EMPTY_PDVS 16
#define FD_STAGING_RESTING ((size_t)64)
#define FD_RESERVE ((size_t)1048576) /* memory taken on the word of a length field alone */
#define FD_SPARSE 8                  /* a piece that fills less than one part in so many is copied */

int fd_reader_open(struct fd_reader *reader, struct fd_pool *pool, uint32_t data_limit, uint32_t other_limit,
                   size_t memory_limit)
{
    memset(reader, 0, sizeof *reader);
    reader->pool = pool;
    reader->data_limit = data_limit;
    reader->other_limit = other_limit;
    reader->memory_limit = memory_limit;
    reader->expected_length = FD_EXPECTED_INITIAL;
    reader->staging = malloc(FD_STAGING_SIZE);
    reader->command_bytes = malloc(FD_COMMAND_INITIAL);
    if (reader->staging == NULL || reader->command_bytes == NULL) {
        fd_reader_close(reader);
        return FD_E_MEMORY;
    }
    reader->staging_size = FD_STAGING_SIZE;
    reader->command_capacity = FD_COMMAND_INITIAL;
    return FD_OK;
}

void fd_reader_close(struct fd_reader *reader)
{
    free(reader->staging);
    free(reader->command_bytes);
    reader->staging = NULL;
    reader->command_bytes = NULL;
    if (reader->pool != NULL)
        fd_pool_give(reader->pool, &reader->data);
}

void fd_reader_rest(struct fd_reader *reader)
{
    size_t staged = fd_reader_staged(reader);
    size_t size = staged > FD_STAGING_RESTING ? staged : FD_STAGING_RESTING;
    /* Not by realloc: it would leave a hole behind that the next staging buffer does not fit. */
    uint8_t *staging = size < reader->staging_size && reader->sink_count == 0 ? malloc(size) : NULL;
    if (staging != NULL) {
        memcpy(staging, reader->staging + reader->begin, staged);
        free(reader->staging);
        reader->staging = staging;
        reader->staging_size = size;
        reader->begin = 0;
        reader->end = staged;
    }
    if (reader->message_context == 0 && reader->command_capacity > FD_COMMAND_INITIAL) {
        uint8_t *smaller = realloc(reader->command_bytes, FD_COMMAND_INITIAL);
        if (smaller != NULL) {
            reader->command_bytes = smaller;
            reader->command_capacity = FD_COMMAND_INITIAL;
        }
    }
}

int fd_reader_is_mid_message(const struct fd_reader *reader)
{
    return reader->begin != reader->end || reader->pdu_left != 0 || reader->message_context != 0;
}

/* ---- the data set ------------------------------------------------------------------------------ */

static int flush_sink(struct fd_reader *reader)
{
    if (reader->sink_count == 0)
        return FD_OK;
    int failure = reader->sink_write(reader->sink_descriptor, reader->sink_spans, reader->sink_count);
    reader->sink_count = 0;
    if (failure == 0)
        return FD_OK;
    reader->sink_errno = failure;
    reader->sink = FD_SINK_DISCARD;
    return FD_EVENT_SINK_FAILED;
}

int fd_reader_write_to(struct fd_reader *reader, int descriptor)
{
    struct fd_span kept = {reader->data.p, fd_reader_held(reader)};
    int code = FD_OK;
    reader->sink = FD_SINK_WRITE;
    reader->sink_descriptor = descriptor;
    if (kept.n != 0) {
        reader->sink_spans[0] = kept;
        reader->sink_count = 1;
        code = flush_sink(reader);
    }
    fd_pool_give(reader->pool, &reader->data);
    return code == FD_OK ? 0 : reader->sink_errno;
}

void fd_reader_discard(struct fd_reader *reader)
{
    reader->sink = FD_SINK_DISCARD;
    reader->sink_count = 0;
    fd_pool_give(reader->pool, &reader->data);
}

void fd_reader_look(struct fd_reader *reader, size_t length)
{
    reader->look_length = length;
}

void fd_reader_cut(struct fd_reader *reader, size_t piece_length)
{
    reader->piece_length = piece_length;
}

int fd_reader_take_piece(struct fd_reader *reader, struct fd_block *data, size_t *length)
{
    size_t n = fd_reader_held(reader);
    /* Who keeps a short piece should not keep the room for a long one as well. */
    if (n <= reader->data.capacity / FD_SPARSE && reader->data.p != NULL) {
        if (fd_pool_take(reader->pool, n, data) != 0)
            return FD_E_MEMORY;
        memcpy(data->p, reader->data.p, n);
    } else {
        *data = reader->data;
        reader->data.p = NULL;
        reader->data.capacity = 0;
    }
    *length = n;
    reader->data_taken = reader->data_length;
    return FD_OK;
}

static int is_look_due(const struct fd_reader *reader)
{
    return reader->look_length != 0 && reader->is_in_data_set && reader->sink == FD_SINK_MEMORY &&
           fd_reader_held(reader) >= reader->look_length;
}

/* Whether a piece is as long as it gets: the next fragment would not be received in place any more. */
static int is_piece_whole(const struct fd_reader *reader)
{
    size_t held = fd_reader_held(reader);
    if (reader->piece_length == 0 || held == 0 || !reader->is_in_data_set || reader->sink != FD_SINK_MEMORY)
        return 0;
    if (held >= reader->piece_length)
        return 1;
    return reader->pdu_left == 0 && held >= reader->piece_length / 2 &&
           reader->piece_length - held < reader->usual_fragment;
}

static int first_block(struct fd_reader *reader, size_t n)
{
    size_t first = reader->expected_length > n ? reader->expected_length : n;
    int code = fd_pool_take_within(reader->pool, first, &reader->data);
    if (code != FD_POOL_FULL)
        return code;
    reader->wanted = n;
    /* A little can always be had: what is received may be what makes room. */
    return n <= FD_BLOCK_MINIMUM ? fd_pool_take(reader->pool, n, &reader->data)
                                 : fd_pool_take_within(reader->pool, n, &reader->data);
}

static int more(struct fd_reader *reader, size_t length)
{
    size_t capacity = reader->data.capacity;
    if (length <= capacity)
        return 0;
    /* As it is grown: to twice as much at least. */
    reader->wanted = length - capacity > capacity ? length - capacity : capacity;
    return fd_pool_grow_within(reader->pool, &reader->data, length);
}

/* Room for n staged bytes and a piece of what the fragment still promises; at first, for a data set as
 * long as the last one was. */
static int reserve(struct fd_reader *reader, size_t n)
{
    size_t held = fd_reader_held(reader);
    size_t promised = reader->fragment_left < FD_RESERVE ? reader->fragment_left : FD_RESERVE;
    int code;
    n = n > promised ? n : promised;
    if (n > reader->memory_limit - held)
        return FD_EVENT_FULL;
    code = reader->data.p == NULL ? first_block(reader, n) : more(reader, held + n);
    if (code == FD_POOL_FULL)
        return FD_EVENT_NO_ROOM;
    return code == 0 ? FD_OK : FD_E_MEMORY;
}

static int reserve_piece(struct fd_reader *reader)
{
    int code = reader->data.p == NULL ? fd_pool_take(reader->pool, reader->piece_length, &reader->data)
                                      : fd_pool_grow(reader->pool, &reader->data, reader->piece_length);
    return code == 0 ? FD_OK : FD_E_MEMORY;
}

/* Move staged bytes of the current fragment to the data set. */
static int append(struct fd_reader *reader)
{
    size_t n = fd_reader_staged(reader) < reader->fragment_left ? fd_reader_staged(reader) : reader->fragment_left;
    const uint8_t *p = reader->staging + reader->begin;
    int code = FD_OK;
    if (reader->sink == FD_SINK_MEMORY) {
        size_t held = fd_reader_held(reader);
        if (reader->piece_length != 0 && n > reader->piece_length - held)
            n = reader->piece_length - held;
        code = reader->piece_length == 0 ? reserve(reader, n) : reserve_piece(reader);
        if (code != FD_OK)
            return code;
        memcpy(reader->data.p + held, p, n);
    } else if (reader->sink == FD_SINK_WRITE && n != 0) {
        reader->sink_spans[reader->sink_count].p = p;
        reader->sink_spans[reader->sink_count].n = n;
        if (++reader->sink_count == FD_SINK_SPANS)
            code = flush_sink(reader);
    }
    reader->begin += n;
    fd_reader_take_fragment(reader, n);
    return code;
}

/* ---- the command set --------------------------------------------------------------------------- */

static int append_command(struct fd_reader *reader)
{
    size_t n = fd_reader_staged(reader) < reader->fragment_left ? fd_reader_staged(reader) : reader->fragment_left;
    if (reader->fragment_left > FD_COMMAND_LIMIT - reader->command_length) {
        reader->error_value = reader->fragment_left;
        reader->error_limit = (uint32_t)FD_COMMAND_LIMIT;
        return FD_E_COMMAND_LENGTH;
    }
    if (n > reader->command_capacity - reader->command_length) {
        uint8_t *larger = realloc(reader->command_bytes, FD_COMMAND_LIMIT);
        if (larger == NULL)
            return FD_E_MEMORY;
        reader->command_bytes = larger;
        reader->command_capacity = FD_COMMAND_LIMIT;
    }
    memcpy(reader->command_bytes + reader->command_length, reader->staging + reader->begin, n);
    reader->command_length += n;
    reader->begin += n;
    reader->fragment_left -= (uint32_t)n;
    reader->pdu_left -= (uint32_t)n;
    return FD_OK;
}

static int end_command(struct fd_reader *reader)
{
    int code = fd_command_walk(reader->command_bytes, reader->command_length, &reader->command);
    if (code != FD_OK)
        return code;
    if (fd_command_us(&reader->command, FD_COMMAND_DATA_SET_TYPE, FD_NO_DATA_SET) == FD_NO_DATA_SET)
        return FD_EVENT_MESSAGE;
    reader->is_in_data_set = 1;
    return reader->holds_commands ? FD_EVENT_COMMAND : FD_OK;
}

/* ---- PDVs -------------------------------------------------------------------------------------- */

/* PS3.8 Annex E: the fragments of a message come in order, on one context, command set first. */
static int check_pdv(struct fd_reader *reader)
{
    const struct fd_pdv *pdv = &reader->pdv;
    reader->error_value = pdv->context_id;
    if (!reader->is_accepted[pdv->context_id])
        return FD_E_CONTEXT;
    if (reader->message_context != 0 && reader->message_context != pdv->context_id) {
        reader->error_limit = reader->message_context;
        return FD_E_CONTEXT_CHANGE;
    }
    int is_command = pdv->control & FD_IS_COMMAND;
    if (is_command ? reader->is_in_data_set : !reader->is_in_data_set)
        return FD_E_ORDER;
    reader->empty_pdvs = pdv->fragment_length == 0 ? reader->empty_pdvs + 1 : 0;
    if (reader->empty_pdvs > FD_EMPTY_PDVS) {
        reader->error_limit = FD_EMPTY_PDVS;
        return FD_E_PDV_EMPTY;
    }
    return FD_OK;
}

static int begin_pdv(struct fd_reader *reader)
{
    int code = fd_pdv_peek(reader->staging + reader->begin, fd_reader_staged(reader), reader->pdu_left, &reader->pdv);
    if (code == FD_E_PDV_LENGTH) {
        /* What is left for the PDV is behind its length field, if there is room for one. */
        int has_header = reader->pdu_left >= FD_PDV_HEADER;
        reader->error_value = has_header ? fd_load_be32(reader->staging + reader->begin) : 0;
        reader->error_limit = reader->pdu_left < 4 ? 0 : reader->pdu_left - 4;
    }
    if (code == FD_OK)
        code = check_pdv(reader);
    if (code != FD_OK)
        return code;
    if (reader->message_context == 0) {
        reader->message_context = reader->pdv.context_id;
        reader->command_length = 0;
        reader->sink = FD_SINK_MEMORY;
        reader->sink_errno = 0;
        reader->data_length = reader->data_taken = 0;
        reader->piece_length = reader->look_length = 0;
    }
    reader->begin += FD_PDV_HEADER;
    reader->pdu_left -= FD_PDV_HEADER;
    reader->fragment_left = reader->pdv.fragment_length;
    if (reader->is_in_data_set && reader->fragment_left == reader->pdu_left)
        reader->usual_fragment = reader->fragment_left;
    reader->is_in_pdv = 1;
    return FD_OK;
}

/* The message is whole; what it was stays readable until the next PDV begins. */
static int end_message(struct fd_reader *reader)
{
    int code = flush_sink(reader);
    if (code != FD_OK)
        return code;
    if (reader->is_in_data_set && reader->sink == FD_SINK_MEMORY)
        /* The last fragment is shorter than the usual one; with room for that, it is received in place too. */
        reader->expected_length = reader->piece_length != 0
                                      ? reader->piece_length
                                      : (size_t)reader->data_length + reader->usual_fragment % FD_STAGING_SIZE;
    return FD_EVENT_MESSAGE;
}

static int in_pdv(struct fd_reader *reader)
{
    int code = FD_OK;
    if (reader->fragment_left != 0)
        code = reader->is_in_data_set ? append(reader) : append_command(reader);
    if (code != FD_OK)
        return code;
    if (reader->fragment_left != 0) /* with some staged, a piece is whole */
        return fd_reader_staged(reader) != 0 || is_look_due(reader) ? FD_OK : FD_NEED_DATA;
    int is_last = reader->pdv.control & FD_IS_LAST;
    if (is_last && reader->is_in_data_set)
        code = end_message(reader);
    else if (is_last)
        code = end_command(reader);
    if (code != FD_EVENT_SINK_FAILED)
        reader->is_in_pdv = 0;
    return code;
}

/* ---- PDUs -------------------------------------------------------------------------------------- */

/* A PDU that is taken whole: it must be in the staging buffer. */
static int whole_pdu(struct fd_reader *reader, const struct fd_pdu *pdu)
{
    if (fd_reader_staged(reader) - FD_PDU_HEADER < pdu->length)
        return FD_NEED_DATA;
    reader->pdu.p = reader->staging + reader->begin;
    reader->pdu.n = FD_PDU_HEADER + (size_t)pdu->length;
    return FD_OK;
}

static int begin_p_data(struct fd_reader *reader, const struct fd_pdu *pdu)
{
    if (reader->mode == FD_MODE_ASSOCIATE)
        return FD_EVENT_P_DATA;
    if (pdu->length < FD_PDV_HEADER) {
        reader->error_value = pdu->length;
        return FD_E_PDV_COUNT;
    }
    /* A PDU that is larger than any other may be is not gathered for an observer. */
    if (reader->is_observed && !reader->is_shown && pdu->length <= reader->other_limit) {
        int code = whole_pdu(reader, pdu);
        reader->is_shown = code == FD_OK;
        return code == FD_OK ? FD_EVENT_SHOWN : code;
    }
    reader->is_shown = 0;
    reader->begin += FD_PDU_HEADER;
    reader->pdu_left = pdu->length;
    return FD_OK;
}

static int begin_pdu(struct fd_reader *reader)
{
    struct fd_pdu pdu;
    int code = fd_pdu_peek(reader->staging + reader->begin, fd_reader_staged(reader), reader->data_limit,
                           reader->other_limit, &pdu);
    if (code == FD_NEED_DATA)
        return code;
    if (code != FD_OK) {
        reader->error_value = code == FD_E_PDU_TYPE ? pdu.type : pdu.length;
        reader->error_limit = pdu.type == FD_P_DATA_TF ? reader->data_limit
                              : pdu.type <= FD_A_ASSOCIATE_AC ? reader->other_limit
                                                              : 4;
        return code;
    }
    if (pdu.type != FD_P_DATA_TF || reader->is_observed) {
        /* The caller may receive before it asks again: nothing may wait in the staging buffer. */
        code = flush_sink(reader);
        if (code != FD_OK)
            return code;
    }
    if (pdu.type == FD_P_DATA_TF)
        return begin_p_data(reader, &pdu);
    code = whole_pdu(reader, &pdu);
    if (code != FD_OK)
        return code;
    reader->begin += reader->pdu.n;
    return FD_EVENT_PDU;
}

int fd_reader_next(struct fd_reader *reader)
{
    for (;;) {
        int code;
        if (reader->mode == FD_MODE_DISCARD) {
            reader->begin = reader->end;
            code = FD_NEED_DATA;
        } else if (is_piece_whole(reader)) {
            code = FD_EVENT_FULL;
        } else if (is_look_due(reader)) {
            code = FD_EVENT_LOOK;
        } else if (reader->is_in_pdv) {
            code = in_pdv(reader);
        } else if (reader->pdu_left != 0) {
            code = begin_pdv(reader);
        } else {
            code = begin_pdu(reader);
        }
        if (code == FD_NEED_DATA) {
            /* The spans of the sink point into the staging buffer, which is received into next. */
            int failure = flush_sink(reader);
            if (failure != FD_OK)
                return failure;
        }
        if (code != FD_OK)
            return code;
    }
}

void fd_reader_take(struct fd_reader *reader, struct fd_block *data, size_t *length)
{
    if (reader->piece_length == 0)
        fd_pool_fit(reader->pool, &reader->data, (size_t)reader->data_length);
    *data = reader->data;
    *length = fd_reader_held(reader);
    reader->data.p = NULL;
    reader->data.capacity = 0;
    reader->data_taken = reader->data_length;
    reader->message_context = 0;
    reader->is_in_data_set = 0;
}
