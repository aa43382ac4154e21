#define _POSIX_C_SOURCE 200809L

#include "fd_limit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#define FD_LIMIT_PATH 4096

static int64_t fd_limit_send(int connection, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(connection, p, n, 0);
        if (sent < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        p += sent;
        n -= (size_t)sent;
    }
    return 0;
}

/* Return n, or 0 when the peer has closed before the first byte. */
static int64_t fd_limit_receive(int connection, uint8_t *p, size_t n)
{
    size_t received = 0;

    while (received < n) {
        ssize_t got = recv(connection, p + received, n - received, 0);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        if (got == 0)
            return received == 0 ? 0 : -ECONNRESET;
        received += (size_t)got;
    }
    return (int64_t)n;
}

static int64_t fd_limit_exchange(int connection, const uint8_t *request, size_t request_length,
                                 uint8_t *response, size_t response_length)
{
    int64_t status = fd_limit_send(connection, request, request_length);

    if (status < 0)
        return status;
    status = fd_limit_receive(connection, response, response_length);
    return status == 0 ? -ECONNRESET : status;
}

static int64_t fd_limit_answer(int connection, uint8_t *buffer, size_t request, size_t response)
{
    int64_t status = fd_limit_receive(connection, buffer, request);

    if (status <= 0)
        return status == 0 ? -ECONNRESET : status;
    return fd_limit_send(connection, buffer, response);
}

static int64_t fd_limit_write(int file, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t written = write(file, p, n);
        if (written < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        p += written;
        n -= (size_t)written;
    }
    return 0;
}

static int64_t fd_limit_keep(const char *prefix, int64_t i, const uint8_t *p, size_t n)
{
    char part[FD_LIMIT_PATH];
    char whole[FD_LIMIT_PATH];
    int length = snprintf(part, sizeof part, "%s%" PRId64 ".part", prefix, i);
    int file;
    int64_t status;

    if (length < 0 || (size_t)length >= sizeof part)
        return -ENAMETOOLONG;
    (void)snprintf(whole, sizeof whole, "%s%" PRId64 ".dcm", prefix, i); /* one byte shorter than part */
    file = open(part, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (file < 0)
        return -errno;
    status = fd_limit_write(file, p, n);
    if (close(file) < 0 && status == 0)
        status = -errno;
    if (status == 0 && rename(part, whole) < 0)
        status = -errno;
    return status;
}

int64_t fd_limit_request(int connection, const uint8_t *p, struct fd_limit_messages messages, int64_t n,
                         uint8_t *response, size_t response_length)
{
    size_t i = 0;
    size_t offset = 0;

    for (int64_t sent = 0; sent < n; sent++) {
        int64_t status =
            fd_limit_exchange(connection, p + offset, messages.length[i], response, response_length);
        if (status < 0)
            return status;
        offset += messages.length[i];
        if (++i == messages.count) {
            i = 0;
            offset = 0;
        }
    }
    return n;
}

int64_t fd_limit_respond(int connection, uint8_t *buffer, struct fd_limit_messages messages,
                         size_t response_length, const char *prefix)
{
    size_t i = 0;

    for (int64_t received = 0;; received++) {
        int64_t status = fd_limit_receive(connection, buffer, messages.length[i]);
        if (status == 0)
            return received;
        if (status > 0 && prefix != NULL)
            status = fd_limit_keep(prefix, (int64_t)i, buffer, messages.length[i]);
        if (status >= 0)
            status = fd_limit_send(connection, buffer, response_length);
        if (status < 0)
            return status;
        i = i + 1 == messages.count ? 0 : i + 1;
    }
}

static int64_t fd_limit_converse(int connection, uint8_t *buffer, struct fd_limit_association bytes)
{
    int64_t status = fd_limit_exchange(connection, buffer, bytes.associate_rq, buffer, bytes.associate_ac);

    if (status >= 0)
        status = fd_limit_exchange(connection, buffer, bytes.echo_rq, buffer, bytes.echo_rsp);
    if (status >= 0)
        status = fd_limit_exchange(connection, buffer, bytes.release, buffer, bytes.release);
    return status;
}

int64_t fd_limit_associate(uint16_t port, uint8_t *buffer, struct fd_limit_association bytes, int64_t n)
{
    struct sockaddr_in address;
    const int enabled = 1;
    int64_t status = 0;

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int64_t made = 0; made < n && status >= 0; made++) {
        int connection = socket(AF_INET, SOCK_STREAM, 0);
        if (connection < 0)
            return -errno;
        if (setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &enabled, sizeof enabled) < 0 ||
            connect(connection, (const struct sockaddr *)&address, sizeof address) < 0)
            status = -errno;
        else
            status = fd_limit_converse(connection, buffer, bytes);
        (void)close(connection);
    }
    return status < 0 ? status : n;
}

int64_t fd_limit_accept(int listener, uint8_t *buffer, struct fd_limit_association bytes)
{
    const int enabled = 1;
    int connection = accept(listener, NULL, NULL);
    int64_t status;

    if (connection < 0)
        return -errno;
    if (setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &enabled, sizeof enabled) < 0)
        status = -errno;
    else
        status = fd_limit_answer(connection, buffer, bytes.associate_rq, bytes.associate_ac);
    if (status >= 0)
        status = fd_limit_answer(connection, buffer, bytes.echo_rq, bytes.echo_rsp);
    if (status >= 0)
        status = fd_limit_answer(connection, buffer, bytes.release, bytes.release);
    (void)close(connection);
    return status < 0 ? status : 1;
}
