/* The walk of a command set: each value that is found lies within it and has a length of its VR; and what was
 * found, stored anew, is found again. */
#include "fd_command.h"

#include "../check/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check_value(const uint8_t *p, size_t n, enum fd_command_vr vr, struct fd_span value)
{
    CHECK(value.p >= p && (size_t)(value.p - p) <= n && value.n <= n - (size_t)(value.p - p));
    CHECK(vr != FD_VR_US || value.n == 2);
    CHECK(vr != FD_VR_UL || value.n == 4);
    CHECK(vr != FD_VR_AT || value.n % 4 == 0);
}

static size_t store(uint8_t *p, uint16_t element, struct fd_span value)
{
    static uint32_t tags[FD_COMMAND_LIMIT / 4];
    switch (fd_command_vr(element)) {
    case FD_VR_US:
        return fd_command_store_us(p, element, fd_load_le16(value.p));
    case FD_VR_UL:
        return fd_command_store_ul(p, element, fd_load_le32(value.p));
    case FD_VR_AT:
        for (size_t i = 0; i < value.n / 4; i++)
            tags[i] = (uint32_t)fd_load_le16(value.p + 4 * i) << 16 | fd_load_le16(value.p + 4 * i + 2);
        return fd_command_store_at(p, element, tags, value.n / 4);
    default:
        return fd_command_store_text(p, element, value.p, value.n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct fd_command command;
    struct fd_command again;
    size_t length = 0;
    if (n > FD_COMMAND_LIMIT || fd_command_walk(p, n, &command) != FD_OK)
        return 0;
    /* Each value may need a byte of padding. */
    uint8_t *stored = malloc(n + FD_COMMAND_ELEMENTS);
    CHECK(stored != NULL);
    for (int i = 0; i < FD_COMMAND_ELEMENTS; i++) {
        uint16_t element = fd_command_element(i);
        if (command.values[i].p == NULL)
            continue;
        check_value(p, n, fd_command_vr(element), command.values[i]);
        length += store(stored + length, element, command.values[i]);
    }
    CHECK(fd_command_walk(stored, length, &again) == FD_OK);
    for (int i = 0; i < FD_COMMAND_ELEMENTS; i++) {
        struct fd_span value = command.values[i];
        CHECK((value.p == NULL) == (again.values[i].p == NULL));
        CHECK(value.p == NULL ||
              (again.values[i].n - value.n <= 1 && memcmp(again.values[i].p, value.p, value.n) == 0));
    }
    free(stored);
    return 0;
}
