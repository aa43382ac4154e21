/* The socket's own speed: the bytes of C-STORE, C-ECHO and associations, moved without any meaning.
 *
 * What `python -m fastdicom.bench` compares with. Each message is one blocking send of as many bytes as
 * the PDUs of the request take, and one small answer. Nothing is framed, looked at or kept, so no
 * implementation over these sockets is faster. POSIX only.
 *
 * Every function returns 0 or more when all went well and a negated errno when not; a peer that closes
 * in the middle of a message is -ECONNRESET. */
#ifndef FD_LIMIT_H
#define FD_LIMIT_H

#include <stddef.h>
#include <stdint.h>

/* The lengths of consecutive messages: message i has length[i % count] bytes. */
struct fd_limit_messages {
    const size_t *length;
    size_t count;
};

/* The number of bytes that each step of an association takes. */
struct fd_limit_association {
    size_t associate_rq;
    size_t associate_ac;
    size_t echo_rq;
    size_t echo_rsp;
    size_t release;
};

/* Send n messages out of p, where they lie one behind the other, and receive response_length bytes into
 * response after each. */
int64_t fd_limit_request(int connection, const uint8_t *p, struct fd_limit_messages messages, int64_t n,
                         uint8_t *response, size_t response_length);

/* Receive messages into buffer, which holds the longest, and answer each with response_length bytes,
 * until the peer closes between two messages; return how many there were. With a prefix each message is
 * written to the file <prefix><i>.part, i modulo the number of lengths, and renamed to <prefix><i>.dcm. */
int64_t fd_limit_respond(int connection, uint8_t *buffer, struct fd_limit_messages messages,
                         size_t response_length, const char *prefix);

/* Open n connections to the port of the loopback interface, one after the other; over each of them go an
 * association request, an echo and a release. buffer holds the longest of these. */
int64_t fd_limit_associate(uint16_t port, uint8_t *buffer, struct fd_limit_association bytes, int64_t n);

/* Answer one such connection. */
int64_t fd_limit_accept(int listener, uint8_t *buffer, struct fd_limit_association bytes);

#endif
