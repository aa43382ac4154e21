/* Fragmentation: a DIMSE message as P-DATA-TF PDUs, PS3.8 9.3.5 and Annex E.
 *
 * One PDV to a PDU. Headers go to a block of the caller's, fragments stay where they are: what comes
 * out is a list of spans for writev. */
#ifndef FD_WRITER_H
#define FD_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "fd_bytes.h"
#include "fd_pdu.h"

/* What is held back of a data set whose end is not known: the last fragment must not be empty, and the others
 * are even. */
#define FD_WRITER_HELD 2

/* The data set is a list of spans that stay where they are until all has been sent. */
struct fd_writer {
    uint8_t context_id;
    uint32_t fragment_maximum; /* even, at least 2 */
    struct fd_span command;
    const struct fd_span *data;
    size_t data_count;
    uint64_t data_left; /* bytes of the data set not yet in a fragment */
    size_t data_index;  /* the span that is next, and how much of it has gone */
    size_t data_offset;
    int is_command_sent;
    int is_data_sent; /* nothing is left to be put into a fragment */
    int is_open;      /* more of the data set is to come */
};

/* The longest fragment for a peer's maximum length; 0 when it leaves no room for one.
 * PS3.8 D.1: 0 means no limit. Fragments are even (PS3.8 E.1). */
uint32_t fd_writer_fragment_maximum(uint32_t peer_maximum_length);

/* has_data_set: a data set follows the command set, though it may be empty. */
void fd_writer_open(struct fd_writer *writer, uint8_t context_id, uint32_t fragment_maximum,
                    struct fd_span command, const struct fd_span *data, size_t data_count, int has_data_set);

/* A message whose data set is not known yet: it comes by fd_writer_add. */
void fd_writer_begin(struct fd_writer *writer, uint8_t context_id, uint32_t fragment_maximum,
                     struct fd_span command);

/* What has not been put into a fragment yet; at most FD_WRITER_HELD once fd_writer_fill has answered 0. */
static inline uint64_t fd_writer_left(const struct fd_writer *writer)
{
    return writer->data_left;
}

/* Copy that, when it is at most FD_WRITER_HELD bytes; returns how many. */
size_t fd_writer_copy_left(const struct fd_writer *writer, uint8_t *p);

/* Go on with these spans; the first of them holds what was left. is_last: the data set ends with them, and then
 * there is a byte in them. */
void fd_writer_add(struct fd_writer *writer, const struct fd_span *data, size_t data_count, int is_last);

/* Lay out the next PDUs: as many as the room for headers (bytes) and spans (number) allows.
 * Returns the number of spans filled in; 0 when the message is complete, or as far as it is known. span_room is
 * at least 3. */
size_t fd_writer_fill(struct fd_writer *writer, uint8_t *headers, size_t header_room, struct fd_span *spans,
                      size_t span_room);

#endif
