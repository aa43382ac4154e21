/* Writing fragments to a file, on POSIX and on Windows. */
#ifndef FD_FILE_H
#define FD_FILE_H

#include <stddef.h>

#include "fd_bytes.h"

/* Write all spans in order. 0, or an errno; some of it may then have been written. */
int fd_file_write(int descriptor, const struct fd_span *spans, size_t count);

/* Read up to n bytes at an offset; *done is less than n only where the file ends. 0, or an errno. */
int fd_file_read(int descriptor, uint64_t offset, uint8_t *p, size_t n, size_t *done);

#endif
