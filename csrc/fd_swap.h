/* Byte order of arrays: 2, 4 or 8 bytes an element, from one place to another or in place. */
#ifndef FD_SWAP_H
#define FD_SWAP_H

#include <stddef.h>
#include <stdint.h>

/* Copy n bytes and turn the bytes of each unit round; what is left behind the last whole unit is copied as it
 * is. `to` is `from`, or they do not overlap. A unit of 1 is copied. */
void fd_swap(uint8_t *to, const uint8_t *from, size_t n, unsigned unit);

#endif
