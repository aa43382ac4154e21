/* Writing spans to a file: through a pipe in pieces, and the errors of a full disk. */
#define _POSIX_C_SOURCE 200809L
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE
#endif
#include "fd_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "check.h"

#define SPANS 300

/* A reader that interrupts the writer again and again: a write that waits for room then ends early. */
struct interrupter {
    int descriptor;
    pthread_t writer;
};

static uint8_t content[3000000];
static uint8_t found[sizeof content];

/* Cut the content into spans, some of them empty. Returns how many bytes they have. */
static size_t cut_content(struct fd_span *spans)
{
    struct random_numbers numbers = {7};
    size_t n = 0;
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)(i * 31 >> 3);
    for (size_t i = 0; i < SPANS; i++) {
        spans[i].p = content + n;
        spans[i].n = i % 7 == 0 ? 0 : random_below(&numbers, 9000);
        n += spans[i].n;
    }
    CHECK(n <= sizeof content);
    return n;
}

static void *read_all(void *argument)
{
    const struct interrupter *interrupter = argument;
    size_t n = 0;
    for (;;) {
        /* An odd size: where a write is cut has nothing to do with where a span ends. */
        size_t room = sizeof found - n < 1237 ? sizeof found - n : 1237;
        ssize_t got = read(interrupter->descriptor, found + n, room);
        CHECK(got >= 0 && pthread_kill(interrupter->writer, SIGUSR1) == 0);
        if (got == 0)
            return NULL;
        n += (size_t)got;
    }
}

static void on_signal(int number)
{
    (void)number;
}

static void check_pipe(const struct fd_span *spans, size_t n)
{
    int ends[2];
    pthread_t thread;
    CHECK(pipe(ends) == 0);
    struct interrupter interrupter = {ends[0], pthread_self()};
    CHECK(pthread_create(&thread, NULL, read_all, &interrupter) == 0);
    CHECK(fd_file_write(ends[1], spans, SPANS) == 0);
    CHECK(fd_file_write(ends[1], spans, 0) == 0);
    CHECK(fd_file_write(ends[1], spans, 1) == 0); /* a span of no bytes */
    CHECK(close(ends[1]) == 0 && pthread_join(thread, NULL) == 0 && close(ends[0]) == 0);
    CHECK(memcmp(found, content, n) == 0);
}

static void check_errors(const struct fd_span *spans)
{
    int ends[2];
    CHECK(fd_file_write(-1, spans, SPANS) == EBADF);
    CHECK(pipe(ends) == 0 && fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
    CHECK(fd_file_write(ends[1], spans, SPANS) == EAGAIN); /* after what the pipe takes */
    CHECK(close(ends[0]) == 0);
    CHECK(fd_file_write(ends[1], spans, SPANS) == EPIPE);
    CHECK(close(ends[1]) == 0);
    int full = open("/dev/full", O_WRONLY);
    if (full >= 0) {
        CHECK(fd_file_write(full, spans, SPANS) == ENOSPC);
        CHECK(close(full) == 0);
    }
}

/* A limit on the size of files cuts a write in the middle of a span; the next one fails. */
static void check_partial_write(const struct fd_span *spans)
{
    const rlim_t limit = 123457;
    FILE *file = tmpfile();
    struct rlimit was;
    CHECK(file != NULL && getrlimit(RLIMIT_FSIZE, &was) == 0);
    struct rlimit small = {limit, was.rlim_max};
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    CHECK(fd_file_write(fileno(file), spans, SPANS) == EFBIG);
    CHECK(setrlimit(RLIMIT_FSIZE, &was) == 0);
    CHECK(fseek(file, 0, SEEK_SET) == 0 && fread(found, 1, sizeof found, file) == limit);
    CHECK(memcmp(found, content, limit) == 0);
    CHECK(fclose(file) == 0);
}

int main(void)
{
    struct fd_span spans[SPANS];
    const struct sigaction interrupting = {.sa_handler = on_signal};
    CHECK(sigaction(SIGUSR1, &interrupting, NULL) == 0);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    size_t n = cut_content(spans);
    check_pipe(spans, n);
    check_errors(spans);
    check_partial_write(spans);
    return 0;
}
