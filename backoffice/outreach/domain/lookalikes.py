"""Letters of other alphabets that read as Latin ones, and characters that are not seen: `pоlice` is `police`."""

import unicodedata
from typing import Final

_READS_AS: Final = {
    "АаɑΑαᴀ": "a", "ВвЬьΒβʙ": "b", "СсϲϹᴄ": "c", "ԁԀᴅ": "d", "ЕеЁёЄєҽΕεᴇ": "e", "ϜϝғҒꜰ": "f", "Ԍԍɡɢցɠ": "g",
    "НнһҺΗհʜ": "h", "ІіΙιıɩɪ": "i", "ЈјϳͿᴊ": "j", "КкΚκᴋ": "k", "ӀӏʟⅬ": "l", "МмΜᴍ": "m", "ΝηпոɴИ": "n",
    "ОоΟοσօՕᴏөθ": "o", "РрΡρᴘϸ": "p", "ԛԚզ": "q", "гʀꭇ": "r", "ЅѕႽꜱ": "s", "ТтΤτᴛ": "t", "υսᴜцՍ": "u",
    "νѵѴᴠ": "v", "ԜԝωᴡшѡΩ": "w", "ХхΧχҳ": "x", "УуΥγүҮʏ": "y", "ΖζᴢƶԶ": "z",
}  # fmt: skip
_LATIN: Final = str.maketrans({letter: latin for letters, latin in _READS_AS.items() for letter in letters})
_BLANK_LETTERS: Final = frozenset("\u115f\u1160\u3164\uffa0\u17b4\u17b5")
"""Letters by their category that nothing is shown for."""
_NOT_SEEN: Final = frozenset({"Cf", "Mn", "Me"})


def as_read(text: str) -> str:
    """The text as the eye takes it: narrow, small Latin letters; no accents, nothing invisible. For comparing only."""
    apart = unicodedata.normalize("NFKD", text)
    seen = "".join(
        letter for letter in apart if letter not in _BLANK_LETTERS and unicodedata.category(letter) not in _NOT_SEEN
    )
    return unicodedata.normalize("NFKC", seen.translate(_LATIN)).casefold()
