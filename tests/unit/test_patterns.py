"""Names and patterns on the command line: examples as tables, and properties for every text."""

from __future__ import annotations

import re
import shlex
import warnings
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kafkactl.errors import UsageError
from kafkactl.patterns import (
    INTERNAL_TOPICS,
    MAX_PATTERN_LENGTH,
    Choice,
    compile_include_list,
    compile_pattern,
    has_name_characters,
    is_internal_topic,
    is_topic_name,
    quote_suggestion,
    refuse_empty,
    require_group_name,
    require_topic_name,
    require_topic_names,
    select_names,
    select_topics,
    suggest_topics,
    write_command,
)
from tests.properties import examples

EXISTING = ("orders", "orders-eu", "a.b", "axb", "clicks", "__consumer_offsets", "__transaction_state", "__mine")

property_test = examples(60)
topic_names = st.from_regex(r"[A-Za-z0-9._-]{1,12}", fullmatch=True).filter(is_topic_name)
texts = st.text(st.characters(), max_size=20)  # surrogates included: they stand for bytes that are not UTF-8
hostile_patterns = st.one_of(texts, st.text("()[]{}*+?|\\^$.,-a1P<>=!:#iLux \"'\n", max_size=20))
existing_topics = st.lists(st.one_of(topic_names, st.sampled_from(sorted(INTERNAL_TOPICS))), max_size=8)


def catch_refusal(reader: Callable[[], object]) -> UsageError | None:
    """Return the UsageError of a reader, or None. Any other exception fails the test."""
    try:
        reader()
    except UsageError as failure:
        return failure
    return None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("orders", True),
        ("a.b_c-D9", True),
        ("...", True),
        ("a" * 249, True),
        ("a" * 250, False),
        (".", False),
        ("..", False),
        ("", False),
        ("a b", False),
        ("a,b", False),
        ("a\n", False),
        ("é", False),
        ("٣", False),  # a digit, but not of ASCII
    ],
)
def test_topic_names_follow_kafkas_rule(text: str, expected: bool) -> None:
    assert is_topic_name(text) is expected


@pytest.mark.parametrize("text", ["orders", ".", "..", "a" * 250])
def test_an_argument_with_legal_characters_is_a_name(text: str) -> None:
    assert has_name_characters(text)
    assert select_topics([text]).names == (text,)
    assert select_topics([text]).patterns == ()


def test_internal_topics_are_those_of_kafka() -> None:
    assert [name for name in EXISTING if is_internal_topic(name)] == ["__consumer_offsets", "__transaction_state"]


@pytest.mark.parametrize("text", ["", ".", "a*", "a b", "a,b", "a" * 250, "a\x1b[0m", "\udcff"])
def test_commands_that_write_accept_legal_names_only(text: str) -> None:
    with pytest.raises(UsageError, match=r"^invalid value .* for TOPIC: ") as failure:
        require_topic_names(["orders", text])
    assert failure.value.hint


def test_commands_that_write_keep_the_order_of_names() -> None:
    assert require_topic_names(["b", "a", "b"]) == ("b", "a")
    assert require_topic_names([]) == ()


@pytest.mark.parametrize("option", ["--group", "--context", "TOPIC"])
def test_empty_values_are_refused_by_name(option: str) -> None:
    with pytest.raises(UsageError, match=f"^invalid value '' for {option}: "):
        refuse_empty("", option)
    assert refuse_empty(" ", option) == " "
    assert refuse_empty(None, option) is None


@pytest.mark.parametrize("name", ["billing", " ", "a,b", "über", "\U0001f600", "a\nb", "x" * 32767])
def test_group_names_are_any_text(name: str) -> None:
    assert require_group_name(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "the value is empty"),
        ("a\0b", "NUL"),
        ("\0", "NUL"),
        ("a\udcff", "not UTF-8"),
        ("\ud83d", "not UTF-8"),
        ("\udcff\0", "NUL"),
        ("x" * 32768, "at most 32,767 bytes"),
        ("ü" * 16384, "at most 32,767 bytes"),
    ],
)
def test_a_group_name_that_librdkafka_cannot_take_is_refused(name: str, reason: str) -> None:
    with pytest.raises(UsageError, match=f"for GROUP: .*{reason}") as caught:
        require_group_name(name)
    str(caught.value).encode()
    with pytest.raises(UsageError, match="for --group: "):
        require_group_name(name, "--group")


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"arguments": [""]}, "TOPIC"),
        ({"topic": ["orders", ""]}, "--topic"),
        ({"include": [""]}, "--include"),
        ({"include": [" "]}, "--include"),
        ({"include": ['""']}, "--include"),
        ({"topic": [" , ,"]}, "--topic"),
        ({"match": [""]}, "--match"),
    ],
)
def test_a_selection_of_topics_refuses_empty_values(values: dict[str, list[str]], name: str) -> None:
    with pytest.raises(UsageError, match=rf"^invalid value .* for {name}: .* empty$"):
        select_topics(**values)


@pytest.mark.parametrize(
    ("values", "chosen", "absent", "unmatched"),
    [
        ({"arguments": ["orders"]}, ["orders"], [], []),
        ({"arguments": ["orders", "nosuch", "orders"]}, ["orders"], ["nosuch"], []),
        ({"arguments": ["a.b"]}, ["a.b"], [], []),
        ({"arguments": ["orders.*"]}, ["orders", "orders-eu"], [], []),
        ({"arguments": ["order?"]}, [], [], ["order?"]),  # whole names only
        ({"arguments": ["a,b"]}, [], [], ["a,b"]),  # never split
        ({"arguments": ["orders", "clicks,orders"]}, ["orders"], [], ["clicks,orders"]),
        ({"arguments": ["__.*"]}, ["__mine"], [], []),
        ({"arguments": ["__consumer_.*"]}, [], [], ["__consumer_.*"]),
        ({"arguments": ["__consumer_.*"], "include_internal": True}, ["__consumer_offsets"], [], []),
        ({"arguments": ["__consumer_offsets"]}, ["__consumer_offsets"], [], []),
        ({"match": ["orders|a.b"]}, ["a.b", "axb", "orders"], [], []),
        ({"match": ["a.b"]}, ["a.b", "axb"], [], []),  # --match is always a pattern
        ({"topic": ["orders,clicks"]}, ["clicks", "orders"], [], []),
        ({"topic": [" orders , nosuch,, "]}, ["orders"], ["nosuch"], []),
        ({"include": ["'orders,clicks\""]}, ["clicks", "orders"], [], []),
        ({"include": ["a.b"]}, ["a.b"], [], []),
        ({"include": ["a.b,ord.*"]}, ["a.b", "orders", "orders-eu"], [], []),
        ({"include": ["nosuch,nothing.*,orders"]}, ["orders"], ["nosuch"], ["nothing.*"]),
        ({"include": ["(orders,clicks)(-eu)?"]}, ["clicks", "orders", "orders-eu"], [], []),  # as in Kafka
        ({"include": ["__consumer_offsets"]}, ["__consumer_offsets"], [], []),
        ({"include": ["__.*"]}, ["__mine"], [], []),
        ({"arguments": ["clicks"], "topic": ["orders"], "match": ["ax."]}, ["axb", "clicks", "orders"], [], []),
    ],
)
def test_topics_are_chosen(
    values: dict[str, list[str]], chosen: list[str], absent: list[str], unmatched: list[str]
) -> None:
    expected = Choice(names=tuple(chosen), absent_names=tuple(absent), unmatched_patterns=tuple(unmatched))
    assert select_topics(**values).choose(EXISTING) == expected


def test_an_empty_selection_chooses_nothing_by_itself() -> None:
    selection = select_topics(None, topic=[])
    assert selection.is_empty
    assert selection.choose(EXISTING).names == ()
    assert selection.choose_or_all(EXISTING).names == ("__mine", "a.b", "axb", "clicks", "orders", "orders-eu")
    assert select_topics(include_internal=True).choose_or_all(EXISTING).names == tuple(sorted(EXISTING))
    assert select_topics(["orders"]).choose_or_all(EXISTING).names == ("orders",)
    assert select_names().choose_or_all(["b", "a", "b"]).names == ("a", "b")


@pytest.mark.parametrize(
    ("text", "regex"),
    [
        ("a.b", "a.b"),
        (" a , b ", "a|b"),
        ("\"'a,b'\"", "a|b"),
        ("(a,b)c", "(a|b)c"),
        ("a,,b,", "a|b"),
        ("\ta b\n", "ab"),
    ],
)
def test_an_include_list_is_cleaned_as_in_kafka(text: str, regex: str) -> None:
    assert compile_include_list(text, "--include").pattern == regex


@pytest.mark.parametrize("name", ["x,y", "a:b", " ", "a b", "a\nb", "\x1b[31m", "x\u00ff", ".*", "(", "a" * 5000])
def test_names_of_groups_are_taken_whole(name: str) -> None:
    choice = select_names([name]).choose(["x", "y", "a", "b", name])
    assert choice == Choice(names=(name,), absent_names=(), unmatched_patterns=())
    assert select_names(options=[name]).choose([]).absent_names == (name,)


def test_groups_are_matched_by_pattern() -> None:
    selection = select_names(["x,y"], match=["app-.*", "nothing", "lines.*"])
    expected = Choice(names=("app-1", "lines\nend", "x,y"), absent_names=(), unmatched_patterns=("nothing",))
    assert selection.choose(["app-1", "my-app-1", "lines\nend", "x,y", "x"]) == expected


@pytest.mark.parametrize(
    ("arguments", "name"), [({"arguments": [""]}, "USER"), ({"options": [""]}, "--user"), ({"match": [""]}, "--match")]
)
def test_empty_names_of_users_are_refused(arguments: dict[str, list[str]], name: str) -> None:
    with pytest.raises(UsageError, match=f"^invalid value '' for {name}: "):
        select_names(**arguments, argument_name="USER", option_name="--user")


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", r"missing \), unterminated subpattern at position 0"),
        ("[a", "unterminated character set at position 0"),
        ("a{99999999999999999999}", "too complex"),
        ("(" * 1500, "too complex|missing"),
        ("(?\x1b)", r"\\x1b"),
        (".*" * MAX_PATTERN_LENGTH, "more than 2,000 characters"),
    ],
)
def test_bad_patterns_are_refused_with_the_reason(pattern: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as failure:
        compile_pattern(pattern, "TOPIC")
    assert str(failure.value).startswith(f"invalid value {pattern[:5]!r}"[:-1])
    assert str(failure.value).isprintable()
    assert len(str(failure.value)) < 400
    assert failure.value.hint


def test_a_pattern_with_a_future_meaning_gives_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compile_pattern("[[a]+[b&&c]", "TOPIC")


@pytest.mark.parametrize(
    ("pattern", "suggestion"),
    [
        ("new-*", "new-.*"),
        ("*-eu", ".*-eu"),
        ("a*b*", "a.*b.*"),
        ("a,b", "a b"),
        ("a, b", "a b"),
        ("new-.*", None),
        ("(a)*", None),
        ("a b", None),
        ("", None),
    ],
)
def test_a_pattern_of_the_shell_gets_a_suggestion(pattern: str, suggestion: str | None) -> None:
    assert suggest_topics(pattern) == suggestion


def test_a_bad_pattern_of_the_shell_gets_a_suggestion() -> None:
    with pytest.raises(UsageError, match=r"^invalid value '\*-eu' for TOPIC: nothing to repeat") as failure:
        select_topics(["*-eu"])
    assert failure.value.hint == "write '.*-eu'"


@property_test
@given(hostile_patterns)
def test_a_suggestion_is_what_a_shell_reads(text: str) -> None:
    if (suggestion := quote_suggestion(text)) is not None:
        words = shlex.split(suggestion)
        assert words == [suggest_topics(text)] or words == [item.strip() for item in text.split(",")]
        for word in words:
            re.compile(word)


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("a\\d*x", "'a\\d.*x'"),
        ("a*[", None),
        ("a,b", "a b"),
        ("it's*", "'it'\"'\"'s.*'"),
        ("a\n*", None),
        ("a b*", "'a b.*'"),
    ],
)
def test_suggestions_for_a_shell(text: str, suggestion: str | None) -> None:
    assert quote_suggestion(text) == suggestion


@property_test
@given(hostile_patterns)
def test_any_text_is_accepted_or_refused_with_a_usage_error(text: str) -> None:
    readers = (
        lambda: select_topics([text]),
        lambda: select_topics(topic=[text]),
        lambda: select_topics(match=[text]),
        lambda: compile_include_list(text, "--include"),
        lambda: require_topic_name(text),
        lambda: select_names([text], match=[text]),
    )
    for reader in readers:
        failure = catch_refusal(reader)
        if failure is not None:
            assert str(failure).startswith("invalid value ")
            assert str(failure).isprintable()
            assert failure.hint


@property_test
@given(topic_names, existing_topics)
def test_a_name_always_chooses_itself_alone(name: str, existing: list[str]) -> None:
    for selection in (select_topics([name]), select_topics(topic=[name]), select_names([name])):
        assert selection.choose([*existing, name]).names == (name,)
        missing = selection.choose([other for other in existing if other != name])
        assert missing == Choice(names=(), absent_names=(name,), unmatched_patterns=())


@property_test
@given(topic_names, existing_topics)
def test_a_pattern_matches_whole_names(name: str, existing: list[str]) -> None:
    selection = select_topics(match=[re.escape(name)], include_internal=True)
    assert selection.choose([*existing, name, f"{name}x", f"x{name}"]).names == (name,)


@property_test
@given(st.lists(st.one_of(topic_names, st.sampled_from([".*", "a+", "__.*|b", "x,y"]))), existing_topics, st.randoms())
def test_a_choice_is_sorted_and_unique_in_any_order(arguments: list[str], existing: list[str], random: object) -> None:
    choice = select_topics(arguments).choose(existing)
    for part in (choice.names, choice.absent_names, choice.unmatched_patterns):
        assert list(part) == sorted(set(part))
    assert set(choice.names) <= set(existing)
    assert INTERNAL_TOPICS.intersection(choice.names) <= set(arguments)
    shuffled = list(arguments)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert select_topics(shuffled) == select_topics(arguments)
    assert select_topics(shuffled).choose(reversed(existing)) == choice


@property_test
@given(st.lists(topic_names, min_size=2, max_size=4, unique=True))
def test_commas_split_include_lists_only(names: list[str]) -> None:
    joined = ",".join(names)
    assert select_topics(include=[joined]).choose(names).names == tuple(sorted(names))
    assert select_topics([joined]).choose(names) == Choice(names=(), absent_names=(), unmatched_patterns=(joined,))
    assert select_names([joined]).choose(names) == Choice(names=(), absent_names=(joined,), unmatched_patterns=())


@property_test
@given(
    st.lists(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20), max_size=5
    ),
    st.lists(texts, max_size=5),
)
def test_names_of_groups_are_never_changed(names: list[str], others: list[str]) -> None:
    selection = select_names(names)
    assert selection.names == tuple(sorted(set(names)))
    assert selection.choose([*names, *others]).names == selection.names
    assert selection.choose(others).absent_names == tuple(sorted(set(names) - set(others)))


@pytest.mark.parametrize(
    ("name", "flags", "command"),
    [
        ("orders", "", "kafkactl topics describe orders"),
        ("orders", "-r 3", "kafkactl topics describe orders -r 3"),
        ("-x", "", "kafkactl topics describe -- -x"),
        ("-x", "-r 3", "kafkactl topics describe -r 3 -- -x"),
        ("my group", "", "kafkactl topics describe 'my group'"),
        ("", "", "kafkactl topics describe ''"),
        ("-a 'b", "", """kafkactl topics describe -- '-a '"'"'b'"""),
    ],
)
def test_a_name_in_a_command_of_a_hint(name: str, flags: str, command: str) -> None:
    assert write_command("kafkactl topics describe", name, *flags.split()) == command
    words = shlex.split(command)
    assert name in words
    assert not name.startswith("-") or words.index("--") == words.index(name) - 1
