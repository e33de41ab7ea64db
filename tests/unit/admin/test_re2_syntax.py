"""Regular expressions of subscriptions, with the sentences of RE2/J 1.8; tests/reference compares more with Kafka."""

from __future__ import annotations

import pytest

from kafkactl.admin.groups.re2_syntax import find_problem

VALID = (
    "", "orders-.*", "(?P<n>a)(?<m>b)", "[[:alpha:]]", "[]a]", "[a-]", "[\\d-z]", "\\p{Greek}\\PL", "\\Q*\\E+", "x{3",
    "a{0}?", "(?i)a", "(?i-s:a)", "\\x{10FFFF}\\x41\\07\\_", "()*", "a||b", "\\p{Unknown}",
)  # fmt: skip
INVALID = {
    "(?=a)": "invalid or unsupported Perl syntax",
    "(?i": "invalid or unsupported Perl syntax",
    "(?-)": "invalid or unsupported Perl syntax",
    "(?<=a)b": "invalid named capture",
    "(?P<a-b>c)": "invalid named capture",
    "(?P<n>a)(?P<n>b)": "duplicate capture group name",
    "(": "missing closing )",
    ")": "regexp/syntax: internal error",
    "a|*": "missing argument to repetition operator",
    "(*)": "missing argument to repetition operator",
    "a**": "invalid nested repetition operator",
    "x{2}{3}": "invalid nested repetition operator",
    "a{*": "invalid nested repetition operator",
    "{{2}": "invalid nested repetition operator",
    "a{1001}": "invalid repeat count",
    "a{2,1}": "invalid repeat count",
    "a{999999999}": "invalid repeat count",
    "[a": "missing closing ]",
    "[z-a]": "invalid character class range",
    "[[:none:]]": "invalid character class range",
    "\\p{greek}": "invalid character class range",
    "\\p{L Ll}": "invalid character class range",
    "[\\p{Greek Gujarati}]": "invalid character class range",
    "\\": "trailing backslash at end of expression",
    "\\1": "invalid escape sequence",
    "\\x{110000}": "invalid escape sequence",
    "[\\b]": "invalid escape sequence",
}


@pytest.mark.parametrize("regex", VALID)
def test_a_valid_expression_has_no_problem(regex: str) -> None:
    assert find_problem(regex) is None


@pytest.mark.parametrize("regex", INVALID)
def test_a_problem_has_the_sentence_of_re2(regex: str) -> None:
    assert find_problem(regex) == INVALID[regex]
