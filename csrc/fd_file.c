#define _POSIX_C_SOURCE 200809L
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE
#endif
#include "fd_file.h"

#include <errno.h>

#if defined(_WIN32)

#include <io.h>

#define WRITE_AT_MOST ((size_t)1 << 30)

int fd_file_write(int descriptor, const struct fd_span *spans, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t done = 0; done < spans[i].n;) {
            size_t left = spans[i].n - done;
            int n = _write(descriptor, spans[i].p + done, (unsigned)(left < WRITE_AT_MOST ? left : WRITE_AT_MOST));
            if (n <= 0)
                return n < 0 ? errno : ENOSPC;
            done += (size_t)n;
        }
    }
    return 0;
}

#else

#include <stdint.h>
#include <sys/uio.h>

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

#endif
