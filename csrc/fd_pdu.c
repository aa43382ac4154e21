#include "fd_pdu.h"

#include "fd_bytes.h"

int fd_pdu_peek(const uint8_t *p, size_t n, uint32_t data_limit, uint32_t other_limit, struct fd_pdu *pdu)
{
    if (n < FD_PDU_HEADER)
        return FD_NEED_DATA;
    pdu->type = p[0];
    pdu->length = fd_load_be32(p + 2);
    switch (pdu->type) {
    case FD_A_ASSOCIATE_RQ:
    case FD_A_ASSOCIATE_AC:
        return pdu->length > other_limit ? FD_E_PDU_LENGTH : FD_OK;
    case FD_P_DATA_TF:
        /* PS3.8 D.1: the maximum length counts the variable field; 0 means no limit. */
        return data_limit != 0 && pdu->length > data_limit ? FD_E_PDU_LENGTH : FD_OK;
    case FD_A_ASSOCIATE_RJ:
    case FD_A_RELEASE_RQ:
    case FD_A_RELEASE_RP:
    case FD_A_ABORT:
        return pdu->length != 4 ? FD_E_PDU_LENGTH : FD_OK;
    default:
        return FD_E_PDU_TYPE;
    }
}

int fd_pdv_peek(const uint8_t *p, size_t n, uint32_t pdu_left, struct fd_pdv *pdv)
{
    if (pdu_left < FD_PDV_HEADER)
        return FD_E_PDV_LENGTH;
    if (n < FD_PDV_HEADER)
        return FD_NEED_DATA;
    uint32_t pdv_length = fd_load_be32(p);
    if (pdv_length < 2 || pdv_length > pdu_left - 4)
        return FD_E_PDV_LENGTH;
    pdv->fragment_length = pdv_length - 2;
    pdv->context_id = p[4];
    pdv->control = p[5];
    return FD_OK;
}

size_t fd_pdv_store(uint8_t *p, const struct fd_pdv *pdv)
{
    p[0] = FD_P_DATA_TF;
    p[1] = 0;
    fd_store_be32(p + 2, pdv->fragment_length + FD_PDV_HEADER);
    fd_store_be32(p + 6, pdv->fragment_length + 2);
    p[10] = pdv->context_id;
    p[11] = pdv->control;
    return FD_PDU_HEADER + FD_PDV_HEADER;
}
