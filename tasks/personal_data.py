"""Personal data in clear text: which sorts stand in a line. What was found is never handed out."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal

Sort = Literal["email", "card", "phone", "iban"]

_LONGEST = 100_000  # characters of a text that are looked at
_EMAIL = re.compile(r"(?<![\w.%+*•…-])[\w.%+-]+@[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,}", re.ASCII)
_CARD = re.compile(r"(?<![\w.+-])\d(?:[ -]?\d){12,18}(?![\w-])", re.ASCII)
_PHONE = re.compile(r"(?<![\w+])\+[1-9](?:[ ().-]{0,2}\d){7,14}(?!\d)", re.ASCII)
_IBAN = re.compile(r"(?<![A-Z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?![A-Z0-9])", re.ASCII)
# Which numbers are cards: what they begin with, and their lengths.
# Source: https://en.wikipedia.org/wiki/Payment_card_number#Issuer_identification_number_(IIN)
_ISSUERS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[68]\d)\d{11}"  # Diners Club
    r"|6(?:011|4[4-9]\d|5\d\d)\d{12}"  # Discover
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
)
_TENS = 10
_IBAN_LEFT = 1  # what an IBAN read as a number leaves after division by 97 (ISO 13616)


def sorts_in(texts: Iterable[str], wanted: Iterable[Sort]) -> frozenset[Sort]:
    """Which of the wanted sorts of personal data stand in clear in any of these texts."""
    looked = [text[:_LONGEST] for text in texts]
    return frozenset(sort for sort in wanted if any(_FINDERS[sort](text) for text in looked))


def _email(text: str) -> bool:
    return "@" in text and _EMAIL.search(text) is not None


def _phone(text: str) -> bool:
    return "+" in text and _PHONE.search(text) is not None


def _card(text: str) -> bool:
    return any(_ISSUERS.fullmatch(digits) and _luhn(digits) for digits in _candidates(text))


def _candidates(text: str) -> Iterator[str]:
    for match in _CARD.finditer(text):
        yield re.sub(r"[ -]", "", match[0])


def _luhn(digits: str) -> bool:
    """Whether the last digit checks the others: https://en.wikipedia.org/wiki/Luhn_algorithm."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(number // _TENS + number % _TENS for number in doubled) % _TENS == 0


def _iban(text: str) -> bool:
    return any(_is_iban(match[0].replace(" ", "")) for match in _IBAN.finditer(text))


def _is_iban(found: str) -> bool:
    """Whether an IBAN stands at the beginning: what follows it after a space may be a word of the sentence."""
    return any(_checks(found[:length]) for length in range(len(found), 14, -1))


def _checks(iban: str) -> bool:
    number = "".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])
    return int(number) % 97 == _IBAN_LEFT


_FINDERS: Mapping[Sort, Callable[[str], bool]] = {"email": _email, "card": _card, "phone": _phone, "iban": _iban}
