/* PDU and PDV headers: cut at every byte, at and around every limit. */
#include "fd_pdu.h"

#include "check.h"
#include "fd_bytes.h"

static int peek_pdu(const uint8_t *header, size_t n, uint32_t data_limit, struct fd_pdu *pdu)
{
    uint8_t *copy = copy_of(header, n);
    int code = fd_pdu_peek(copy, n, data_limit, 1000, pdu);
    free(copy);
    return code;
}

static int peek_pdv(const uint8_t *header, size_t n, uint32_t pdu_left, struct fd_pdv *pdv)
{
    uint8_t *copy = copy_of(header, n);
    int code = fd_pdv_peek(copy, n, pdu_left, pdv);
    free(copy);
    return code;
}

static int legal_pdu(unsigned type, uint32_t length, uint32_t data_limit)
{
    if (type == 0 || type > 7)
        return FD_E_PDU_TYPE;
    if (type <= FD_A_ASSOCIATE_AC)
        return length <= 1000 ? FD_OK : FD_E_PDU_LENGTH;
    if (type == FD_P_DATA_TF)
        return data_limit == 0 || length <= data_limit ? FD_OK : FD_E_PDU_LENGTH;
    return length == 4 ? FD_OK : FD_E_PDU_LENGTH;
}

static void check_pdu_headers(void)
{
    const uint32_t lengths[] = {0, 3, 4, 5, 6, 999, 1000, 1001, 16382, 16383, 0x7FFFFFFF, UINT32_MAX};
    const uint32_t limits[] = {0, 6, 16382, UINT32_MAX};
    for (unsigned type = 0; type < 256; type++) {
        for (size_t i = 0; i < COUNT_OF(lengths) * COUNT_OF(limits); i++) {
            uint32_t length = lengths[i / COUNT_OF(limits)];
            uint32_t limit = limits[i % COUNT_OF(limits)];
            uint8_t header[FD_PDU_HEADER] = {(uint8_t)type, 0xFF};
            struct fd_pdu pdu;
            fd_store_be32(header + 2, length);
            for (size_t n = 0; n < FD_PDU_HEADER; n++)
                CHECK(peek_pdu(header, n, limit, &pdu) == FD_NEED_DATA);
            CHECK(peek_pdu(header, FD_PDU_HEADER, limit, &pdu) == legal_pdu(type, length, limit));
            CHECK(pdu.type == type && pdu.length == length);
        }
    }
}

static void check_pdv_headers(void)
{
    const uint32_t lengths[] = {0, 1, 2, 3, 7, 8, 9, 16378, UINT32_MAX - 4, UINT32_MAX};
    const uint32_t lefts[] = {0, 1, 5, 6, 7, 11, 12, 13, 16382, UINT32_MAX};
    for (size_t i = 0; i < COUNT_OF(lengths) * COUNT_OF(lefts); i++) {
        uint32_t length = lengths[i / COUNT_OF(lefts)];
        uint32_t left = lefts[i % COUNT_OF(lefts)];
        uint8_t header[FD_PDV_HEADER] = {0, 0, 0, 0, 255, 3};
        struct fd_pdv pdv;
        fd_store_be32(header, length);
        for (size_t n = 0; n < FD_PDV_HEADER; n++)
            CHECK(peek_pdv(header, n, left, &pdv) == (left < FD_PDV_HEADER ? FD_E_PDV_LENGTH : FD_NEED_DATA));
        int is_legal = left >= FD_PDV_HEADER && length >= 2 && (uint64_t)length + 4 <= left;
        CHECK(peek_pdv(header, FD_PDV_HEADER, left, &pdv) == (is_legal ? FD_OK : FD_E_PDV_LENGTH));
        if (is_legal)
            CHECK(pdv.fragment_length == length - 2 && pdv.context_id == 255 && pdv.control == 3);
    }
}

static void check_store(void)
{
    const uint32_t fragments[] = {0, 1, 2, 16376, 131066};
    for (size_t i = 0; i < COUNT_OF(fragments); i++) {
        struct fd_pdv stored = {5, FD_IS_LAST, fragments[i]};
        struct fd_pdv found;
        struct fd_pdu pdu;
        uint8_t header[FD_PDU_HEADER + FD_PDV_HEADER];
        CHECK(fd_pdv_store(header, &stored) == sizeof header);
        CHECK(fd_pdu_peek(header, FD_PDU_HEADER, 0, 0, &pdu) == FD_OK && pdu.type == FD_P_DATA_TF);
        CHECK(pdu.length == fragments[i] + FD_PDV_HEADER);
        CHECK(fd_pdv_peek(header + FD_PDU_HEADER, FD_PDV_HEADER, pdu.length, &found) == FD_OK);
        CHECK(found.context_id == 5 && found.control == FD_IS_LAST && found.fragment_length == fragments[i]);
    }
}

int main(void)
{
    check_pdu_headers();
    check_pdv_headers();
    check_store();
    return 0;
}
