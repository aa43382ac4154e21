/* PDU and PDV headers, PS3.8 9.3.1 and 9.3.5. */
#ifndef FD_PDU_H
#define FD_PDU_H

#include <stddef.h>
#include <stdint.h>

#define FD_PDU_HEADER 6
#define FD_PDV_HEADER 6 /* length, presentation context id, message control header */

enum {
    FD_A_ASSOCIATE_RQ = 1,
    FD_A_ASSOCIATE_AC = 2,
    FD_A_ASSOCIATE_RJ = 3,
    FD_P_DATA_TF = 4,
    FD_A_RELEASE_RQ = 5,
    FD_A_RELEASE_RP = 6,
    FD_A_ABORT = 7
};

/* Message control header, PS3.8 E.2. */
#define FD_IS_COMMAND 1
#define FD_IS_LAST 2

/* What a kernel answers. Negative: the peer broke the protocol, or this side cannot go on. */
enum {
    FD_OK = 0,
    FD_NEED_DATA = 1,
    FD_E_PDU_TYPE = -1,       /* no such PDU */
    FD_E_PDU_LENGTH = -2,     /* longer or shorter than this PDU may be */
    FD_E_PDV_LENGTH = -3,     /* shorter than its header, or beyond its PDU */
    FD_E_PDV_EMPTY = -4,      /* too many PDVs without a byte of data in a row */
    FD_E_CONTEXT = -5,        /* a presentation context that was not accepted */
    FD_E_CONTEXT_CHANGE = -6, /* another presentation context within a message */
    FD_E_ORDER = -7,          /* data set before command set, or a command set within a data set */
    FD_E_COMMAND_LENGTH = -8, /* the command set is longer than its limit */
    FD_E_COMMAND = -9,        /* the command set cannot be decoded, or lacks what it must have */
    FD_E_MEMORY = -10,        /* no memory */
    FD_E_PDV_COUNT = -11      /* a P-DATA-TF PDU without a PDV */
};

struct fd_pdu {
    uint8_t type;
    uint32_t length; /* without the header of 6 bytes */
};

struct fd_pdv {
    uint8_t context_id;
    uint8_t control;          /* FD_IS_COMMAND, FD_IS_LAST */
    uint32_t fragment_length; /* without the header of 6 bytes */
};

/* Look at the PDU header at p. n is what has arrived.
 * data_limit: our maximum length, 0 for none. other_limit: the same for A-ASSOCIATE-RQ and -AC.
 * FD_OK, FD_NEED_DATA, or a protocol error; pdu is filled in whenever the header is whole. */
int fd_pdu_peek(const uint8_t *p, size_t n, uint32_t data_limit, uint32_t other_limit, struct fd_pdu *pdu);

/* Look at the PDV header at p. n is what has arrived; pdu_left what the PDU still holds. */
int fd_pdv_peek(const uint8_t *p, size_t n, uint32_t pdu_left, struct fd_pdv *pdv);

/* Store the header of a PDU that is one PDV. Returns its 12 bytes' length. */
size_t fd_pdv_store(uint8_t *p, const struct fd_pdv *pdv);

#endif
