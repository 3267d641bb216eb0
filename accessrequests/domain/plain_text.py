"""What a person typed for another person to read: is it there to be seen, and does it read as it was written?"""

from __future__ import annotations

import unicodedata

# Letters and symbols by their category, and blank on every screen (Unicode: Hangul fillers, the empty braille cell).
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")
# They make what follows read in another order than it was written (Unicode Standard Annex 9, 2.1 to 2.3).
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MOST_MARKS = 4  # on one letter; more is no script's spelling, and is drawn over the lines around it


def visible_length(text: str) -> int:
    """How many characters somebody sees: no blanks, no control and format characters, no marks on a letter."""
    return sum(unicodedata.category(one)[0] not in "ZCM" and one not in _BLANK for one in text)


def why_unreadable(text: str) -> str:
    """A sentence, when the text would not be read as it was written; else nothing."""
    if _TURNING & set(text):
        return "Take out the characters that turn the direction of the text; it would be read in another order."
    marks = 0
    for one in text:
        marks = marks + 1 if unicodedata.category(one)[0] == "M" else 0
        if marks > _MOST_MARKS:
            return "Take out the marks that are piled on one letter; they would cover the lines around it."
    return ""
