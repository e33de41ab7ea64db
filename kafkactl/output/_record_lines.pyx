# cython: language_level=3, cdivision=True
"""The lines of kafkactl.output.record_lines, compiled: records are read and printed in one go, without the GIL.

It prints what is whole, and leaves what is damaged to plain Python.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from kafkactl.storage._varints cimport RecordFields, read_fields, read_sized

from kafkactl.serde.formats import jvm_text


cdef struct Text:
    char* start
    Py_ssize_t size
    Py_ssize_t room


cdef class Lines:
    """Text that grows record by record; `last_offset` and `gaps` are of all records so far."""

    cdef Text text
    cdef readonly int64_t first_offset
    cdef readonly int64_t last_offset
    cdef readonly list gaps
    cdef readonly bint has_offsets

    def __cinit__(self):
        self.text.start = NULL
        self.text.size = self.text.room = 0
        self.has_offsets = False
        self.first_offset = self.last_offset = -1
        self.gaps = []

    def __dealloc__(self):
        free(self.text.start)

    def add_text(self, bytes line not None):
        """A line as it is."""
        append(&self.text, <const char*> line, len(line))

    def add_records(
        self,
        bytes data not None,
        int64_t count,
        int64_t base_offset,
        int64_t base_timestamp_ms,
        int64_t base_sequence,
        append_time_ms,
        bytes timestamp_type not None,
        bint with_data,
    ):
        """A batch's records, a line each; False, and nothing, when the bytes are not what they say."""
        cdef const unsigned char* at = data
        cdef const unsigned char* end = at + len(data)
        cdef const char* kind = timestamp_type
        cdef Py_ssize_t kind_size = len(timestamp_type)
        cdef bint append_time = append_time_ms is not None
        cdef int64_t fixed_time = append_time_ms if append_time else 0
        cdef Py_ssize_t before = self.text.size
        cdef int64_t number, offset
        cdef RecordFields record
        cdef Text* text = &self.text
        if count < 0:
            return False
        if not self._is_whole(at, end, count):
            return False
        with nogil:
            for number in range(count):
                at = read_fields(at, end, &record)
                offset = base_offset + record.offset_delta
                self._note(offset)
                append(text, b"| offset: ", 10)
                append_number(text, offset)
                append(text, b" ", 1)
                append(text, kind, kind_size)
                append(text, b": ", 2)
                append_number(text, fixed_time if append_time else base_timestamp_ms + record.timestamp_delta)
                append(text, b" keySize: ", 10)
                append_number(text, record.key_size)
                append(text, b" valueSize: ", 12)
                append_number(text, record.value_size)
                append(text, b" sequence: ", 11)
                append_number(text, (base_sequence + record.offset_delta) & 0x7FFFFFFF if base_sequence >= 0 else -1)
                append(text, b" headerKeys: [", 14)
                if record.header_count:
                    append_header_names(text, &record, at)
                append(text, b"]", 1)
                if with_data:
                    if record.key_size >= 0:
                        append(text, b" key: ", 6)
                        append_string(text, record.key, record.key_size)
                    if record.value_size >= 0:
                        append(text, b" payload: ", 10)
                        append_string(text, record.value, record.value_size)
                append(text, b"\n", 1)
        return True

    cdef bint _is_whole(self, const unsigned char* at, const unsigned char* end, int64_t count) noexcept:
        """Looks at all records before the first is printed: a batch is printed whole here, or not at all."""
        cdef RecordFields record
        cdef const unsigned char* name
        cdef int64_t name_size, number, header
        cdef const unsigned char* header_at
        with nogil:
            for number in range(count):
                at = read_fields(at, end, &record)
                if at == NULL:
                    return False
                header_at = record.headers
                for header in range(record.header_count):
                    header_at = read_sized(header_at, at, &name, &name_size)
                    if header_at == NULL or name_size < 0:
                        return False
                    header_at = read_sized(header_at, at, &name, &name_size)
                    if header_at == NULL:
                        return False
                if header_at != at:
                    return False
        return at == end

    def note_offsets(self, offsets):
        """Offsets of records whose lines came as text."""
        for offset in offsets:
            self._note(offset)

    cdef int _note(self, int64_t offset) except -1 nogil:
        if not self.has_offsets:
            self.has_offsets = True
            self.first_offset = offset
        elif offset != self.last_offset + 1:
            with gil:
                self.gaps.append((self.last_offset, offset))
        self.last_offset = offset
        return 0

    def take(self):
        """The text so far, which is then empty."""
        taken = PyBytes_FromStringAndSize(self.text.start, self.text.size)
        self.text.size = 0
        return taken

    def __len__(self):
        return self.text.size


cdef int append_header_names(Text* text, RecordFields* record, const unsigned char* end) except -1 nogil:
    cdef const unsigned char* at = record.headers
    cdef const unsigned char* name
    cdef const unsigned char* value
    cdef int64_t name_size, value_size, number
    for number in range(record.header_count):
        at = read_sized(at, end, &name, &name_size)
        at = read_sized(at, end, &value, &value_size)
        if number:
            append(text, b",", 1)
        append_string(text, name, name_size)
    return 0


cdef int append(Text* text, const char* bytes, Py_ssize_t size) except -1 nogil:
    if text.size + size > text.room:
        grow(text, size)
    memcpy(text.start + text.size, bytes, size)
    text.size += size
    return 0


cdef int grow(Text* text, Py_ssize_t size) except -1 nogil:
    cdef Py_ssize_t room = text.room * 2 + size + 65536
    cdef char* grown = <char*> realloc(text.start, room)
    if grown == NULL:
        with gil:
            raise MemoryError
    text.start = grown
    text.room = room
    return 0


cdef int append_number(Text* text, int64_t number) except -1 nogil:
    cdef char digits[20]
    cdef int position = 20
    cdef uint64_t left = <uint64_t> number if number >= 0 else 0 - <uint64_t> number
    while True:
        position -= 1
        digits[position] = <char> (48 + left % 10)
        left //= 10
        if left == 0:
            break
    if number < 0:
        append(text, b"-", 1)
    return append(text, digits + position, 20 - position)


cdef int append_string(Text* text, const unsigned char* bytes, Py_ssize_t size) except -1 nogil:
    """Bytes as the JVM prints them: as they are where they are UTF-8."""
    if is_utf8(bytes, size):
        return append(text, <const char*> bytes, size)
    with gil:
        replaced = jvm_text(bytes[:size]).encode()
        return append(text, <const char*> replaced, len(replaced))


cdef bint is_utf8(const unsigned char* at, Py_ssize_t size) noexcept nogil:
    cdef const unsigned char* end = at + size
    cdef uint64_t word
    cdef unsigned char lead, lowest, highest
    cdef int following
    while at < end:
        while end - at >= 8:
            memcpy(&word, at, 8)
            if word & 0x8080808080808080ULL:
                break
            at += 8
        if at == end:
            return True
        lead = at[0]
        at += 1
        if lead < 0x80:
            continue
        lowest, highest = 0x80, 0xBF
        if 0xC2 <= lead <= 0xDF:
            following = 1
        elif 0xE0 <= lead <= 0xEF:
            following = 2
            if lead == 0xE0:
                lowest = 0xA0
            elif lead == 0xED:
                highest = 0x9F
        elif 0xF0 <= lead <= 0xF4:
            following = 3
            if lead == 0xF0:
                lowest = 0x90
            elif lead == 0xF4:
                highest = 0x8F
        else:
            return False
        while following:
            if at == end or at[0] < lowest or at[0] > highest:
                return False
            lowest, highest = 0x80, 0xBF
            at += 1
            following -= 1
    return True
