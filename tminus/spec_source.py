"""What stands in a file under `check:`, `with:` and `expect:`, or under the key of a question: a Spec, or mistakes."""

from collections.abc import Callable, Mapping, Sequence

from pydantic import JsonValue, ValidationError

from tminus.errors import Mistake, UsageError
from tminus.expectation import Expectation, misfits
from tminus.runbook import Spec
from tminus.wording import LINES
from tminus.yaml_source import Place, Source, nearest

KIND_VERBS = ("check", "action", "watch")
"""The keys that name a kind of the vocabulary, with its parameters under `with`."""


class SpecReader:
    """Reads what entries of a file do; what it finds wrong gathers in `mistakes`.

    Args:
        source: the file.
        kinds: the vocabulary: what `check:`, `action:` and `watch:` may name.
        questions: key → what stands under it, where it is no kind of the vocabulary.
        where: puts a place in words.
        verbs: the keys that name kinds here.
    """

    def __init__(
        self,
        source: Source,
        kinds: Mapping[str, type[Spec]],
        questions: Mapping[str, type[Spec]],
        where: Callable[[Place], str],
        verbs: Sequence[str] = KIND_VERBS,
    ) -> None:
        self._source = source
        self._kinds = kinds
        self._questions = questions
        self._where = where
        self._verbs = (*verbs, *questions)
        self.mistakes: list[Mistake] = []

    def does(self, place: Place, raw: Mapping[str, JsonValue]) -> Spec | None:
        """What the entry at `place` does; None where that cannot be read, and then the mistakes say why."""
        verbs = [verb for verb in self._verbs if verb in raw]
        if len(verbs) != 1:
            found = " and ".join(verbs) or "none of them"
            self.say(place, f"expected one of {', '.join(self._verbs)}; found {found}")
            return None
        verb = verbs[0]
        if verb in self._questions:
            return self._question(place, raw, verb)
        kind = raw[verb]
        spec = self._kinds.get(kind) if isinstance(kind, str) else None
        if spec is None:
            names = [name for name, known in self._kinds.items() if _verb_of(known) == verb]
            self.say((*place, verb), f"unknown {verb} {kind!r}{nearest(str(kind), names)}")
            return None
        if _verb_of(spec) != verb:
            self.say((*place, verb), f"{kind!r} is named by `{_verb_of(spec)}:`, not by `{verb}:`")
            return None
        return self._spec(place, "with", raw, spec)

    def _question(self, place: Place, raw: Mapping[str, JsonValue], verb: str) -> Spec | None:
        if "with" in raw:
            self.say((*place, "with"), f"stands beside check, action or watch; here its lines go under {verb}")
            return None
        return self._spec(place, verb, raw, self._questions[verb])

    def _spec(self, place: Place, under: str, raw: Mapping[str, JsonValue], spec: type[Spec]) -> Spec | None:
        given = raw.get(under) or {}
        if not isinstance(given, dict):
            self.say((*place, under), f"expected {LINES}")
            return None
        for key in given.keys() & {"kind", "expect"}:
            self.say((*place, under, key), f"unknown key {key!r}", at=(*place, under))
        before = len(self.mistakes)
        judged = self._expect(place, raw["expect"], spec) if "expect" in raw else {}
        try:
            return spec.model_validate({**given, **judged})
        except ValidationError as e:
            judged_badly = len(self.mistakes) > before
            for error in e.errors():
                if error["loc"][:1] != ("expect",):
                    self.mistakes += self._source.mistakes([error], spec, (*place, under), self._where)
                elif not judged_badly:
                    self.mistakes += self._source.mistakes([error], spec, place, self._where)
            return None

    def _expect(self, place: Place, raw: JsonValue, spec: type[Spec]) -> dict[str, JsonValue]:
        """The expectations that are right; what is wrong with the others is said, each at its own line."""
        here = (*place, "expect")
        if "expect" not in spec.model_fields:
            self.say(here, "nothing is measured here that could be expected")
            return {}
        if not isinstance(raw, dict):
            return {"expect": raw}
        expect = {name: read for name, text in raw.items() if (read := self._expectation((*here, name), text))}
        measures: Mapping[str, str] = getattr(spec, "measures", {})
        wrong = misfits(expect, measures)
        for name, what in wrong.items():
            self.say((*here, name), what, at=here)
        return {"expect": {name: raw[name] for name in expect if name not in wrong}}

    def _expectation(self, place: Place, text: JsonValue) -> Expectation | None:
        try:
            return Expectation(str(text))
        except UsageError as e:
            self.say(place, str(e))
            return None

    def say(self, place: Place, what: str, at: Place | None = None) -> None:
        """Notes a mistake at the line of `place`, named by `at` where that reads better."""
        self.mistakes.append(self._source.mistake(place, self._where(place if at is None else at), what))


def _verb_of(spec: type[Spec]) -> str:
    return str(getattr(spec, "verb", ""))
