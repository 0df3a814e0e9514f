"""The head of a first configuration: name, currency, privacy and sources."""

from __future__ import annotations

from pathlib import Path

from decision_engine.config.placeholders import FILL_IN
from decision_engine.history.columns import CURRENCIES
from decision_engine.history.currencies import currency_column
from decision_engine.history.infer import name_parts
from decision_engine.history.sheets import Sheet
from decision_engine.history.yaml_text import on_one_line, yaml_text

KEY_VARIABLE = "DECISION_ENGINE_PSEUDONYM_KEY"
SCHEMA_FILE = "configuration.schema.json"
_CODES = ("USD", "EUR", "GBP", "CHF", "BRL", "JPY", "CNY", "INR", "SEK", "PLN")


def head_lines(path: Path, unused: list[str], sheets: list[Sheet], further: list[str]) -> list[str]:
    """Return the lines up to the sources; `further` ones follow them."""
    lines = [
        f"# yaml-language-server: $schema=./{SCHEMA_FILE}",
        "# A first configuration, written by looking at the files. Numbers behind columns are confidences from 0 to 1.",
        f"# Lines marked {FILL_IN} hold placeholders that only you can replace; all others are guesses to be checked.",
    ]
    if unused:
        lines.append(f"# Looked at and not used: {', '.join(unused)}.")
    shop = " ".join(name_parts(path.parent.name if path.stem == "config" else path.stem)) or "shop"
    lines += [
        "",
        f"name: {yaml_text(shop.capitalize())}",
        _currency(sheets),
        *_privacy(sheets),
        "",
        "sources:",
    ]
    lines += [f"  {sheet.name}: {on_one_line(sheet.written)}" for sheet in sheets]
    return [*lines, *further, ""]


def _currency(sheets: list[Sheet]) -> str:
    """Return the line of the currency: read off signs beside amounts or the names of their columns, else to be filled in."""
    for sheet in sheets:
        column = currency_column(sheet)
        if column is not None and column.n_distinct > 1:
            main = column.frequent[0]
            return f"currency: {CURRENCIES.get(main, main)} # the most frequent of {column.name}"
        for guess in sheet.roles.get("money", [])[:1]:
            sign = sheet.looks[guess.column].sign
            named = [part.upper() for part in name_parts(guess.column) if part.upper() in _CODES]
            if sign or named:
                found = CURRENCIES.get(sign, sign) if sign else named[0]
                return f"currency: {found} # as {guess.column} says"
        for look in sheet.looks.values():
            if look.n_distinct == 1 and look.frequent[0] in _CODES:
                return f"currency: {look.frequent[0]} # as {look.name} says"
    return f"currency: USD # {FILL_IN}: the currency of all money"


def _privacy(sheets: list[Sheet]) -> list[str]:
    """Return the lines about pseudonyms: in force where a user's id itself is personal, else a proposal where anything is."""
    if any(is_named_by_personal(sheet) for sheet in sheets):
        told = "# user ids are personal here: users become keyed hashes; put a key of 16 or more signs into this variable"
        return [told, f"privacy: {{pseudonym_key: {KEY_VARIABLE}}}"]
    if not any(sheet.personal for sheet in sheets):
        return []
    return [
        "# `personal` columns, below, never leave ingestion. To turn user ids into keyed hashes too, put a key of 16 or more",
        "# signs into an environment variable, and take the mark before the next line away:",
        f"# privacy: {{pseudonym_key: {KEY_VARIABLE}}}",
    ]


def is_named_by_personal(sheet: Sheet) -> bool:
    """Whether a sheet's users are named by what reaches a person, such as a mail address."""
    users = sheet.roles.get("user", [])
    return bool(users) and users[0].column in sheet.personal
