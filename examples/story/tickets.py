"""Support tickets of a shop that sells lamps and shelves: the data that everything else is made from."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Final, NamedTuple

_FIRST: Final = datetime(2026, 1, 5, 7, 40)  # noqa: DTZ001 -- the shop's own time
_NUMBERED: Final = 10_001  # of the first ticket
_NOISY: Final = 0.22  # of the tickets that were labelled by a program got a wrong label

_PRODUCTS: Final = (
    "Alma desk lamp",
    "Nord shelf",
    "Piko night light",
    "Tove floor lamp",
    "Rille wall rail",
    "Sund pendant",
    "Eik bench",
)
_CITIES: Final = ("Ghent", "Porto", "Leeds", "Graz", "Lyon", "Turku", "Cork", "Malmö")
_DAYS: Final = ("Monday", "Tuesday", "Thursday", "Friday", "the weekend")

_SENTENCES: Final[Mapping[str, Sequence[str]]] = {
    "delivery": (
        "My order {order} was due on {day} and the tracking has not moved since it left {city}.",
        "The courier says parcel {order} was handed to a neighbour, but nobody on our street in {city} has it.",
        "Can you send order {order} to my office in {city} instead? I am away from {day}.",
        "Tracking for {order} says delivered, there is nothing at the door.",
        "Two parcels were announced for {order}, only one with the {product} came.",
    ),
    "billing": (
        "I was charged twice for order {order}, please pay one of them back.",
        "The invoice for {order} still shows my old address in {city}. I need a corrected one for my books.",
        "My discount for the {product} was not taken off, the total of {order} is {price} too high.",
        "Which card did you charge {price} on {day}? I do not know this payment.",
        "Please send the invoice of {order} as a PDF, the link in the mail has run out.",
    ),
    "returns": (
        "The {product} arrived with a cracked shade. How do I send order {order} back?",
        "I would like to return the {product}, it is darker than in the pictures. Order {order}.",
        "I sent {order} back on {day} two weeks ago and still have no refund of {price}.",
        "The label for my return does not print, the page stays white. Order {order}.",
        "Can I swap the {product} for the larger one, or must I return {order} first?",
    ),
    "account": (
        "I cannot log in any more since {day}, the code never arrives.",
        "Please change the mail address of my account, the old one belongs to my former employer.",
        "My account shows somebody else's order from {city}. I find that worrying.",
        "How do I delete my account and everything you keep about me?",
        "The password reset sends me back to the login page every time.",
    ),
    "technical": (
        "The {product} flickers on the lowest step, with two different bulbs.",
        "Which screws does the {product} need for a plaster wall? The bag in {order} was empty.",
        "The dimmer of my {product} hums since {day}.",
        "The app does not find the {product}, the light next to it works.",
        "Is the {product} safe for a bathroom, and how far from the shower?",
    ),
    "cancellation": (
        "Please cancel order {order}, I ordered the {product} twice by mistake.",
        "I need to stop {order} before it ships on {day}.",
        "Cancel the {product} in {order} only and keep the rest, if that is possible.",
    ),
}
_GERMAN: Final[Mapping[str, Sequence[str]]] = {
    "delivery": ("Meine Bestellung {order} sollte am Freitag kommen, die Sendungsverfolgung steht seit Graz still.",),
    "billing": ("Für {order} wurde zweimal abgebucht, bitte {price} zurückzahlen.",),
    "returns": ("Der Schirm der {product} hat einen Riss. Wie schicke ich {order} zurück?",),
    "technical": ("Die {product} flackert auf der kleinsten Stufe, auch mit einer anderen Birne.",),
    "cancellation": ("Bitte {order} stornieren, ich habe die {product} doppelt bestellt.",),
}
_REPLIES: Final[Mapping[str, str]] = {
    "delivery": "Thank you for telling us. I have asked the courier, and will write again by noon tomorrow.",
    "billing": "I am sorry about that. The second charge is on its way back, within three days.",
    "returns": "No trouble at all: the label is attached, and the refund leaves as soon as the parcel is scanned.",
    "account": "I have sent a fresh link to the address we know. It is good for one hour.",
    "technical": "That sounds like the driver. What is printed on the small white box at the plug?",
    "cancellation": "Done: the order is cancelled, and nothing was charged.",
}
LABELS: Final = tuple(_SENTENCES)


class Ticket(NamedTuple):
    """What somebody wrote, and where it belongs."""

    number: int
    received: str
    channel: str
    language: str
    text: str
    label: str
    labelled_by: str


def tickets(
    count: int, *, labels: Sequence[str], german: bool = False, guessed: int = 0, first: int = 0
) -> list[Ticket]:
    """Make tickets, always the same, the oldest first.

    Args:
        count: How many.
        labels: Among which.
        german: Whether every sixth is in German.
        guessed: How many of the last were labelled by a program, which is often wrong.
        first: How many came before them; below zero for those of the year before.
    """
    last = first + count
    random = Random(f"{first} {len(labels)}")  # noqa: S311 -- the same each time, that is the point
    made = [_ticket(number, random, labels, german=german) for number in range(first, last)]
    return [_guess(ticket, labels) if ticket.number > _NUMBERED + last - guessed - 1 else ticket for ticket in made]


def _ticket(number: int, random: Random, labels: Sequence[str], *, german: bool) -> Ticket:
    label = random.choices(labels, [7, 5, 6, 3, 4, 3][: len(labels)])[0]
    in_german = german and number % 6 == 5 and label in _GERMAN  # noqa: PLR2004 -- every sixth
    text = random.choice((_GERMAN if in_german else _SENTENCES)[label]).format(
        order=f"{random.randrange(40_000, 99_999)}",
        product=random.choice(_PRODUCTS),
        city=random.choice(_CITIES),
        day=random.choice(_DAYS),
        price=f"€{random.randrange(900, 18_900) / 100:.2f}",
    )
    return Ticket(
        number=_NUMBERED + number,
        received=f"{_FIRST + timedelta(minutes=180 * number):%Y-%m-%dT%H:%M}",
        channel=random.choices(("email", "form", "chat"), (5, 3, 2))[0],
        language="de" if in_german else "en",
        text=text,
        label=label,
        labelled_by=random.choice(("ana", "ben", "mei")),
    )


def _guess(ticket: Ticket, labels: Sequence[str]) -> Ticket:
    """Let a program label it."""
    random = Random(f"rule {ticket.number}")  # noqa: S311 -- as above
    label = random.choice(labels) if random.random() < _NOISY else ticket.label
    return ticket._replace(label=label, labelled_by="rule")


def as_csv(rows: Sequence[Ticket]) -> str:
    """Write tickets as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Ticket._fields)
    writer.writerows(rows)
    return text.getvalue()


def as_dialogues(rows: Sequence[Ticket]) -> str:
    """Write tickets with an answer to each, as JSON Lines of chat messages."""
    return "".join(
        json.dumps(
            {
                "ticket": row.number,
                "language": row.language,
                "messages": [
                    {"role": "user", "content": row.text},
                    {"role": "assistant", "content": _REPLIES[row.label]},
                ],
            },
            ensure_ascii=False,
        )
        + "\n"
        for row in rows
    )
