#include "fd_command.h"

#include <string.h>

/* PS3.7 Table E.1-1, in ascending order. */
static const struct {
    uint16_t element;
    enum fd_command_vr vr;
} ELEMENTS[FD_COMMAND_ELEMENTS] = {
    {0x0000, FD_VR_UL}, /* Command Group Length */
    {0x0002, FD_VR_UI}, /* Affected SOP Class UID */
    {0x0003, FD_VR_UI}, /* Requested SOP Class UID */
    {0x0100, FD_VR_US}, /* Command Field */
    {0x0110, FD_VR_US}, /* Message ID */
    {0x0120, FD_VR_US}, /* Message ID Being Responded To */
    {0x0600, FD_VR_AE}, /* Move Destination */
    {0x0700, FD_VR_US}, /* Priority */
    {0x0800, FD_VR_US}, /* Command Data Set Type */
    {0x0900, FD_VR_US}, /* Status */
    {0x0901, FD_VR_AT}, /* Offending Element */
    {0x0902, FD_VR_LO}, /* Error Comment */
    {0x0903, FD_VR_US}, /* Error ID */
    {0x1000, FD_VR_UI}, /* Affected SOP Instance UID */
    {0x1001, FD_VR_UI}, /* Requested SOP Instance UID */
    {0x1002, FD_VR_US}, /* Event Type ID */
    {0x1005, FD_VR_AT}, /* Attribute Identifier List */
    {0x1008, FD_VR_US}, /* Action Type ID */
    {0x1020, FD_VR_US}, /* Number of Remaining Sub-operations */
    {0x1021, FD_VR_US}, /* Number of Completed Sub-operations */
    {0x1022, FD_VR_US}, /* Number of Failed Sub-operations */
    {0x1023, FD_VR_US}, /* Number of Warning Sub-operations */
    {0x1030, FD_VR_AE}, /* Move Originator Application Entity Title */
    {0x1031, FD_VR_US}, /* Move Originator Message ID */
};

int fd_command_index(uint16_t element)
{
    int low = 0;
    int high = FD_COMMAND_ELEMENTS - 1;
    while (low <= high) {
        int middle = (low + high) / 2;
        if (ELEMENTS[middle].element == element)
            return middle;
        if (ELEMENTS[middle].element < element)
            low = middle + 1;
        else
            high = middle - 1;
    }
    return -1;
}

uint16_t fd_command_element(int index)
{
    return ELEMENTS[index].element;
}

enum fd_command_vr fd_command_vr(uint16_t element)
{
    int index = fd_command_index(element);
    return index < 0 ? FD_VR_NONE : ELEMENTS[index].vr;
}

/* Whether a value may have this length. Text may have any; an AT list may be empty. */
static int has_legal_length(enum fd_command_vr vr, uint32_t n)
{
    switch (vr) {
    case FD_VR_US:
        return n == 2;
    case FD_VR_UL:
        return n == 4;
    case FD_VR_AT:
        return n % 4 == 0;
    default:
        return 1;
    }
}

int fd_command_walk(const uint8_t *p, size_t n, struct fd_command *command)
{
    memset(command, 0, sizeof *command);
    while (n != 0) {
        if (n < FD_ELEMENT_HEADER || fd_load_le16(p) != 0x0000)
            return FD_E_COMMAND;
        int index = fd_command_index(fd_load_le16(p + 2));
        uint32_t value_length = fd_load_le32(p + 4);
        p += FD_ELEMENT_HEADER;
        n -= FD_ELEMENT_HEADER;
        if (value_length > n)
            return FD_E_COMMAND;
        if (index >= 0) {
            if (command->values[index].p != NULL || !has_legal_length(ELEMENTS[index].vr, value_length))
                return FD_E_COMMAND;
            command->values[index].p = p;
            command->values[index].n = value_length;
        }
        p += value_length;
        n -= value_length;
    }
    if (command->values[fd_command_index(FD_COMMAND_FIELD)].p == NULL ||
        command->values[fd_command_index(FD_COMMAND_DATA_SET_TYPE)].p == NULL)
        return FD_E_COMMAND;
    return FD_OK;
}

uint16_t fd_command_us(const struct fd_command *command, uint16_t element, uint16_t absent)
{
    int index = fd_command_index(element);
    if (index < 0 || command->values[index].p == NULL)
        return absent;
    return fd_load_le16(command->values[index].p);
}

static void store_header(uint8_t *p, uint16_t element, uint32_t value_length)
{
    fd_store_le16(p, 0x0000);
    fd_store_le16(p + 2, element);
    fd_store_le32(p + 4, value_length);
}

size_t fd_command_store_us(uint8_t *p, uint16_t element, uint16_t value)
{
    store_header(p, element, 2);
    fd_store_le16(p + FD_ELEMENT_HEADER, value);
    return FD_ELEMENT_HEADER + 2;
}

size_t fd_command_store_ul(uint8_t *p, uint16_t element, uint32_t value)
{
    store_header(p, element, 4);
    fd_store_le32(p + FD_ELEMENT_HEADER, value);
    return FD_ELEMENT_HEADER + 4;
}

size_t fd_command_store_at(uint8_t *p, uint16_t element, const uint32_t *tags, size_t n)
{
    store_header(p, element, (uint32_t)(4 * n));
    p += FD_ELEMENT_HEADER;
    for (size_t i = 0; i < n; i++, p += 4) {
        /* A tag is its group and its element, each in the byte order of the syntax. */
        fd_store_le16(p, (uint16_t)(tags[i] >> 16));
        fd_store_le16(p + 2, (uint16_t)tags[i]);
    }
    return FD_ELEMENT_HEADER + 4 * n;
}

size_t fd_command_store_text(uint8_t *p, uint16_t element, const uint8_t *text, size_t n)
{
    size_t even = n + n % 2;
    store_header(p, element, (uint32_t)even);
    p += FD_ELEMENT_HEADER;
    memcpy(p, text, n);
    if (even != n)
        p[n] = fd_command_vr(element) == FD_VR_UI ? '\0' : ' ';
    return FD_ELEMENT_HEADER + even;
}
