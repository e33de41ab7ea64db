from kafkactl.storage.records import Record

def parse_records(
    data: bytes, count: int, base_offset: int, base_timestamp_ms: int, base_sequence: int, append_time_ms: int | None
) -> list[Record] | None: ...
