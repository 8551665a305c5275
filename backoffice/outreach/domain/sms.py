"""How long a text message is: characters, encoding and the segments a gateway charges for.

GSM 03.38: seven bits a character in the default alphabet, fourteen in the extension table; anything else makes the
whole message UCS-2, sixteen bits a unit. One segment holds 160 septets or 70 units; several hold 153 or 67 each, as
the header that joins them takes the rest. A pair (escape and character, or a surrogate pair) is never cut in two.
"""

from dataclasses import dataclass
from typing import Final, Literal

GSM_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION: Final = frozenset("\f^{}\\[~]|€")
SINGLE: Final[dict[str, int]] = {"gsm7": 160, "ucs2": 70}
JOINED: Final[dict[str, int]] = {"gsm7": 153, "ucs2": 67}

Encoding = Literal["gsm7", "ucs2"]


@dataclass(frozen=True, slots=True)
class Length:
    """How long a text is. `units` are septets (gsm7) or 16-bit units (ucs2); `left` fit before one more segment.

    `why_ucs2` names the first characters that forced UCS-2, at most five.
    """

    encoding: Encoding
    characters: int
    units: int
    segments: int
    left: int
    why_ucs2: str = ""


def length_of(text: str) -> Length:
    """The length of a text message. An empty text has no segment."""
    outside = [character for character in text if character not in GSM_BASIC and character not in GSM_EXTENSION]
    encoding: Encoding = "ucs2" if outside else "gsm7"
    if outside:
        widths = [2 if ord(character) > 0xFFFF else 1 for character in text]
    else:
        widths = [2 if character in GSM_EXTENSION else 1 for character in text]
    units = sum(widths)
    segments, filled = _packed(widths, encoding)
    room = SINGLE[encoding] if segments <= 1 else JOINED[encoding]
    return Length(
        encoding=encoding,
        characters=len(text),
        units=units,
        segments=segments,
        left=room - filled,
        why_ucs2="".join(dict.fromkeys(outside))[:5],
    )


def _packed(widths: list[int], encoding: Encoding) -> tuple[int, int]:
    """(segments, units in the last one)."""
    total = sum(widths)
    if total <= SINGLE[encoding]:
        return (1 if total else 0), total
    segments, filled = 1, 0
    for width in widths:
        if filled + width > JOINED[encoding]:
            segments, filled = segments + 1, 0
        filled += width
    return segments, filled
