"""The encoding of a text file, told from its bytes: for sure where it is Unicode, else by what the signs would spell."""

from __future__ import annotations

import re
from pathlib import Path

_MOST_LOOKED_AT = 1 << 22
_COMMON = 0.9  # share of foreign signs that must be common ones of a language
_KANA = 0.02  # share of foreign signs that are kana, from which on a text is Japanese
_IN_GB_2312 = rb"[\xa1-\xf7][\xa1-\xfe]"
# Where cp1252 has a superscript, a question mark upside down or an oe ligature amid letters, cp1250 has letters of Polish.
_POLISH = (
    rb"[A-Za-z]\xb3[a-z]|\xb3[a-z]|z\xb3[^a-z]",
    rb"[A-Za-z]\xb9|\xbf[a-z]|[a-z]\xbf",
    rb"[A-Za-z]\x9c[^u]",
    rb"\xea[ ;,\t\r\n]",
)


def text_encoding(path: Path) -> str:
    """Return the encoding of a text file, told from its first megabytes.

    UTF-8 and UTF-16 are told for sure. What is neither is Japanese in code page 932 or Chinese in GB 18030 where it reads as
    that and is made of common signs, Polish in cp1250 where it has its letters, and else cp1252, in which every byte but five
    reads as something.
    """
    with path.open("rb") as file:
        start = file.read(_MOST_LOOKED_AT)
    if start[:4] in (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff"):
        return "utf-32"
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start >= len(start) - 4:
            return "utf-8"
    else:
        return "utf-8"
    whole = start[: start.rfind(b"\n") + 1] or start
    if _is_japanese(whole):
        return "cp932"
    if _is_chinese(whole):
        return "gb18030"
    return "cp1250" if _is_polish(whole) else "cp1252"


def _is_chinese(start: bytes) -> bool:
    foreign = _foreign(start, "gb18030")
    pairs = len(re.findall(_IN_GB_2312, start))
    return bool(foreign) and _share_common(foreign) > _COMMON and pairs >= 0.6 * len(foreign)


def _is_japanese(start: bytes) -> bool:
    foreign = _foreign(start, "cp932")
    kana = sum("\u3041" <= sign <= "\u30fe" for sign in foreign)
    return bool(foreign) and _share_common(foreign) > _COMMON and kana > _KANA * len(foreign)


def _is_polish(start: bytes) -> bool:
    found = [len(re.findall(form, start)) for form in _POLISH]
    return sum(n > 0 for n in found) >= 2 and bool(_foreign(start, "cp1250"))


def _foreign(start: bytes, encoding: str) -> list[str]:
    """Return the signs beyond ASCII that bytes spell in an encoding; none where they spell nothing in it."""
    try:
        return [sign for sign in start.decode(encoding) if ord(sign) > 127]
    except UnicodeDecodeError:
        return []


def _share_common(foreign: list[str]) -> float:
    """Return the share of signs that are Han, kana, or the punctuation and full-width signs that stand among them."""
    common = sum(
        "\u4e00" <= sign <= "\u9fa5" or "\u3000" <= sign <= "\u30ff" or "\uff00" <= sign <= "\uff60" for sign in foreign
    )
    return common / len(foreign)
