"""Answers about delegation tokens. Everybody may do everything, and the owner is User:ann."""

from __future__ import annotations

import hashlib

from tests.fake_broker.answers import codes
from tests.fake_broker.protocol import Fields, Request
from tests.fake_broker.state import State, Token

NOW_MS = 1_700_000_000_000
"""The broker's clock, which stands still."""
DAY_MS = 86_400_000
_LAST_DAYS = 7


def answer_create_delegation_token(request: Request, state: State) -> Fields:
    """Answer CreateDelegationToken; ids are token-1, token-2 and so on."""
    fields = request.fields
    lifetime_ms = fields["max_lifetime_ms"] if fields["max_lifetime_ms"] > 0 else _LAST_DAYS * DAY_MS
    token_id = f"token-{len(state.tokens) + 1}"
    token = Token(
        hmac=hashlib.sha512(token_id.encode()).digest(),
        owner=fields.get("owner_principal_name") or "ann",
        renewers=[each["principal_name"] for each in fields["renewers"]],
        issue_ms=NOW_MS,
        expiry_ms=NOW_MS + min(DAY_MS, lifetime_ms),
        max_ms=NOW_MS + lifetime_ms,
    )
    state.tokens[token_id] = token
    return {
        "error_code": 0,
        "principal_type": "User",
        "principal_name": token.owner,
        "token_requester_principal_type": "User",
        "token_requester_principal_name": "ann",
        "issue_timestamp_ms": token.issue_ms,
        "expiry_timestamp_ms": token.expiry_ms,
        "max_timestamp_ms": token.max_ms,
        "token_id": token_id,
        "hmac": token.hmac,
    }


def answer_describe_delegation_token(request: Request, state: State) -> Fields:
    """Answer DescribeDelegationToken; no owners mean all."""
    owners = request.fields["owners"]
    chosen = None if owners is None else {each["principal_name"] for each in owners}
    tokens = [
        {
            "principal_type": "User",
            "principal_name": token.owner,
            "token_requester_principal_type": "User",
            "token_requester_principal_name": "ann",
            "issue_timestamp": token.issue_ms,
            "expiry_timestamp": token.expiry_ms,
            "max_timestamp": token.max_ms,
            "token_id": token_id,
            "hmac": token.hmac,
            "renewers": [{"principal_type": "User", "principal_name": name} for name in token.renewers],
        }
        for token_id, token in state.tokens.items()
        if chosen is None or token.owner in chosen
    ]
    return {"error_code": 0, "tokens": tokens}


def answer_renew_delegation_token(request: Request, state: State) -> Fields:
    """Answer RenewDelegationToken."""
    return _changed(request.fields["hmac"], request.fields["renew_period_ms"], DAY_MS, state)


def answer_expire_delegation_token(request: Request, state: State) -> Fields:
    """Answer ExpireDelegationToken; a token that expires at once is gone."""
    return _changed(request.fields["hmac"], request.fields["expiry_time_period_ms"], None, state)


def _changed(hmac: bytes, period_ms: int, default_ms: int | None, state: State) -> Fields:
    token_id = next((name for name, token in state.tokens.items() if token.hmac == hmac), None)
    if token_id is None:
        return {"error_code": codes.DELEGATION_TOKEN_NOT_FOUND, "expiry_timestamp_ms": -1}
    token = state.tokens[token_id]
    if period_ms < 0 and default_ms is None:
        del state.tokens[token_id]
        return {"error_code": 0, "expiry_timestamp_ms": NOW_MS}
    token.expiry_ms = min(token.max_ms, NOW_MS + (period_ms if period_ms >= 0 else default_ms or 0))
    return {"error_code": 0, "expiry_timestamp_ms": token.expiry_ms}


HANDLERS = {
    "CreateDelegationToken": answer_create_delegation_token,
    "DescribeDelegationToken": answer_describe_delegation_token,
    "RenewDelegationToken": answer_renew_delegation_token,
    "ExpireDelegationToken": answer_expire_delegation_token,
}
