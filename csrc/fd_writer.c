#include "fd_writer.h"

#define PDV_PREFIX (FD_PDU_HEADER + FD_PDV_HEADER)

/* For a peer without a limit: large enough that headers cost nothing, small enough to buffer. */
#define FRAGMENT_MAXIMUM_UNLIMITED ((uint32_t)131072 - FD_PDV_HEADER)

uint32_t fd_writer_fragment_maximum(uint32_t peer_maximum_length)
{
    if (peer_maximum_length != 0 && peer_maximum_length < FD_PDV_HEADER + 2)
        return 0;
    uint32_t room = peer_maximum_length - FD_PDV_HEADER;
    if (peer_maximum_length == 0 || room > FRAGMENT_MAXIMUM_UNLIMITED)
        return FRAGMENT_MAXIMUM_UNLIMITED;
    return room & ~(uint32_t)1;
}

void fd_writer_open(struct fd_writer *writer, uint8_t context_id, uint32_t fragment_maximum,
                    struct fd_span command, const struct fd_span *data, size_t data_count, int has_data_set)
{
    writer->context_id = context_id;
    writer->fragment_maximum = fragment_maximum;
    writer->command = command;
    fd_writer_add(writer, data, data_count, 1);
    writer->is_command_sent = 0;
    writer->is_data_sent = !has_data_set;
}

void fd_writer_begin(struct fd_writer *writer, uint8_t context_id, uint32_t fragment_maximum,
                     struct fd_span command)
{
    fd_writer_open(writer, context_id, fragment_maximum, command, NULL, 0, 1);
    writer->is_open = 1;
}

void fd_writer_add(struct fd_writer *writer, const struct fd_span *data, size_t data_count, int is_last)
{
    writer->data = data;
    writer->data_count = data_count;
    writer->data_left = 0;
    for (size_t i = 0; i < data_count; i++)
        writer->data_left += data[i].n;
    writer->data_index = 0;
    writer->data_offset = 0;
    writer->is_open = !is_last;
}

size_t fd_writer_copy_left(const struct fd_writer *writer, uint8_t *p)
{
    size_t count = 0;
    size_t offset = writer->data_offset;
    for (size_t i = writer->data_index; i < writer->data_count; i++) {
        for (; offset < writer->data[i].n && count < FD_WRITER_HELD; offset++)
            p[count++] = writer->data[i].p[offset];
        offset = 0;
    }
    return count;
}

/* How much of the data set the next fragment may hold. */
static uint32_t room_for_data(const struct fd_writer *writer)
{
    uint64_t known = writer->data_left;
    if (!writer->is_open)
        return writer->fragment_maximum;
    known = known == 0 ? 0 : (known - 1) & ~(uint64_t)1;
    return known < writer->fragment_maximum ? (uint32_t)known : writer->fragment_maximum;
}

/* One PDU of the command set. */
static size_t fill_command(struct fd_writer *writer, uint8_t *header, struct fd_span *spans)
{
    struct fd_pdv pdv = {writer->context_id, FD_IS_COMMAND, writer->fragment_maximum};
    if (writer->command.n <= writer->fragment_maximum) {
        pdv.fragment_length = (uint32_t)writer->command.n;
        pdv.control |= FD_IS_LAST;
        writer->is_command_sent = 1;
    }
    spans[0].p = header;
    spans[0].n = fd_pdv_store(header, &pdv);
    spans[1].p = writer->command.p;
    spans[1].n = pdv.fragment_length;
    writer->command.p += pdv.fragment_length;
    writer->command.n -= pdv.fragment_length;
    return 2;
}

/* One PDU of the data set. It ends early when the room for spans does: fragments may be of any even size. */
static size_t fill_data(struct fd_writer *writer, uint8_t *header, struct fd_span *spans, size_t span_room)
{
    uint32_t room = room_for_data(writer);
    uint32_t filled = 0;
    size_t count = 1;
    while (filled < room && writer->data_index < writer->data_count && count < span_room) {
        const struct fd_span *span = &writer->data[writer->data_index];
        size_t left = span->n - writer->data_offset;
        size_t n = left < room - filled ? left : room - filled;
        if (count + 1 == span_room && n == left && n != 0)
            n -= (filled + n) % 2; /* the last span that fits: keep the fragment even */
        spans[count].p = span->p + writer->data_offset;
        spans[count].n = n;
        count += n != 0;
        filled += (uint32_t)n;
        writer->data_offset += n;
        if (writer->data_offset == span->n) {
            writer->data_index++;
            writer->data_offset = 0;
        } else if (n == 0) {
            break;
        }
    }
    writer->data_left -= filled;
    writer->is_data_sent = !writer->is_open && writer->data_left == 0;
    struct fd_pdv pdv = {writer->context_id, writer->is_data_sent ? FD_IS_LAST : 0, filled};
    spans[0].p = header;
    spans[0].n = fd_pdv_store(header, &pdv);
    return count;
}

size_t fd_writer_fill(struct fd_writer *writer, uint8_t *headers, size_t header_room, struct fd_span *spans,
                      size_t span_room)
{
    size_t count = 0;
    while (header_room >= PDV_PREFIX && span_room - count >= 3) {
        if (!writer->is_command_sent)
            count += fill_command(writer, headers, spans + count);
        else if (!writer->is_data_sent && !(writer->is_open && room_for_data(writer) == 0))
            count += fill_data(writer, headers, spans + count, span_room - count);
        else
            break;
        headers += PDV_PREFIX;
        header_room -= PDV_PREFIX;
    }
    return count;
}
