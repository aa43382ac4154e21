"""Data elements at the front of an encoded data set, found without decoding it."""

cdef dict REASONS = {
    FD_ELEMENT_TRUNCATED: "an element goes beyond its end",
    FD_ELEMENT_VR: "there is no VR where explicit VR has one",
    FD_ELEMENT_UNDEFINED: "an element has an undefined length",
}


def find_texts(const uint8_t[::1] data not None, tags, bint is_implicit, bint is_big_endian,
               size_t begin=0):
    """Find text values among the first elements of a data set.

    Parameters
    ----------
    data
        The encoded data set, or its beginning.
    tags
        What to look for, as int, ascending. The walk ends at the last one.
    is_implicit, is_big_endian
        The encoding, PS3.5 7.1 and 7.3.
    begin
        The offset of the first element.

    Returns
    -------
    texts
        A list as long as `tags`: str without padding, or None for a tag that is not there.
    offset
        Where the walk ended: behind the last tag, or at the first element that comes after it.

    Raises
    ------
    ValueError
        When the walk cannot get that far; the message says at which offset and why.
    """
    cdef fd_syntax syntax
    cdef fd_span value
    cdef size_t n = <size_t>data.shape[0]
    cdef size_t offset = min(begin, n)
    cdef const uint8_t *p = &data[0] if n else NULL
    cdef int code
    syntax.is_implicit = is_implicit
    syntax.is_big_endian = is_big_endian
    texts = []
    for tag in tags:
        code = fd_element_find(p, n, syntax, tag, &offset, &value)
        if code != FD_ELEMENT_OK:
            raise ValueError(f"at offset {offset} of the data set {REASONS[code]}")
        if value.p == NULL:
            texts.append(None)
        else:
            texts.append((<const char *>value.p)[:value.n].decode("latin-1").strip("\0 "))
    return texts, offset
