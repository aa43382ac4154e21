"""A slow and obvious model of what goes over the wire, the oracle for the real codecs.

Written from PS3.8 9.3, PS3.7 6.3, D.3.3 and E.1 without a look at the code under test: plain Python, one
step at a time, a copy wherever a copy is clearer. Decoders raise `Malformed` and never look beyond the end.

PDUs, items and command sets are encoded by functions and decoded to tuples, lists and dicts.
"""

from __future__ import annotations


class Malformed(Exception):
    """The bytes are not what they should be."""


class NeedMore(Exception):
    """The bytes may be the beginning of what they should be."""


def u8(value):
    return value.to_bytes(1, "big")


def u16(value):
    return value.to_bytes(2, "big")


def u32(value):
    return value.to_bytes(4, "big")


def cut(data, length):
    """The first `length` bytes and the rest."""
    if length > len(data):
        raise Malformed(f"{length} bytes are needed, {len(data)} are left")
    return data[:length], data[length:]


def cut_number(data, length):
    number, rest = cut(data, length)
    return int.from_bytes(number, "big"), rest


def cut_counted(data):
    """A value after its length in two bytes, and the rest."""
    length, rest = cut_number(data, 2)
    return cut(rest, length)


def nothing_left(data):
    if data:
        raise Malformed(f"{len(data)} bytes too many")


# ---------------------------------------------------------------- PDUs


def pdu(pdu_type, body):
    return u8(pdu_type) + b"\0" + u32(len(body)) + body


def split_pdu(data):
    """The type and body of the first PDU in `data`, and the bytes after it."""
    if len(data) < 6:
        raise NeedMore
    length = int.from_bytes(data[2:6], "big")
    if len(data) - 6 < length:
        raise NeedMore
    return data[0], data[6 : 6 + length], data[6 + length :]


def whole_pdu(data):
    """The type and body of the PDU that `data` is."""
    try:
        pdu_type, body, rest = split_pdu(data)
    except NeedMore:
        raise Malformed("PDU is cut off") from None
    nothing_left(rest)
    return pdu_type, body


def associate(pdu_type, called, calling, items, version=1):
    """A-ASSOCIATE-RQ (1) or -AC (2); the titles are bytes, the items encoded ones."""
    body = u16(version) + b"\0\0" + called.ljust(16, b" ") + calling.ljust(16, b" ") + bytes(32)
    for each in items:
        body += each
    return pdu(pdu_type, body)


def read_associate(data):
    """(type, version, called, calling, [(item type, content), ...]) of an A-ASSOCIATE-RQ or -AC."""
    pdu_type, body = whole_pdu(data)
    version, body = cut_number(body, 2)
    _, body = cut(body, 2)
    called, body = cut(body, 16)
    calling, body = cut(body, 16)
    _, body = cut(body, 32)
    return pdu_type, version, called, calling, read_items(body)


def reject(result, source, reason):
    return pdu(3, bytes([0, result, source, reason]))


def release_rq():
    return pdu(5, bytes(4))


def release_rp():
    return pdu(6, bytes(4))


def abort(source, reason):
    return pdu(7, bytes([0, 0, source, reason]))


def read_four(data):
    """(type, four bytes) of one of the short PDUs."""
    pdu_type, body = whole_pdu(data)
    if len(body) != 4:
        raise Malformed("not 4 bytes")
    return pdu_type, tuple(body)


# ---------------------------------------------------------------- items


def item(item_type, content):
    return u8(item_type) + b"\0" + u16(len(content)) + content


def read_items(data):
    items = []
    while data:
        item_type, data = cut_number(data, 1)
        _, data = cut(data, 1)
        content, data = cut_counted(data)
        items.append((item_type, content))
    return items


def text(value):
    return value.encode("ascii")


def application_context(name="1.2.840.10008.3.1.1.1"):
    return item(0x10, text(name))


def context_rq(context_id, abstract_syntax, transfer_syntaxes):
    content = bytes([context_id, 0, 0, 0]) + item(0x30, text(abstract_syntax))
    for transfer_syntax in transfer_syntaxes:
        content += item(0x40, text(transfer_syntax))
    return item(0x20, content)


def read_context_rq(content):
    """(ID, abstract syntax, [transfer syntax, ...])."""
    head, rest = cut(content, 4)
    items = read_items(rest)
    abstract = [value for item_type, value in items if item_type == 0x30]
    transfer = [value.decode("ascii") for item_type, value in items if item_type == 0x40]
    return head[0], abstract[0].decode("ascii"), transfer


def context_ac(context_id, result, transfer_syntax):
    content = bytes([context_id, 0, result, 0])
    if transfer_syntax is not None:
        content += item(0x40, text(transfer_syntax))
    return item(0x21, content)


def read_context_ac(content):
    """(ID, result, transfer syntax or None)."""
    head, rest = cut(content, 4)
    found = [value.decode("ascii") for item_type, value in read_items(rest) if item_type == 0x40]
    return head[0], head[2], found[0] if found else None


def user_information(*sub_items):
    return item(0x50, b"".join(sub_items))


def maximum_length(value):
    return item(0x51, u32(value))


def implementation_class_uid(value):
    return item(0x52, text(value))


def asynchronous_operations(invoked, performed):
    return item(0x53, u16(invoked) + u16(performed))


def role_selection(uid, scu, scp):
    return item(0x54, u16(len(uid)) + text(uid) + bytes([scu, scp]))


def implementation_version_name(value):
    return item(0x55, text(value))


def extended(uid, information):
    return item(0x56, u16(len(uid)) + text(uid) + information)


def common_extended(uid, service_class, related):
    uids = b"".join(u16(len(each)) + text(each) for each in related)
    return item(
        0x57,
        u16(len(uid)) + text(uid) + u16(len(service_class)) + text(service_class) + u16(len(uids)) + uids,
    )


def user_identity(kind, wants_response, primary, secondary):
    return item(
        0x58, bytes([kind, wants_response]) + u16(len(primary)) + primary + u16(len(secondary)) + secondary
    )


def user_identity_response(response):
    return item(0x59, u16(len(response)) + response)


# ---------------------------------------------------------------- P-DATA-TF


def p_data_tf(pdvs):
    """A P-DATA-TF of (context ID, message control header, fragment) triples."""
    body = b""
    for context_id, header, fragment in pdvs:
        body += u32(len(fragment) + 2) + u8(context_id) + u8(header) + fragment
    return pdu(4, body)


def read_p_data_tf(data):
    """The (context ID, message control header, fragment) triples of a P-DATA-TF."""
    pdu_type, body = whole_pdu(data)
    if pdu_type != 4:
        raise Malformed(f"type is {pdu_type}")
    if not body:
        raise Malformed("no PDV")
    pdvs = []
    while body:
        length, body = cut_number(body, 4)
        pdv, body = cut(body, length)
        if length < 2:
            raise Malformed(f"PDV length is {length}")
        pdvs.append((pdv[0], pdv[1], pdv[2:]))
    return pdvs


def message(context_id, command, data_set, maximum_length):
    """The P-DATA-TF PDUs of a message, one PDV each; `data_set` is None where there is none.

    `maximum_length` is the peer's: what a PDU may have after its header; 0 is no limit.
    """
    size = maximum_length - 6 if maximum_length else max(len(command), len(data_set or b""), 1)
    pdus = []
    for is_command, whole in ((1, command), (0, data_set)):
        if whole is None:
            continue
        fragments = [whole[i : i + size] for i in range(0, len(whole), size)] or [b""]
        for i, fragment in enumerate(fragments):
            is_last = 2 if i == len(fragments) - 1 else 0
            pdus.append(p_data_tf([(context_id, is_command | is_last, fragment)]))
    return pdus


def read_messages(pdus):
    """The whole messages in a list of P-DATA-TF PDUs: (context ID, command set, data set or None)."""
    messages = []
    context_id, command, data_set = None, b"", None
    is_command_complete = False
    for each in pdus:
        for pdv_context_id, header, fragment in read_p_data_tf(each):
            if context_id is None:
                context_id = pdv_context_id
            if pdv_context_id != context_id:
                raise Malformed("context ID changes inside of a message")
            if header & 1:
                if is_command_complete:
                    raise Malformed("command set where the data set should be")
                command += fragment
                is_command_complete = bool(header & 2)
                is_complete = is_command_complete and not has_data_set(command)
            else:
                if not is_command_complete:
                    raise Malformed("data set before the end of the command set")
                data_set = (data_set or b"") + fragment
                is_complete = bool(header & 2)
            if is_complete:
                messages.append((context_id, command, data_set))
                context_id, command, data_set = None, b"", None
                is_command_complete = False
    if context_id is not None:
        raise Malformed("message is not complete")
    return messages


# ---------------------------------------------------------------- command sets, PS3.7 E.1

# Element number to VR.
COMMAND_VR = {
    0x0000: "UL",
    0x0002: "UI",
    0x0003: "UI",
    0x0100: "US",
    0x0110: "US",
    0x0120: "US",
    0x0600: "AE",
    0x0700: "US",
    0x0800: "US",
    0x0900: "US",
    0x0901: "AT",
    0x0902: "LO",
    0x0903: "US",
    0x1000: "UI",
    0x1001: "UI",
    0x1002: "US",
    0x1005: "AT",
    0x1008: "US",
    0x1020: "US",
    0x1021: "US",
    0x1022: "US",
    0x1023: "US",
    0x1030: "AE",
    0x1031: "US",
}

NO_DATA_SET = 0x0101


def encode_value(vr, value):
    if vr == "US":
        return value.to_bytes(2, "little")
    if vr == "UL":
        return value.to_bytes(4, "little")
    if vr == "AT":
        tags = value if isinstance(value, list) else [value]
        return b"".join((t >> 16).to_bytes(2, "little") + (t & 0xFFFF).to_bytes(2, "little") for t in tags)
    encoded = text(value)
    padding = b"\0" if vr == "UI" else b" "
    return encoded + padding if len(encoded) % 2 else encoded


def decode_value(vr, data):
    if vr in ("US", "UL"):
        if len(data) != {"US": 2, "UL": 4}[vr]:
            raise Malformed(f"{vr} of {len(data)} bytes")
        return int.from_bytes(data, "little")
    if vr == "AT":
        if len(data) % 4:
            raise Malformed(f"AT of {len(data)} bytes")
        tags = []
        for i in range(0, len(data), 4):
            group, element = data[i : i + 2], data[i + 2 : i + 4]
            tags.append(int.from_bytes(group, "little") << 16 | int.from_bytes(element, "little"))
        return tags[0] if len(tags) == 1 else tags
    return data.decode("latin-1").rstrip("\0" if vr == "UI" else " ")


def command_element(element, value):
    """One element of a command set: Implicit VR Little Endian, group 0000."""
    encoded = encode_value(COMMAND_VR[element], value)
    return b"\0\0" + element.to_bytes(2, "little") + len(encoded).to_bytes(4, "little") + encoded


def command_set(elements):
    """A command set of {element number: value}, its group length put first."""
    rest = b"".join(command_element(e, elements[e]) for e in sorted(elements) if e != 0)
    return command_element(0, len(rest)) + rest


def read_command_set(data):
    """{element number: value} of a command set, group length included; unknown elements as bytes."""
    elements = {}
    while data:
        group, data = cut(data, 2)
        element, data = cut(data, 2)
        length, data = cut(data, 4)
        value, data = cut(data, int.from_bytes(length, "little"))
        if group != b"\0\0":
            raise Malformed(f"group is {group.hex()}")
        number = int.from_bytes(element, "little")
        elements[number] = decode_value(COMMAND_VR[number], value) if number in COMMAND_VR else value
    return elements


def has_data_set(command):
    return read_command_set(command)[0x0800] != NO_DATA_SET
