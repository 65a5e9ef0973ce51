"""Keys and mouse as a terminal sends them to the program: pure functions to bytes.

Names of keys are Textual's, sequences are xterm's (ctlseqs, "PC-Style Function Keys").
"""

from __future__ import annotations

_PLAIN = {
    "enter": "\r", "tab": "\t", "shift+tab": "\x1b[Z", "backspace": "\x7f", "escape": "\x1b",
    "space": " ", "ctrl+@": "\0", "ctrl+space": "\0", "ctrl+backslash": "\x1c",
    "ctrl+right_square_bracket": "\x1d", "ctrl+circumflex_accent": "\x1e", "ctrl+6": "\x1e",
    "ctrl+underscore": "\x1f", "ctrl+minus": "\x1f", "ctrl+backspace": "\x08",
    "shift+enter": "\r", "ctrl+enter": "\r",
}  # fmt: skip
_CURSOR = {"up": "A", "down": "B", "right": "C", "left": "D", "home": "H", "end": "F"}
_F1_TO_4 = {"f1": "P", "f2": "Q", "f3": "R", "f4": "S"}
_TILDE = {
    "insert": 2, "delete": 3, "pageup": 5, "pagedown": 6, "f5": 15, "f6": 17, "f7": 18,
    "f8": 19, "f9": 20, "f10": 21, "f11": 23, "f12": 24,
}  # fmt: skip
MOVED, NO_BUTTON = 32, 3
"""Added to a mouse report's button: the mouse moved; and what stands for no button."""
_MODIFIERS = {"shift": 1, "alt": 2, "ctrl": 4}


def encode(key: str, character: str | None, *, application: bool) -> bytes:
    """What a key sends; nothing for a key that no terminal knows.

    `application` is DECCKM: cursor keys in their application form.
    """
    if key in _PLAIN:
        return _PLAIN[key].encode()
    *modifiers, name = key.split("+") if key != "+" else [key]
    sequence = _function(name, sum(_MODIFIERS.get(each, 0) for each in modifiers), application)
    if sequence:
        return sequence.encode()
    if modifiers == ["ctrl"] and len(name) == 1 and name.isalpha():
        return bytes([ord(name.lower()) & 0x1F])
    if "alt" in modifiers:
        return _meta(key, name, character)
    return character.encode() if character else b""


def _meta(key: str, name: str, character: str | None) -> bytes:
    rest = encode(key.replace("alt+", "", 1), None, application=False)
    if not rest:
        rest = (character or (name if len(name) == 1 else "")).encode()
    return b"\x1b" + rest if rest else b""


def _function(name: str, modifiers: int, application: bool) -> str:
    """Cursor and function keys, with the modifiers as xterm counts them."""
    if name in _TILDE:
        return f"\x1b[{_TILDE[name]}{f';{modifiers + 1}' if modifiers else ''}~"
    final = _CURSOR.get(name) or _F1_TO_4.get(name)
    if not final:
        return ""
    if modifiers:
        return f"\x1b[1;{modifiers + 1}{final}"
    return f"\x1b{'O' if application or name in _F1_TO_4 else '['}{final}"


def paste(text: str, *, bracketed: bool) -> bytes:
    """Pasted text; without escapes, so that it cannot end its own brackets."""
    harmless = text.replace("\x1b", "").replace("\r\n", "\r").replace("\n", "\r")
    return (f"\x1b[200~{harmless}\x1b[201~" if bracketed else harmless).encode()


def mouse_modifiers(*, shift: bool, alt: bool, ctrl: bool) -> int:
    """What keys that are held down add to the button of a mouse report."""
    return 4 * shift + 8 * alt + 16 * ctrl


def mouse(button: int, x: int, y: int, *, pressed: bool, sgr: bool) -> bytes:
    """A mouse report for column `x`, row `y` from 0, in SGR or in X10's form."""
    if sgr:
        return f"\x1b[<{button};{x + 1};{y + 1}{'M' if pressed else 'm'}".encode()
    if x > 222 or y > 222:
        return b""
    return b"\x1b[M" + bytes([32 + (button if pressed else button & ~3 | 3), 33 + x, 33 + y])
