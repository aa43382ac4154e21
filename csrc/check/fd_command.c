/* Command sets: every truncation, every corrupt byte, and what was stored is found again. */
#include "fd_command.h"

#include "check.h"

static const uint32_t TAGS[] = {0x00100010, 0x7FE00010, 0xFFFFFFFF};

/* A command set with an element of each VR. */
static size_t store_all(uint8_t *p)
{
    size_t n = fd_command_store_ul(p, 0x0000, 0x12345678);
    n += fd_command_store_text(p + n, 0x0002, (const uint8_t *)"1.2.3", 5);
    n += fd_command_store_us(p + n, 0x0100, 0x8001);
    n += fd_command_store_text(p + n, 0x0600, (const uint8_t *)"AE TITLE", 8);
    n += fd_command_store_us(p + n, 0x0800, FD_NO_DATA_SET);
    n += fd_command_store_at(p + n, 0x0901, TAGS, COUNT_OF(TAGS));
    n += fd_command_store_text(p + n, 0x0902, (const uint8_t *)"odd", 3);
    n += fd_command_store_text(p + n, 0x1000, (const uint8_t *)"", 0);
    return n;
}

static int walk(const uint8_t *p, size_t n, struct fd_command *command)
{
    uint8_t *copy = copy_of(p, n);
    int code = fd_command_walk(copy, n, command);
    for (int i = 0; code == FD_OK && i < FD_COMMAND_ELEMENTS; i++) {
        struct fd_span value = command->values[i];
        if (value.p != NULL)
            CHECK(value.p >= copy && value.n <= n - (size_t)(value.p - copy));
        if (value.p != NULL && fd_command_vr(fd_command_element(i)) == FD_VR_US)
            (void)fd_command_us(command, fd_command_element(i), 0);
    }
    free(copy);
    return code;
}

static int holds(const struct fd_command *command, uint16_t element, const char *bytes, size_t n)
{
    struct fd_span value = command->values[fd_command_index(element)];
    return value.p != NULL && value.n == n && memcmp(value.p, bytes, n) == 0;
}

static void check_table(void)
{
    int known = 0;
    for (uint32_t element = 0; element <= UINT16_MAX; element++) {
        int index = fd_command_index((uint16_t)element);
        CHECK((index >= 0) == (fd_command_vr((uint16_t)element) != FD_VR_NONE));
        if (index >= 0)
            CHECK(index == known++ && fd_command_element(index) == element);
    }
    CHECK(known == FD_COMMAND_ELEMENTS);
}

static void check_round_trip(void)
{
    uint8_t encoded[256];
    struct fd_command command;
    size_t n = store_all(encoded);
    CHECK(n % 2 == 0 && fd_command_walk(encoded, n, &command) == FD_OK);
    CHECK(holds(&command, 0x0000, "\x78\x56\x34\x12", 4));
    CHECK(holds(&command, 0x0002, "1.2.3\0", 6));
    CHECK(holds(&command, 0x0600, "AE TITLE", 8));
    CHECK(holds(&command, 0x0901, "\x10\x00\x10\x00\xE0\x7F\x10\x00\xFF\xFF\xFF\xFF", 12));
    CHECK(holds(&command, 0x0902, "odd ", 4));
    CHECK(holds(&command, 0x1000, "", 0));
    CHECK(fd_command_us(&command, FD_COMMAND_FIELD, 0) == 0x8001);
    CHECK(fd_command_us(&command, 0x0110, 77) == 77);
    CHECK(fd_command_us(&command, 0x0111, 78) == 78);
}

static void check_cut_and_corrupt(void)
{
    uint8_t encoded[256];
    struct fd_command command;
    size_t n = store_all(encoded);
    /* Where a cut falls between two elements, behind those that must be there, what is left is legal. */
    int legal = 0;
    for (size_t cut = 0; cut < n; cut++)
        legal += walk(encoded, cut, &command) == FD_OK;
    CHECK(legal == 3);
    for (size_t i = 0; i < n; i++) {
        uint8_t was = encoded[i];
        for (unsigned value = 0; value < 256; value++) {
            encoded[i] = (uint8_t)value;
            int code = walk(encoded, n, &command);
            CHECK(code == FD_OK || code == FD_E_COMMAND);
        }
        encoded[i] = was;
    }
}

static void check_refused(void)
{
    uint8_t encoded[256];
    struct fd_command command;
    size_t both = fd_command_store_us(encoded, FD_COMMAND_FIELD, 1);
    CHECK(walk(encoded, both, &command) == FD_E_COMMAND); /* no Command Data Set Type */
    both += fd_command_store_us(encoded + both, FD_COMMAND_DATA_SET_TYPE, 1);
    CHECK(walk(encoded, both, &command) == FD_OK);
    CHECK(walk(encoded, 0, &command) == FD_E_COMMAND);
    /* each known element twice; an unknown one may come twice */
    for (int i = 0; i < FD_COMMAND_ELEMENTS; i++) {
        uint8_t *p = encoded + both;
        uint16_t element = fd_command_element(i);
        enum fd_command_vr vr = fd_command_vr(element);
        const uint8_t value[4] = {0};
        size_t length = vr == FD_VR_US ? 2 : 4;
        size_t n = fd_command_store_text(p, element, value, length);
        int is_second = element == FD_COMMAND_FIELD || element == FD_COMMAND_DATA_SET_TYPE;
        CHECK(walk(encoded, both + n, &command) == (is_second ? FD_E_COMMAND : FD_OK));
        n += fd_command_store_text(p + n, element, value, length);
        CHECK(walk(encoded, both + n, &command) == FD_E_COMMAND);
        /* a length that its VR cannot have */
        if (vr == FD_VR_US || vr == FD_VR_UL || vr == FD_VR_AT) {
            n = fd_command_store_text(p, element, value, vr == FD_VR_US ? 4 : 2);
            CHECK(walk(encoded, both + n, &command) == FD_E_COMMAND);
        }
        p[0] = 8; /* group 0008 */
        CHECK(walk(encoded, both + n, &command) == FD_E_COMMAND);
    }
    size_t n = fd_command_store_us(encoded + both, 0x5110, 0);
    n += fd_command_store_us(encoded + both + n, 0x5110, 0);
    CHECK(walk(encoded, both + n, &command) == FD_OK);
    /* lengths that reach around the address space */
    for (uint32_t length = UINT32_MAX; length > UINT32_MAX - 20; length--) {
        fd_store_le32(encoded + both + n - 6, length);
        CHECK(walk(encoded, both + n, &command) == FD_E_COMMAND);
    }
}

int main(void)
{
    check_table();
    check_round_trip();
    check_cut_and_corrupt();
    check_refused();
    return 0;
}
