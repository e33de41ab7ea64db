class Lines:
    has_offsets: bool
    first_offset: int
    last_offset: int
    gaps: list[tuple[int, int]]
    def __len__(self) -> int: ...
    def add_text(self, line: bytes) -> None: ...
    def add_records(
        self,
        data: bytes,
        count: int,
        base_offset: int,
        base_timestamp_ms: int,
        base_sequence: int,
        append_time_ms: int | None,
        timestamp_type: bytes,
        with_data: bool,
    ) -> bool: ...
    def note_offsets(self, offsets: list[int]) -> None: ...
    def take(self) -> bytes: ...
