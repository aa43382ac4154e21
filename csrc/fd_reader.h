/* Reassembly: bytes as they come from the network in, whole PDUs and DIMSE messages out.
 *
 * Bytes are received either into the staging buffer or, within a data set that is kept in memory,
 * straight to their final place: peers send equal PDUs, so where the next headers fall can be
 * predicted, and fd_reader_targets lays out [fragment][header][fragment]… for one readv. A header
 * that turns out otherwise is repaired by moving what follows it to the staging buffer.
 *
 * Every allocation is bounded: the staging buffer by the limits on PDUs, a command set by
 * FD_COMMAND_LIMIT, a data set by memory_limit; on the word of a length field alone, 1 MiB is the most. */
#ifndef FD_READER_H
#define FD_READER_H

#include <stddef.h>
#include <stdint.h>

#include "fd_command.h"
#include "fd_pdu.h"
#include "fd_pool.h"

#define FD_STAGING_SIZE ((size_t)262144)
#define FD_TARGETS 33 /* one fragment, then up to 16 pairs of header and fragment */
#define FD_PREFIX (FD_PDU_HEADER + FD_PDV_HEADER)

/* What fd_reader_next answers besides FD_NEED_DATA and the errors of fd_pdu.h. */
enum {
    FD_EVENT_PDU = 10,       /* a whole PDU that is not P-DATA-TF, at fd_reader.pdu */
    FD_EVENT_P_DATA = 11,    /* the header of a P-DATA-TF outside of data transfer; the bytes stay unread */
    FD_EVENT_COMMAND = 12,   /* a command set with a data set to follow, when holds_commands is set */
    FD_EVENT_MESSAGE = 13,   /* a whole message */
    FD_EVENT_FULL = 14,      /* the data set has reached memory_limit: choose another sink; or a piece is there */
    FD_EVENT_SINK_FAILED = 15, /* the sink took no more (sink_errno); the rest will be discarded */
    FD_EVENT_SHOWN = 16,     /* a whole P-DATA-TF PDU for an observer, at fd_reader.pdu; processed next */
    FD_EVENT_NO_ROOM = 17,   /* the pool's budget has no room for more of the data set: ask again when it has */
    FD_EVENT_LOOK = 18       /* as much of the data set has come as was asked for, or a pause */
};

/* What P-DATA-TF means now. */
enum fd_reader_mode {
    FD_MODE_ASSOCIATE, /* not yet or no longer data transfer: FD_EVENT_P_DATA */
    FD_MODE_DATA,      /* fragments become messages */
    FD_MODE_DISCARD    /* Sta13: everything is read and dropped */
};

enum fd_sink { FD_SINK_MEMORY, FD_SINK_WRITE, FD_SINK_DISCARD };

/* Write all spans in order. 0, or an errno. */
typedef int (*fd_sink_write)(int descriptor, const struct fd_span *spans, size_t count);

#define FD_SINK_SPANS 64

struct fd_reader {
    /* settings */
    enum fd_reader_mode mode;
    uint32_t data_limit;  /* our maximum length, 0 for none */
    uint32_t other_limit; /* longest A-ASSOCIATE PDU */
    size_t memory_limit;  /* longest data set in memory */
    int holds_commands;   /* answer FD_EVENT_COMMAND */
    int is_observed;      /* answer FD_EVENT_SHOWN */
    uint8_t is_accepted[256]; /* presentation context ids */
    struct fd_pool *pool;
    fd_sink_write sink_write;

    /* bytes that have come and have not been looked at */
    uint8_t *staging;
    size_t staging_size;
    size_t begin;
    size_t end;

    /* within a P-DATA-TF PDU */
    uint32_t pdu_left;      /* bytes of the PDU after what has been looked at */
    uint32_t fragment_left; /* bytes of the current fragment, part of pdu_left */
    struct fd_pdv pdv;
    int is_in_pdv;
    int is_shown;
    unsigned empty_pdvs; /* in a row */

    /* the message */
    uint8_t message_context; /* 0: none begun */
    int is_in_data_set;
    uint8_t *command_bytes;
    size_t command_capacity;
    size_t command_length;
    struct fd_command command;
    enum fd_sink sink;
    int sink_descriptor;
    int sink_errno;
    struct fd_block data;
    uint64_t data_length;
    uint64_t data_taken;  /* what of it has been handed over already */
    size_t look_length;   /* FD_EVENT_LOOK when so much has come; 0: not at all */
    size_t piece_length;  /* how much of it is handed over at once; 0: all of it, when it is whole */
    size_t wanted;        /* memory that there was no room for */
    struct fd_span sink_spans[FD_SINK_SPANS]; /* fragments in the staging buffer, not yet written */
    size_t sink_count;

    /* prediction */
    size_t expected_length;  /* of the next data set: as long as the last one */
    uint32_t usual_fragment; /* length of the last fragment that filled its PDU */
    uint8_t prefixes[FD_TARGETS / 2][FD_PREFIX];
    size_t scattered_pairs; /* pairs in the layout that fd_reader_targets made last */
    int is_direct;          /* that layout begins with the rest of the current fragment */

    /* outcome */
    struct fd_span pdu; /* valid until the next call */
    uint32_t error_value;
    uint32_t error_limit;
};

/* Bytes that have come and have not been looked at. */
static inline size_t fd_reader_staged(const struct fd_reader *reader)
{
    return reader->end - reader->begin;
}

/* Bytes of the data set that are in memory. */
static inline size_t fd_reader_held(const struct fd_reader *reader)
{
    return (size_t)(reader->data_length - reader->data_taken);
}

/* Whether the data set is handed over in pieces, and there is something of the next one. */
static inline int fd_reader_has_piece(const struct fd_reader *reader)
{
    return reader->piece_length != 0 && fd_reader_held(reader) != 0;
}

/* What is to be told when nothing more comes for a moment; 0 for nothing. */
static inline int fd_reader_at_pause(const struct fd_reader *reader)
{
    if (!reader->is_in_data_set)
        return 0;
    if (fd_reader_has_piece(reader))
        return FD_EVENT_FULL;
    return reader->look_length != 0 && fd_reader_held(reader) > reader->look_length / 4 ? FD_EVENT_LOOK : 0;
}

/* Account for n bytes, of which some may belong to the current fragment; returns how many do not. */
static inline size_t fd_reader_take_fragment(struct fd_reader *reader, size_t n)
{
    size_t taken = n < reader->fragment_left ? n : reader->fragment_left;
    reader->data_length += taken;
    reader->fragment_left -= (uint32_t)taken;
    reader->pdu_left -= (uint32_t)taken;
    return n - taken;
}

/* 0, or FD_E_MEMORY. */
int fd_reader_open(struct fd_reader *reader, struct fd_pool *pool, uint32_t data_limit, uint32_t other_limit,
                   size_t memory_limit);
void fd_reader_close(struct fd_reader *reader);

/* Give back memory that is not needed until something comes. */
void fd_reader_rest(struct fd_reader *reader);

/* A place for received bytes, as it is received into. */
struct fd_target {
    uint8_t *p;
    size_t n;
};

/* Where the next bytes are to go, in order; count is at most FD_TARGETS. Returns the number of targets,
 * 0 when there is no memory. At most the first is used where only one buffer can be received into. */
size_t fd_reader_targets(struct fd_reader *reader, struct fd_target *targets, size_t count);

/* The same without the places within data sets: as much room as there is, for who gets much at once.
 * 1, or 0 when there is no memory. */
size_t fd_reader_staging(struct fd_reader *reader, struct fd_target *target);

/* n bytes have come into the targets. */
void fd_reader_commit(struct fd_reader *reader, size_t n);

/* Go on until something is to be told: an event, FD_NEED_DATA, or an error. */
int fd_reader_next(struct fd_reader *reader);

/* Whether a PDU or a message has begun and not ended. */
int fd_reader_is_mid_message(const struct fd_reader *reader);

/* The data set goes to a descriptor from here on, what is in memory first. 0, or an errno. */
int fd_reader_write_to(struct fd_reader *reader, int descriptor);
void fd_reader_discard(struct fd_reader *reader);

/* Tell FD_EVENT_LOOK when there are so many bytes of the data set in memory, or a quarter and a pause; 0: do not. */
void fd_reader_look(struct fd_reader *reader, size_t length);

/* From here on the data set that is received into memory is handed over in pieces: FD_EVENT_FULL when there are
 * about so many bytes, fd_reader_take_piece at any time. What is left comes with the message. The memory of the
 * next piece has room whatever the budget says: what has been begun is to be ended. */
void fd_reader_cut(struct fd_reader *reader, size_t piece_length);

/* Hand over what there is. 0, or FD_E_MEMORY. */
int fd_reader_take_piece(struct fd_reader *reader, struct fd_block *data, size_t *length);

/* Hand the data set's memory over to the caller; the reader begins the next message. */
void fd_reader_take(struct fd_reader *reader, struct fd_block *data, size_t *length);

#endif
