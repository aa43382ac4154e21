/* The writer: whatever the spans and the room for them, legal PDUs with all bytes in order. */
#include "fd_writer.h"

#include "check.h"

#define MOST_SPANS 700

static uint8_t content[4096];
static uint8_t found[sizeof content];

static void check_fragment_maximum(void)
{
    for (uint32_t maximum = 1; maximum < 8; maximum++)
        CHECK(fd_writer_fragment_maximum(maximum) == 0);
    CHECK(fd_writer_fragment_maximum(8) == 2 && fd_writer_fragment_maximum(9) == 2);
    CHECK(fd_writer_fragment_maximum(13) == 6 && fd_writer_fragment_maximum(16382) == 16376);
    CHECK(fd_writer_fragment_maximum(0) == fd_writer_fragment_maximum(UINT32_MAX));
    CHECK(fd_writer_fragment_maximum(0) % 2 == 0 && fd_writer_fragment_maximum(0) > 100000);
}

struct expected {
    size_t command_left;
    size_t data_length;
    size_t data_done;
    int is_complete;
};

/* Take one PDU out of the spans; returns the number of spans that it was. */
static size_t take_pdu(const struct fd_span *spans, size_t count, uint32_t fragment_maximum, int has_data_set,
                       struct expected *expected)
{
    struct fd_pdu pdu;
    struct fd_pdv pdv;
    size_t used = 1;
    size_t filled = 0;
    CHECK(spans[0].n == FD_PDU_HEADER + FD_PDV_HEADER);
    CHECK(fd_pdu_peek(spans[0].p, spans[0].n, 0, 0, &pdu) == FD_OK && pdu.type == FD_P_DATA_TF);
    CHECK(fd_pdv_peek(spans[0].p + 6, 6, pdu.length, &pdv) == FD_OK && pdv.context_id == 5);
    CHECK(pdv.fragment_length == pdu.length - 6 && pdv.fragment_length <= fragment_maximum);
    CHECK(!expected->is_complete && (pdv.fragment_length != 0 || expected->data_length == 0));
    while (filled < pdv.fragment_length) {
        CHECK(used < count && spans[used].n != 0 && spans[used].n <= pdv.fragment_length - filled);
        if (!(pdv.control & FD_IS_COMMAND))
            memcpy(found + expected->data_done + filled, spans[used].p, spans[used].n);
        filled += spans[used++].n;
    }
    int is_last = (pdv.control & FD_IS_LAST) != 0;
    CHECK(is_last || filled % 2 == 0);
    if (pdv.control & FD_IS_COMMAND) {
        CHECK(filled <= expected->command_left);
        expected->command_left -= filled;
        CHECK(is_last == (expected->command_left == 0));
        expected->is_complete = is_last && !has_data_set;
    } else {
        CHECK(expected->command_left == 0);
        expected->data_done += filled;
        CHECK(is_last == (expected->data_done == expected->data_length));
        expected->is_complete = is_last;
    }
    return used;
}

static void check_message(struct random_numbers *numbers, uint32_t maximum, size_t data_count, size_t longest)
{
    struct fd_span data[MOST_SPANS];
    struct expected expected = {1 + random_below(numbers, 90), 0, 0, 0};
    struct fd_span command = {content, expected.command_left};
    int has_data_set = data_count != 0 || random_below(numbers, 2);
    for (size_t i = 0; i < data_count; i++) {
        size_t left = sizeof content - expected.data_length;
        size_t n = random_below(numbers, longest + 1);
        data[i].p = content + expected.data_length;
        data[i].n = n < left ? n : left;
        expected.data_length += data[i].n;
    }
    struct fd_writer writer;
    uint32_t fragment_maximum = fd_writer_fragment_maximum(maximum);
    fd_writer_open(&writer, 5, fragment_maximum, command, data, data_count, has_data_set);
    memset(found, 0, sizeof found);
    for (;;) {
        uint8_t headers[12 * 16];
        size_t header_room = 12 * (1 + random_below(numbers, 16));
        size_t span_room = 3 + random_below(numbers, 61);
        struct fd_span *spans = malloc(span_room * sizeof *spans);
        CHECK(spans != NULL);
        size_t count = fd_writer_fill(&writer, headers, header_room, spans, span_room);
        CHECK(count <= span_room);
        for (size_t i = 0; i < count;)
            i += take_pdu(spans + i, count - i, fragment_maximum, has_data_set, &expected);
        free(spans);
        if (count == 0)
            break;
    }
    CHECK(expected.is_complete && memcmp(found, content, expected.data_length) == 0);
}

/* A data set that is added in parts, of any lengths: all but a byte or two leave at once. */
static void check_stream(struct random_numbers *numbers, uint32_t maximum, size_t longest)
{
    struct expected expected = {1 + random_below(numbers, 90), 1 + random_below(numbers, sizeof content - 1), 0, 0};
    struct fd_span command = {content, expected.command_left};
    uint32_t fragment_maximum = fd_writer_fragment_maximum(maximum);
    struct fd_writer writer;
    uint8_t left[FD_WRITER_HELD];
    size_t added = 0;
    fd_writer_begin(&writer, 5, fragment_maximum, command);
    memset(found, 0, sizeof found);
    for (;;) {
        uint8_t headers[12 * 16];
        struct fd_span spans[40];
        struct fd_span parts[3];
        for (;;) {
            size_t count = fd_writer_fill(&writer, headers, 12 * (1 + random_below(numbers, 16)), spans,
                                          3 + random_below(numbers, 38));
            for (size_t i = 0; i < count;)
                i += take_pdu(spans + i, count - i, fragment_maximum, 1, &expected);
            if (count == 0)
                break;
        }
        if (!writer.is_open)
            break;
        CHECK(expected.command_left == 0 && !expected.is_complete && fd_writer_left(&writer) <= FD_WRITER_HELD);
        CHECK(added == 0 ? expected.data_done == 0 : added - expected.data_done == fd_writer_left(&writer));
        parts[0].n = fd_writer_copy_left(&writer, left);
        parts[0].p = left;
        CHECK(parts[0].n == fd_writer_left(&writer) && (added == 0 || parts[0].n != 0));
        for (size_t i = 1; i < COUNT_OF(parts); i++) {
            size_t n = random_below(numbers, longest + 1);
            parts[i].p = content + added;
            parts[i].n = n < expected.data_length - added ? n : expected.data_length - added;
            added += parts[i].n;
        }
        fd_writer_add(&writer, parts, COUNT_OF(parts), added == expected.data_length && random_below(numbers, 3) != 0);
    }
    CHECK(expected.is_complete && memcmp(found, content, expected.data_length) == 0);
}

/* An empty span where the last place for one is, behind an odd number of bytes. */
static void check_empty_span_at_the_end_of_room(void)
{
    struct fd_span command = {content, 2};
    struct fd_span data[] = {{content, 1}, {content + 1, 0}, {content + 1, 0}, {content + 1, 3}};
    struct fd_writer writer;
    uint8_t header[12];
    struct fd_span spans[3];
    fd_writer_open(&writer, 5, 100, command, data, COUNT_OF(data), 1);
    CHECK(fd_writer_fill(&writer, header, sizeof header, spans, 3) == 2);
    CHECK(fd_writer_fill(&writer, header, sizeof header, spans, 3) == 3);
    CHECK(spans[1].n == 1 && spans[2].n == 3 && spans[2].p == content + 1);
    CHECK(fd_writer_fill(&writer, header, sizeof header, spans, 3) == 0);
}

int main(void)
{
    const uint32_t maxima[] = {0, 8, 13, 16382, UINT32_MAX};
    struct random_numbers numbers = {3};
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)(1 + i % 251);
    check_fragment_maximum();
    check_empty_span_at_the_end_of_room();
    for (int round = 0; round < 1000; round++) {
        size_t longest = (size_t[]){1, 3, 40, 4000}[random_below(&numbers, 4)];
        check_message(&numbers, maxima[random_below(&numbers, COUNT_OF(maxima))],
                      random_below(&numbers, longest < 4 ? MOST_SPANS : 9), longest);
        check_stream(&numbers, maxima[random_below(&numbers, COUNT_OF(maxima))], longest);
    }
    return 0;
}
