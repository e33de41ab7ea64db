"""kafka-delegation-tokens: its options, and `kafkactl tokens` in its place.

Reference: org.apache.kafka.tools.DelegationTokenCommand, java.util.Base64.
"""

from __future__ import annotations

import base64

from kafkactl.cli.kafka_style.parser import Arguments, Arity, Option, State
from kafkactl.cli.kafka_style.tools import (
    HELP,
    VERSION,
    JavaError,
    Run,
    Tool,
    WrongUsageError,
    connection_options,
    convert_error,
    decode_as_java,
    keep_copy,
    parse_principals,
    refuse_together,
    require_file,
    require_options,
    require_servers,
    translate_connection,
    wrap_error,
)
from kafkactl.errors import KafkactlError, OperationError, UnreachableError
from kafkactl.escaping import HIDDEN
from kafkactl.output import people
from kafkactl.output.kafka import token_text

_VERBS = ("create", "renew", "expire", "describe")
_PERIODS = {"renew": "renew-time-period", "expire": "expiry-time-period"}
_NULL_POINTER = "java.lang.NullPointerException"
_NO_NUMBER = (
    'Cannot invoke "java.lang.Long.longValue()" because the return value of '
    '"joptsimple.OptionSet.valueOf(joptsimple.OptionSpec)" is null'
)
_NO_HMAC = 'Cannot invoke "String.getBytes(java.nio.charset.Charset)" because "src" is null'
"""Messages of Java where an option has no value."""
_WARNING = (
    "other users can read the HMAC on the command line: use kafkactl tokens renew or expire with a token's id or "
    "--hmac-file"
)

OPTIONS = (
    *connection_options("", ""),
    Option(name="create", target="tokens create", summary="Create a token."),
    Option(name="renew", target="tokens renew", summary="Let a token expire later."),
    Option(name="expire", target="tokens expire", summary="Let a token expire."),
    Option(
        name="describe", target="tokens describe", summary="Print the tokens that you may see.",
        state=State.DIFFERENT,
        note="Without --owner-principal all tokens that you may see are printed; Kafka's tool asks for the tokens of "
        "no owner, and prints none.",
    ),
    Option(
        name="owner-principal", arity=Arity.OPTIONAL, target="--owner",
        summary="Owner of a new token, or owners of the tokens to print: TYPE:NAME.",
    ),
    Option(
        name="renewer-principal", arity=Arity.OPTIONAL, target="--renewer",
        summary="Who may renew a new token: TYPE:NAME.",
    ),
    Option(
        name="max-life-time-period", arity=Arity.OPTIONAL, type="Long", target="--max-lifetime",
        summary="Longest life of a new token in ms; -1 for the brokers' setting.",
    ),
    Option(
        name="renew-time-period", arity=Arity.OPTIONAL, type="Long", target="--for",
        summary="Time from now to the expiry in ms; -1 for the brokers' setting.",
    ),
    Option(
        name="expiry-time-period", arity=Arity.OPTIONAL, type="Long", target="--after",
        summary="Time from now to the expiry in ms; -1 for at once.",
    ),
    Option(
        name="hmac", arity=Arity.OPTIONAL, target="TOKEN-ID, or --hmac-file",
        summary="HMAC of the token, in base64.",
        state=State.DIFFERENT,
        note="It is not printed again, because it is a secret, and a warning names the other ways.",
    ),
    HELP,
    VERSION,
)  # fmt: skip


def check(arguments: Arguments) -> None:
    """Raise WrongUsageError for options that are missing or do not belong together.

    Exactly one verb must be there. --command-config must be there, too, where --bootstrap-server must be. --create
    needs --max-life-time-period, --renew and --expire need --hmac and their own period. Periods of other verbs are
    refused, and so are --hmac beside --create or --describe, --owner-principal beside --renew or --expire, and
    --renewer-principal beside --renew; beside --expire and --describe it is ignored. Values are not checked.
    """
    if sum(arguments.has(verb) for verb in _VERBS) != 1:
        raise WrongUsageError("Command must include exactly one action: --create, --renew, --expire or --describe")
    require_options(arguments, "bootstrap-server", *(("command-config",) if arguments.needs_server else ()))
    needed: dict[str, tuple[str, ...]] = {verb: ("hmac", period) for verb, period in _PERIODS.items()}
    needed["create"] = ("max-life-time-period",)
    for verb, names in needed.items():
        if arguments.has(verb):
            require_options(arguments, *names)
    refused = {
        "create": ("hmac", "renew-time-period", "expiry-time-period"),
        "renew": ("renewer-principal", "max-life-time-period", "expiry-time-period", "owner-principal"),
        "expire": ("max-life-time-period", "renew-time-period", "owner-principal"),
        "describe": ("renew-time-period", "max-life-time-period", "hmac", "expiry-time-period"),
    }
    for verb, names in refused.items():
        refuse_together(arguments, verb, names)


def translate(arguments: Arguments) -> Run:
    """Return the command of `kafkactl tokens`; the HMAC for --renew and --expire is in a nameless file.

    The command line must have passed `check`. The file has the HMAC in base64, and the result's `warning`, for stderr,
    says that others can read it on the command line. Of several owners of a new token only the first counts, and an
    empty HMAC gives no option. The command asks for no confirmation; `create` and `describe` show HMACs. The `before`
    of an error is Kafka's line about the call, where Kafka's tool prints it.

    Raise OptionError for an option given twice (principals may be several) and a text that is no number, and JavaError
    for a file of settings that cannot be opened, a text that is no address or no principal, a missing number or HMAC,
    and a text that is not base64. Raise KafkactlError where the nameless file cannot be written.
    """
    require_file(arguments.value("command-config"))
    require_servers(arguments)
    verb = next(verb for verb in _VERBS if arguments.has(verb))
    words = ["tokens", verb, "-o", "kafka", *translate_connection(arguments)]
    if verb == "describe":
        owners = [f"--owner={name}" for name in parse_principals(arguments, "owner-principal")]
        return Run(words=[*words, *owners, "--show-hmac"], call="describeDelegationToken")
    if verb == "create":
        renewers = parse_principals(arguments, "renewer-principal")
        lifetime_ms = _parse_period(arguments, "max-life-time-period")
        words += [f"--renewer={name}" for name in renewers]
        words += [f"--max-lifetime={lifetime_ms}ms", "--show-hmac", "--yes"]
        try:
            owners = parse_principals(arguments, "owner-principal")[:1]
        except JavaError as error:
            before = token_text.format_creation_call(renewers, lifetime_ms)
            raise JavaError(str(error), error.exception, before=before) from error
        return Run(words=[*words, *(f"--owner={name}" for name in owners)], call="createDelegationToken")
    return _translate_change(arguments, verb, words)


def _translate_change(arguments: Arguments, verb: str, words: list[str]) -> Run:
    """Return the command `kafkactl tokens renew` or `expire` (`verb`), from its first words; `words` is changed.

    The nameless file has the HMAC in base64; an empty HMAC has no file and no option. Raise OptionError for an option
    given twice and a text that is no number, and JavaError for a number or an HMAC that is missing and for a text that
    is not base64; an error about the HMAC has Kafka's line about the call in its `before`. Raise KafkactlError where
    the nameless file for the HMAC cannot be written. A warning that others can read the HMAC is in the result's
    `warning`, for stderr.
    """
    hmac = arguments.value("hmac")
    period_ms = _parse_period(arguments, _PERIODS[verb])
    before = token_text.format_change_call(verb, period_ms)
    if hmac is None:
        raise JavaError(_NO_HMAC, _NULL_POINTER, before=before.replace(HIDDEN, "null"))
    try:
        secret = base64.b64encode(decode_as_java(hmac))
    except JavaError as error:
        raise JavaError(str(error), error.exception, before=before) from error
    words += [f"--hmac-file={keep_copy(secret)}"] if secret else []
    flag = "--for" if verb == "renew" else "--after"
    return Run(
        words=[*words, f"{flag}={period_ms}ms", "--yes"],
        warning=f"warning: {_WARNING}\n",
        call=f"{verb}DelegationToken",
    )


def _parse_period(arguments: Arguments, option: str) -> int:
    """Return the number of an option, which is in ms; it may be negative. `option` has no dashes.

    Raise OptionError for several values and for one that is no number, and JavaError without a value.
    """
    if (text := arguments.value(option)) is None:
        raise JavaError(_NO_NUMBER, _NULL_POINTER)
    return int(text)


def report(arguments: Arguments, error: KafkactlError, call: str) -> int:
    """Print an error as kafka-delegation-tokens does, on stderr with the first line of its trace, and return 1.

    Words that cannot be parsed have this form, too, without the list of options. `call` is the name of the request, for
    the text of a time-out. `arguments` is not used.
    """
    is_answer = isinstance(error, (OperationError, UnreachableError)) and not isinstance(error, JavaError)
    java = wrap_error(error, call) if is_answer else convert_error(error, call)
    people.write_kafka_message(f"{java.text}\n{java.first_line}\n\n")
    return 1


TOOL = Tool(
    name="kafka-delegation-tokens",
    main_class="org.apache.kafka.tools.DelegationTokenCommand",
    purpose="This tool helps to create, renew, expire, or describe delegation tokens.",
    options=OPTIONS,
    verbs=_VERBS,
    check=check,
    translate=translate,
    report=report,
)
