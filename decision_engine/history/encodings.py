"""In which encoding a text file is written, told from its first megabytes."""

from __future__ import annotations

import re
from pathlib import Path

_CHINESE, _JAPANESE, _CYRILLIC, _EASTERN, _WESTERN = "gb18030", "cp932", "cp1251", "cp1250", "cp1252"
_INSIDE_A_WORD = re.compile(r"(?<=[^\W\d_])[^\x00-\x7f](?=[^\W\d_])")


def text_encoding(path: Path) -> str:
    """Return the encoding of a text file, told from its first megabytes.

    UTF-8 and UTF-16 are told for sure. What is neither is Chinese in GB 18030 or Japanese in Shift JIS where it reads as that
    and is made of common signs; Cyrillic in cp1251 where letters beyond ASCII make up whole words; Polish or Czech in cp1250
    where cp1252 would put signs inside words; and else cp1252, in which every byte but five reads as something.
    """
    with path.open("rb") as file:
        start = file.read(1 << 22)
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
    if _is_cyrillic(whole):
        return _CYRILLIC
    pairs = len(re.findall(rb"[\xa1-\xf7][\xa1-\xfe]", whole))  # where the signs of GB 2312 lie
    if _share_of_east_asian(whole, _CHINESE, pairs) > 0.9:
        return _CHINESE
    if _share_of_east_asian(whole, _JAPANESE) > 0.9:
        return _JAPANESE
    return _EASTERN if _is_eastern(whole) else _WESTERN


def _is_cyrillic(text: bytes) -> bool:
    """Whether runs of bytes beyond ASCII are words: of two and more, of odd lengths as well, all of them letters."""
    runs = re.findall(rb"[\x80-\xff]+", text)
    letters = sum(len(re.findall(rb"[\xc0-\xff\xa8\xb8]", run)) for run in runs)
    n = sum(map(len, runs))
    odd = sum(len(run) % 2 for run in runs)
    return n >= 3 * len(runs) and letters > 0.95 * n and odd > 0.15 * len(runs)


def _share_of_east_asian(text: bytes, encoding: str, pairs: int | None = None) -> float:
    """Return the share of common Chinese or Japanese signs among those beyond ASCII; 0 where it does not read as that."""
    try:
        read = text.decode(encoding)
    except UnicodeDecodeError:
        return 0.0
    foreign = [letter for letter in read if ord(letter) > 127]
    if not foreign or (pairs is not None and pairs < 0.6 * len(foreign)):
        return 0.0
    common = sum(
        "\u4e00" <= letter <= "\u9fa5" or "\u3000" <= letter <= "\u30ff" or "\uff00" <= letter <= "\uff5e" for letter in foreign
    )
    return common / len(foreign)


def _is_eastern(text: bytes) -> bool:
    """Whether cp1252 puts signs inside words, such as in `ilo\u00b3\u00e6`, that are letters in cp1250."""
    western, eastern = (text.decode(encoding, errors="replace") for encoding in (_WESTERN, _EASTERN))
    odd = [found.start() for found in _INSIDE_A_WORD.finditer(western) if not found[0].isalpha()]
    return bool(odd) and all(eastern[place].isalpha() for place in odd)
