"""The Typer app of one noun, set up alike for all of them."""

from __future__ import annotations

from typing import Any

import typer


def new_app(summary: str) -> typer.Typer:
    """An app whose help is plain text (rich's imports would triple its time) and offers no --install-completion."""
    return typer.Typer(
        help=summary,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=CONTEXT_SETTINGS,
    )


CONTEXT_SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
