/* Command sets: the elements of group 0000 in Implicit VR Little Endian, PS3.7 6.3.1 and Annex E.
 *
 * Only the elements of PS3.7 Table E.1-1 are known here; retired ones (E.2) are skipped. */
#ifndef FD_COMMAND_H
#define FD_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "fd_bytes.h"
#include "fd_pdu.h"

/* No command set that the standard allows comes near: the longest has four UIDs and a list of tags. */
#define FD_COMMAND_LIMIT ((size_t)65536)
#define FD_ELEMENT_HEADER 8

#define FD_COMMAND_FIELD 0x0100
#define FD_COMMAND_DATA_SET_TYPE 0x0800
#define FD_NO_DATA_SET 0x0101
#define FD_HAS_DATA_SET 0x0001

enum fd_command_vr { FD_VR_NONE, FD_VR_UL, FD_VR_US, FD_VR_UI, FD_VR_AE, FD_VR_AT, FD_VR_LO };

#define FD_COMMAND_ELEMENTS 24

/* A walked command set: where the value of each known element lies. */
struct fd_command {
    struct fd_span values[FD_COMMAND_ELEMENTS]; /* p is NULL where the element is absent */
};

/* The VR of an element of group 0000; FD_VR_NONE when it is not known. */
enum fd_command_vr fd_command_vr(uint16_t element);

/* The place of an element in fd_command.values; -1 when it is not known. */
int fd_command_index(uint16_t element);

/* The element that stands at a place; the inverse of fd_command_index. */
uint16_t fd_command_element(int index);

/* Find the elements of the command set at p. FD_OK or FD_E_COMMAND.
 * Command Field and Command Data Set Type must be there (PS3.7 9.3, 10.3). */
int fd_command_walk(const uint8_t *p, size_t n, struct fd_command *command);

/* The value of an element of VR US; absent when it is not there. */
uint16_t fd_command_us(const struct fd_command *command, uint16_t element, uint16_t absent);

/* Store one element; the room at p has been checked. Each returns the number of bytes stored. */
size_t fd_command_store_us(uint8_t *p, uint16_t element, uint16_t value);
size_t fd_command_store_ul(uint8_t *p, uint16_t element, uint32_t value);
size_t fd_command_store_at(uint8_t *p, uint16_t element, const uint32_t *tags, size_t n);
/* Padded to even length: UIDs with NUL, other text with a space (PS3.5 6.2, 9.1). */
size_t fd_command_store_text(uint8_t *p, uint16_t element, const uint8_t *text, size_t n);

#endif
