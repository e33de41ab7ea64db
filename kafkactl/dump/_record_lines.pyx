# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
"""Compiled form of the lines of kafkactl.dump.record_lines: batches are read and printed in one go.

Most of the work is done without the GIL. Whole batches of magic 2 are printed here, all others by plain Python.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.buffer cimport PyBUF_READ
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdint cimport int16_t, int32_t, int64_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from google_crc32c import value as crc32c

from kafkactl.storage._varints cimport RecordFields, is_whole, read_fields, read_sized

from kafkactl.errors import FormatError
from kafkactl.storage.compression import Codec, decompress
from kafkactl.storage.text import jvm_text

cdef enum:
    BATCHES_AT_ONCE = 64
    LOG_OVERHEAD = 12
    HEADER_SIZE = 61
    CRC_COVERS_FROM = 21
    SMALLEST_ROOM = 1024  # more than all words and numbers of a line

cdef enum Attribute:
    CODEC_MASK = 0x07
    LOG_APPEND_TIME = 0x08
    TRANSACTIONAL = 0x10
    CONTROL = 0x20
    DELETE_HORIZON = 0x40

cdef bytes CODEC_NAMES = b"none\0\0\0\0gzip\0\0\0\0snappy\0\0lz4\0\0\0\0\0zstd\0\0\0\0"
cdef const char* codec_names = CODEC_NAMES
cdef int64_t[5] codec_name_sizes = [4, 4, 6, 3, 4]
CODECS = tuple(Codec)


cdef struct BatchFields:
    Py_ssize_t position
    Py_ssize_t size
    int64_t base_offset
    int32_t leader_epoch
    uint32_t crc
    int16_t attributes
    int32_t last_offset_delta
    int64_t base_timestamp
    int64_t max_timestamp
    int64_t producer_id
    int16_t producer_epoch
    int32_t base_sequence
    int32_t count
    bint is_valid
    const unsigned char* records
    const unsigned char* records_end


cdef struct Text:
    char* start
    Py_ssize_t size
    Py_ssize_t room


cdef class Lines:
    """Text that grows batch by batch; offsets and gaps are those of all records so far."""

    cdef Text text
    cdef readonly int64_t first_offset
    cdef readonly int64_t last_offset
    cdef readonly list gaps
    cdef readonly bint has_offsets

    def __cinit__(self):
        self.text.start = NULL
        self.text.size = self.text.room = 0
        self.clear()

    def __dealloc__(self):
        free(self.text.start)

    def __len__(self):
        return self.text.size

    def write_to(self, out):
        """Write the text to an output, and keep it. Raise OutputError and ReaderLeftError."""
        if self.text.size:
            out.write(PyMemoryView_FromMemory(self.text.start, self.text.size, PyBUF_READ))

    @property
    def is_open(self):
        """Return whether the last line has no end, as damage leaves it; False without text."""
        return self.text.size > 0 and self.text.start[self.text.size - 1] != b"\n"

    def clear(self):
        """Remove the text, the offsets and the gaps, so that it can be filled again."""
        self.text.size = 0
        self.has_offsets = False
        self.first_offset = self.last_offset = -1
        self.gaps = []

    def add_text(self, bytes line not None):
        """Add one line, or a part of it, as it is; offsets are noted by `note_offsets` only."""
        cdef Py_ssize_t size = PyBytes_GET_SIZE(line)
        make_room(&self.text, size)
        memcpy(self.text.start + self.text.size, PyBytes_AS_STRING(line), size)
        self.text.size += size

    def note_offsets(self, offsets):
        """Note the offsets of records whose lines were added as text, in their order, and all gaps between them."""
        for offset in offsets:
            self._note(offset)

    def add_batches(
        self,
        const unsigned char[::1] data,
        Py_ssize_t start,
        Py_ssize_t position,
        bint with_records,
        bint with_values,
        Py_ssize_t most,
    ):
        """Add the lines of batches from a position on, and return the position where this stopped; nothing is raised.

        `start` is the position in the file where `data` begin; all positions are in bytes. With `with_records` the
        records of the batches are added, too, and with `with_values` their keys and values. It stops at the end of the
        data, when the text has `most` bytes, or at a batch that plain Python must handle: one that is not whole, of
        another magic, with an unknown codec, unusual numbers in its header, or more than `most` bytes; with records
        also a control batch, damaged records, and more than `most` bytes decompressed. A wrong CRC does not stop it.
        """
        cdef BatchFields[BATCHES_AT_ONCE] batches
        cdef int found, done
        cdef list held
        cdef Py_ssize_t end = start + data.shape[0]
        while position < end and self.text.size < most:
            held = []  # keeps alive what the pointers point into
            found = self._read_headers(data, start, position, with_records, most, batches, held)
            with nogil:
                done = 0
                while done < found and self._print(&batches[done], with_records, with_values):
                    done += 1
            if done:
                position = batches[done - 1].position + batches[done - 1].size
            if done < found or found == 0:
                break
        return position

    cdef int _read_headers(
        self,
        const unsigned char[::1] data,
        Py_ssize_t start,
        Py_ssize_t position,
        bint with_records,
        Py_ssize_t most,
        BatchFields* batches,
        list held,
    ) except -1:
        """Read headers, check CRCs and decompress; return the number of batches that can be printed here.

        The batches are put into `batches`, and the memory that they point to is kept alive by `held`.
        """
        cdef int found = 0
        cdef Py_ssize_t end = start + data.shape[0]
        cdef Py_ssize_t unpacked_size = 0
        cdef const unsigned char* at
        cdef BatchFields* batch
        cdef bytes body
        while found < BATCHES_AT_ONCE and position + HEADER_SIZE <= end and unpacked_size < most:
            at = &data[position - start]
            batch = &batches[found]
            batch.position = position
            batch.size = LOG_OVERHEAD + <int32_t> big_endian(at + 8, 4)
            if at[16] != 2 or batch.size < HEADER_SIZE or batch.size > end - position or batch.size > most:
                break
            read_header(at, batch)
            if (batch.attributes & CODEC_MASK) > 4 or (with_records and batch.attributes & CONTROL):
                break
            if batch.base_sequence < -1 or batch.last_offset_delta < 0 or batch.count == 0:
                break
            body = PyBytes_FromStringAndSize(<const char*> at + CRC_COVERS_FROM, batch.size - CRC_COVERS_FROM)
            batch.is_valid = crc32c(body) == batch.crc
            batch.records = at + HEADER_SIZE
            batch.records_end = at + batch.size
            if with_records and batch.attributes & CODEC_MASK:
                try:
                    body = decompress(
                        CODECS[batch.attributes & CODEC_MASK],
                        PyBytes_FromStringAndSize(<const char*> batch.records, batch.size - HEADER_SIZE),
                        most,
                    )
                except FormatError:
                    break
                held.append(body)
                unpacked_size += len(body)
                batch.records = <const unsigned char*> PyBytes_AS_STRING(body)
                batch.records_end = batch.records + len(body)
            found += 1
            position += batch.size
        return found

    cdef bint _print(self, const BatchFields* batch, bint with_records, bint with_values) except -1 nogil:
        """Add the lines of a batch; return False, and add nothing, if its records are damaged."""
        if with_records and not is_whole(batch.records, batch.records_end, batch.count):
            return False
        make_room(&self.text, SMALLEST_ROOM)
        self.text.size = put_batch(self.text.start + self.text.size, batch) - self.text.start
        if with_records:
            self._print_records(batch, with_values)
        return True

    cdef int _print_records(self, const BatchFields* batch, bint with_values) except -1 nogil:
        """Add the lines of the records of a batch whose records are whole, and note their offsets."""
        cdef const unsigned char* at = batch.records
        cdef const unsigned char* start
        cdef bint append_time = (batch.attributes & LOG_APPEND_TIME) != 0
        cdef int64_t offset, number, sequence
        cdef RecordFields record
        cdef char* to
        for number in range(batch.count):
            start = at
            at = read_fields(at, batch.records_end, &record)
            offset = batch.base_offset + record.offset_delta
            self._note(offset)
            # A byte that is not UTF-8 is replaced by three.
            make_room(&self.text, SMALLEST_ROOM + 3 * (at - start))
            to = self.text.start + self.text.size
            to = put(to, b"| offset: ", 10)
            to = put_number(to, offset)
            if append_time:
                to = put(to, b" LogAppendTime: ", 16)
                to = put_number(to, batch.max_timestamp)
            else:
                to = put(to, b" CreateTime: ", 13)
                to = put_number(to, batch.base_timestamp + record.timestamp_delta)
            to = put(to, b" keySize: ", 10)
            to = put_number(to, record.key_size)
            to = put(to, b" valueSize: ", 12)
            to = put_number(to, record.value_size)
            to = put(to, b" sequence: ", 11)
            sequence = -1
            if batch.base_sequence >= 0:
                sequence = (batch.base_sequence + record.offset_delta) & 0x7FFFFFFF
            to = put_number(to, sequence)
            to = put(to, b" headerKeys: [", 14)
            if record.header_count:
                to = put_header_names(to, &record, at)
            to = put(to, b"]", 1)
            if with_values:
                if record.key_size >= 0:
                    to = put(to, b" key: ", 6)
                    to = put_string(to, record.key, record.key_size)
                if record.value_size >= 0:
                    to = put(to, b" payload: ", 10)
                    to = put_string(to, record.value, record.value_size)
            to = put(to, b"\n", 1)
            self.text.size = to - self.text.start
        return 0

    cdef inline int _note(self, int64_t offset) except -1 nogil:
        """Note the offset of the next record, and a gap before it."""
        if not self.has_offsets:
            self.has_offsets = True
            self.first_offset = offset
        elif offset != self.last_offset + 1:
            self._add_gap(offset)
        self.last_offset = offset
        return 0

    # What needs the GIL is in functions of its own: a function with such a part in it takes the GIL every time.

    cdef int _add_gap(self, int64_t offset) except -1 with gil:
        self.gaps.append((self.last_offset, offset))
        return 0


cdef inline uint64_t big_endian(const unsigned char* at, int size) noexcept nogil:
    cdef uint64_t value = 0
    cdef int index
    for index in range(size):
        value = value << 8 | at[index]
    return value


cdef void read_header(const unsigned char* at, BatchFields* batch) noexcept nogil:
    batch.base_offset = <int64_t> big_endian(at, 8)
    batch.leader_epoch = <int32_t> big_endian(at + 12, 4)
    batch.crc = <uint32_t> big_endian(at + 17, 4)
    batch.attributes = <int16_t> big_endian(at + 21, 2)
    batch.last_offset_delta = <int32_t> big_endian(at + 23, 4)
    batch.base_timestamp = <int64_t> big_endian(at + 27, 8)
    batch.max_timestamp = <int64_t> big_endian(at + 35, 8)
    batch.producer_id = <int64_t> big_endian(at + 43, 8)
    batch.producer_epoch = <int16_t> big_endian(at + 51, 2)
    batch.base_sequence = <int32_t> big_endian(at + 53, 4)
    batch.count = <int32_t> big_endian(at + 57, 4)


cdef int out_of_memory() except -1 with gil:
    raise MemoryError


cdef int make_room(Text* text, Py_ssize_t size) except -1 nogil:
    cdef Py_ssize_t room
    cdef char* grown
    if text.size + size > text.room:
        room = text.room * 2 + size + 65536
        grown = <char*> realloc(text.start, room)
        if grown == NULL:
            out_of_memory()
        text.start = grown
        text.room = room
    return 0


# The put functions write where there is room, and return where they ended.


cdef inline char* put(char* to, const char* bytes, Py_ssize_t size) noexcept nogil:
    memcpy(to, bytes, size)
    return to + size


cdef bytes DIGIT_PAIRS = b"".join(b"%02d" % number for number in range(100))
cdef const char* digit_pairs = DIGIT_PAIRS


cdef inline char* put_number(char* to, int64_t number) noexcept nogil:
    cdef char[20] digits
    cdef int position = 20
    cdef uint64_t left
    if 0 <= number < 10:
        to[0] = <char> (48 + number)
        return to + 1
    if number < 0:
        to[0] = b"-"
        to += 1
        left = 0 - <uint64_t> number
    else:
        left = <uint64_t> number
    while left >= 100:
        position -= 2
        memcpy(digits + position, digit_pairs + 2 * (left % 100), 2)
        left //= 100
    if left >= 10:
        position -= 2
        memcpy(digits + position, digit_pairs + 2 * left, 2)
    else:
        position -= 1
        digits[position] = <char> (48 + left)
    memcpy(to, digits + position, 20 - position)
    return to + 20 - position


cdef inline char* put_truth(char* to, bint value) noexcept nogil:
    return put(to, b"true", 4) if value else put(to, b"false", 5)


cdef char* put_batch(char* to, const BatchFields* batch) noexcept nogil:
    cdef int64_t last_sequence = -1
    cdef int codec = batch.attributes & CODEC_MASK
    if batch.base_sequence >= 0:
        last_sequence = (<int64_t> batch.base_sequence + batch.last_offset_delta) & 0x7FFFFFFF
    to = put_number(put(to, b"baseOffset: ", 12), batch.base_offset)
    to = put_number(put(to, b" lastOffset: ", 13), batch.base_offset + batch.last_offset_delta)
    to = put_number(put(to, b" count: ", 8), batch.count)
    to = put_number(put(to, b" baseSequence: ", 15), batch.base_sequence)
    to = put_number(put(to, b" lastSequence: ", 15), last_sequence)
    to = put_number(put(to, b" producerId: ", 13), batch.producer_id)
    to = put_number(put(to, b" producerEpoch: ", 16), batch.producer_epoch)
    to = put_number(put(to, b" partitionLeaderEpoch: ", 23), batch.leader_epoch)
    to = put_truth(put(to, b" isTransactional: ", 18), batch.attributes & TRANSACTIONAL)
    to = put_truth(put(to, b" isControl: ", 12), batch.attributes & CONTROL)
    to = put(to, b" deleteHorizonMs: ", 18)
    if batch.attributes & DELETE_HORIZON:
        to = put(put_number(put(to, b"OptionalLong[", 13), batch.base_timestamp), b"]", 1)
    else:
        to = put(to, b"OptionalLong.empty", 18)
    to = put_number(put(to, b" position: ", 11), batch.position)
    if batch.attributes & LOG_APPEND_TIME:
        to = put(to, b" LogAppendTime: ", 16)
    else:
        to = put(to, b" CreateTime: ", 13)
    to = put_number(to, batch.max_timestamp)
    to = put_number(put(to, b" size: ", 7), batch.size)
    to = put(to, b" magic: 2 compresscodec: ", 25)
    to = put(to, codec_names + 8 * codec, codec_name_sizes[codec])
    to = put_number(put(to, b" crc: ", 6), batch.crc)
    to = put_truth(put(to, b" isvalid: ", 10), batch.is_valid)
    return put(to, b"\n", 1)


cdef char* put_header_names(char* to, RecordFields* record, const unsigned char* end) except NULL nogil:
    cdef const unsigned char* at = record.headers
    cdef const unsigned char* name
    cdef const unsigned char* value
    cdef int64_t name_size, value_size, number
    for number in range(record.header_count):
        at = read_sized(at, end, &name, &name_size)
        at = read_sized(at, end, &value, &value_size)
        if number:
            to = put(to, b",", 1)
        to = put_string(to, name, name_size)
    return to


cdef inline char* put_string(char* to, const unsigned char* bytes, Py_ssize_t size) except NULL nogil:
    """Put bytes as the JVM prints them, and return the place after them: unchanged if they are UTF-8."""
    if is_utf8(bytes, size):
        return put(to, <const char*> bytes, size)
    return put_replaced(to, bytes, size)


cdef char* put_replaced(char* to, const unsigned char* bytes, Py_ssize_t size) except NULL with gil:
    replaced = jvm_text(bytes[:size]).encode()
    return put(to, PyBytes_AS_STRING(replaced), PyBytes_GET_SIZE(replaced))


cdef bint is_utf8(const unsigned char* at, Py_ssize_t size) noexcept nogil:
    cdef const unsigned char* end = at + size
    cdef uint64_t word
    cdef unsigned char lead, lowest, highest
    cdef int following
    while at < end:
        while end - at >= 8:
            memcpy(&word, at, 8)
            if word & <uint64_t> 0x8080808080808080:
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
