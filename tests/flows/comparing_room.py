"""A system whose two stores belong together, restored by fakes that have the ids that a test says."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from ruamel.yaml import YAML

from tasks.backups.asked import Asked, Seen
from tasks.backups.together_asking import finish
from tests.flows.backup_room import GOOD, Room, use
from tminus.backups.contents import Marker
from tminus.clock import now

AGREE = {"title": "Orders", "ids": {"cache": "KEYS order:*", "queue": "KEYS order:* AT placed_at"}}


def set_room(folder: Path, bucket: Mapping[str, object], **more: object) -> Room:
    """Two stores that belong together, with a backup each."""
    room = Room.set(folder, {name: str(value) for name, value in bucket.items()}, **more)
    yaml = YAML(typ="safe", pure=True)
    book = yaml.load(room.book.read_text("utf-8"))
    book["together"] = {"trading": {"title": "t", "owner": "trading-lead", "agree": [AGREE]}}
    yaml.dump(book, room.book)
    room.put("cache")
    room.put("queue")
    return room


def holding(**ids: range) -> None:
    """From now on a restored store has these ids, written two hours ago, and a mark of now."""

    async def answer(asked: Asked) -> Seen:
        assert asked.together is not None
        for question in asked.together.questions:
            for number in ids[asked.name]:
                asked.together.add(question, b"%d" % number, (now() - timedelta(hours=2)).timestamp())
        finish(asked, Marker(number=7, at=now()))
        return Seen(GOOD)

    use(answer)
