#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE
#endif
#include "fd_file.h"

#include <errno.h>

#if defined(_WIN32)

#include <io.h>
#include <stdio.h>

#define AT_ONCE ((size_t)1 << 30)

int fd_file_write(int descriptor, const struct fd_span *spans, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t done = 0; done < spans[i].n;) {
            size_t left = spans[i].n - done;
            int n = _write(descriptor, spans[i].p + done, (unsigned)(left < AT_ONCE ? left : AT_ONCE));
            if (n <= 0)
                return n < 0 ? errno : ENOSPC;
            done += (size_t)n;
        }
    }
    return 0;
}

int fd_file_read(int descriptor, uint64_t offset, uint8_t *p, size_t n, size_t *done)
{
    *done = 0;
    if (_lseeki64(descriptor, (int64_t)offset, SEEK_SET) < 0)
        return errno;
    while (*done < n) {
        size_t left = n - *done;
        int got = _read(descriptor, p + *done, (unsigned)(left < AT_ONCE ? left : AT_ONCE));
        if (got < 0)
            return errno;
        if (got == 0)
            break;
        *done += (size_t)got;
    }
    return 0;
}

#else

#include <sys/uio.h>
#include <unistd.h>

#define SPANS_AT_ONCE 64

int fd_file_write(int descriptor, const struct fd_span *spans, size_t count)
{
    size_t offset = 0; /* of the first span, already written */
    while (count != 0) {
        struct iovec vectors[SPANS_AT_ONCE];
        size_t used = count < SPANS_AT_ONCE ? count : SPANS_AT_ONCE;
        for (size_t i = 0; i < used; i++) {
            vectors[i].iov_base = (void *)(uintptr_t)(spans[i].p + (i == 0 ? offset : 0));
            vectors[i].iov_len = spans[i].n - (i == 0 ? offset : 0);
        }
        ssize_t n = writev(descriptor, vectors, (int)used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        size_t written = (size_t)n + offset;
        while (count != 0 && written >= spans->n) {
            written -= spans->n;
            spans++;
            count--;
        }
        if (n == 0 && count != 0)
            return ENOSPC;
        offset = written;
    }
    return 0;
}

int fd_file_read(int descriptor, uint64_t offset, uint8_t *p, size_t n, size_t *done)
{
    *done = 0;
    while (*done < n) {
        ssize_t got = pread(descriptor, p + *done, n - *done, (off_t)(offset + *done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno;
        if (got == 0)
            break;
        *done += (size_t)got;
    }
    return 0;
}

#endif
