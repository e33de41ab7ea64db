# Zigzag varints, for the compiled readers.

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t


cdef inline const unsigned char* read_varlong(
    const unsigned char* at, const unsigned char* end, int64_t* value
) noexcept nogil:
    """Read a zigzag varint of 64 bits into `value`, and return the place after it, or NULL if it is cut or too long."""
    cdef uint64_t raw = 0
    cdef int shift = 0
    cdef unsigned char byte
    while at < end:
        byte = at[0]
        at += 1
        raw |= (<uint64_t> (byte & 0x7F)) << shift
        if byte < 0x80:
            value[0] = <int64_t> (raw >> 1) ^ -(<int64_t> (raw & 1))
            return at
        shift += 7
        if shift > 63:
            return NULL
    return NULL


cdef inline const unsigned char* read_varint(
    const unsigned char* at, const unsigned char* end, int64_t* value
) noexcept nogil:
    """Read a zigzag varint of 32 bits into `value`, and return the place after it; NULL if it is cut off or too long.

    Bits above the 32nd in its five bytes are ignored, as in Java.
    """
    cdef uint64_t raw = 0
    cdef uint32_t low
    cdef int shift = 0
    cdef unsigned char byte
    while at < end and shift <= 28:
        byte = at[0]
        at += 1
        raw |= (<uint64_t> (byte & 0x7F)) << shift
        if byte < 0x80:
            low = <uint32_t> raw
            value[0] = <int32_t> ((low >> 1) ^ (0 - (low & 1)))
            return at
        shift += 7
    return NULL


cdef struct RecordFields:
    int64_t timestamp_delta
    int64_t offset_delta
    const unsigned char* key
    int64_t key_size  # -1: none
    const unsigned char* value
    int64_t value_size
    const unsigned char* headers
    int64_t header_count


cdef inline const unsigned char* read_fields(
    const unsigned char* at, const unsigned char* end, RecordFields* record
) noexcept nogil:
    """Read a record up to its headers, and return the place after the record; NULL if they do not fit its length."""
    cdef int64_t length
    cdef const unsigned char* record_end
    at = read_varint(at, end, &length)
    if at == NULL or length < 1 or length > end - at:
        return NULL
    record_end = at + length
    at = read_varlong(at + 1, record_end, &record.timestamp_delta)
    if at == NULL:
        return NULL
    at = read_varint(at, record_end, &record.offset_delta)
    if at == NULL:
        return NULL
    at = read_sized(at, record_end, &record.key, &record.key_size)
    if at == NULL:
        return NULL
    at = read_sized(at, record_end, &record.value, &record.value_size)
    if at == NULL:
        return NULL
    at = read_varint(at, record_end, &record.header_count)
    if at == NULL or record.header_count < 0 or record.header_count > record_end - at:
        return NULL
    record.headers = at
    if record.header_count == 0 and at != record_end:
        return NULL
    return record_end


cdef inline const unsigned char* read_sized(
    const unsigned char* at, const unsigned char* end, const unsigned char** bytes, int64_t* size
) noexcept nogil:
    """Read a key, a value, or a part of a header, and return the place after it; NULL if it ends past `end`.

    `size` becomes -1 for null.
    """
    at = read_varint(at, end, size)
    if at == NULL or size[0] > end - at:
        return NULL
    bytes[0] = at
    if size[0] < 0:
        size[0] = -1
        return at
    return at + size[0]


cdef inline bint is_whole(const unsigned char* at, const unsigned char* end, int64_t count) noexcept nogil:
    """Return whether the bytes are exactly `count` whole records.

    False also for a negative offset delta, which the reader in plain Python handles.
    """
    cdef RecordFields record
    cdef const unsigned char* part
    cdef const unsigned char* header_at
    cdef int64_t size, number, header
    if count < 0:
        return False
    for number in range(count):
        at = read_fields(at, end, &record)
        if at == NULL or record.offset_delta < 0:
            return False
        if record.header_count:
            header_at = record.headers
            for header in range(record.header_count):
                header_at = read_sized(header_at, at, &part, &size)
                if header_at == NULL or size < 0:
                    return False
                header_at = read_sized(header_at, at, &part, &size)
                if header_at == NULL:
                    return False
            if header_at != at:
                return False
    return at == end
