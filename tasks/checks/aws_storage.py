"""S3: how a bucket keeps what it is given, and whether what should lie there does."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tasks import aws_storage as s3_says
from tasks.aws_check import FOREVER, NEVER, AwsCheck, absent, days, hours, in_words, yes
from tasks.aws_client import age, aws_bucket
from tasks.aws_errors import NotThere
from tasks.estate import Estate
from tminus.clock import Duration, show_duration
from tminus.expectation import Measurement
from tminus.outcome import Observation

_SHOWN = 20  # lines in the details


class BucketSettings(AwsCheck, frozen=True):
    """How a bucket keeps what it is given. Only what is expected is asked for, so only that must be allowed.

    `present`: there is such a bucket; expected also where the book does not say so. `encrypted`: with what new objects
    are encrypted by default, `none`, `AES256`, `aws:kms` or `aws:kms:dsse`. `versioned`: old versions are kept.
    `public`: `blocked` where all four settings of the bucket that block public access are on, else `open`; the
    account's own block is not counted. `retention`: after how many days what lies under the section's prefix may be
    gone at the earliest, and `expires`: is gone at the latest, rules for some tags or sizes left out; a hundred years
    where nothing expires. In a bucket that has or had versioning an object that expires becomes an old version: there
    `expires` is the days of the object and of its old version together, a hundred years where no rule deletes old
    versions, and `retention` is the shorter of the two, since what is overwritten is only kept as an old version.
    `replicated`: a rule that is enabled copies everything under that prefix to another bucket,
    and `elsewhere`: that bucket stands in another region. `locked`: each new object is locked for a time by itself
    (Object Lock with a default retention).

    Attributes:
        bucket: a bucket's name in the environment's `buckets` section.
    """

    measures: ClassVar[Mapping[str, str]] = {
        "present": "word",
        "encrypted": "word",
        "versioned": "word",
        "public": "word",
        "retention": "d",
        "expires": "d",
        "replicated": "word",
        "elsewhere": "word",
        "locked": "word",
    }

    kind: Literal["aws.bucket"] = "aws.bucket"
    bucket: str

    def seen(self, estate: Estate) -> Observation:
        """One call, and one more for each thing that is expected."""
        s3, section = aws_bucket(estate, self.bucket)
        where, name = f"s3://{section.bucket}/{section.prefix}", section.bucket
        try:
            versioned = s3_says.versioning(s3, name)
        except NotThere:
            return absent(f"bucket {name}", where)
        found, problems = [yes("present", True), yes("versioned", versioned.keeps)], list[str]()
        if "versioned" in self.expect and not versioned.keeps:
            problems.append("old versions are not kept")
        if "encrypted" in self.expect:
            found.append(Measurement(name="encrypted", word=s3_says.encryption(s3, name)))
        if "public" in self.expect:
            left_open = s3_says.left_open(s3, name)
            found.append(Measurement(name="public", word="open" if left_open else "blocked"))
            problems += [f"{', '.join(left_open)} off"] if left_open else []
        if {"retention", "expires"} & set(self.expect):
            earliest, latest = s3_says.expiry(s3, name, section.prefix, versions=versioned.has_old)
            if "expires" in self.expect and versioned.has_old and latest >= FOREVER:
                problems.append("no rules delete all objects and all old versions of them")
            found.append(Measurement.number("retention", earliest, "d"))
            found.append(Measurement.number("expires", latest, "d"))
        if {"replicated", "elsewhere"} & set(self.expect):
            copied_to = s3_says.copies(s3, name, section.prefix)
            found.append(yes("replicated", bool(copied_to)))
            if "elsewhere" in self.expect:
                found.append(yes("elsewhere", s3_says.elsewhere(s3, name, copied_to)))
        if "locked" in self.expect:
            found.append(yes("locked", s3_says.locked(s3, name)))
        return Observation(found=tuple(found), where=where, because="; ".join(problems))


class Objects(AwsCheck, frozen=True):
    """What lies under a prefix: how many objects, how young the newest is and how old the oldest, and what is missing.

    Every page of the listing is read, and that an object lies there at all is expected also where the book does not
    say so. An object without a byte is no backup: it counts in `empty` and nowhere else.
    `newest` and `oldest`: how long ago S3 stored them; where nothing lies there, a hundred years for `newest`, and
    `oldest` is 0. `gaps`: spans longer than `every` between two objects that follow each other, and from the newest
    until now; where nothing lies there, 1. `older`: objects older than `older_than`, which should have been deleted.
    `encrypted`: of the newest `sample` objects, those that S3 says are encrypted.

    Attributes:
        bucket: a bucket's name in the environment's `buckets` section.
        prefix: what the keys begin with, after the section's own prefix.
        every: how long a span may be; write it with the time that a backup takes, such as `7h` for one every 6 h.
        older_than: what `older` counts.
        sample: how many objects are asked how they are encrypted, where that is expected.
    """

    expects: ClassVar[dict[str, str]] = {"present": "= yes", "objects": ">= 1"}
    measures: ClassVar[Mapping[str, str]] = {
        "present": "word",
        "objects": "",
        "empty": "",
        "newest": "h",
        "oldest": "d",
        "gaps": "",
        "older": "",
        "encrypted": "",
    }

    kind: Literal["aws.objects"] = "aws.objects"
    bucket: str
    prefix: str = ""
    every: Duration = timedelta(hours=24)
    older_than: Duration | None = None
    sample: Annotated[int, Field(ge=1, le=1000)] = 20

    @model_validator(mode="after")
    def _older_than_what(self) -> Self:
        if "older" in self.expect and self.older_than is None:
            raise ValueError("`older` is expected, so say than what, such as `older_than: 90d`")
        return self

    def seen(self, estate: Estate) -> Observation:
        """Lists all, and asks about some."""
        s3, section = aws_bucket(estate, self.bucket)
        prefix = f"{section.prefix}{self.prefix}"
        where = f"s3://{section.bucket}/{prefix}"
        try:
            listed = s3_says.stored(s3, section.bucket, prefix)
        except NotThere:
            return absent(f"bucket {section.bucket}", where)
        objects = sorted((one for one in listed if one.size), key=lambda one: one.last_modified)
        ages = [age(one.last_modified, s3.where) for one in objects]  # the oldest first
        gaps = self._gaps(ages)
        found = [
            yes("present", True),
            Measurement.number("objects", len(objects)),
            Measurement.number("empty", len(listed) - len(objects)),
            Measurement.number("newest", hours(ages[-1] if ages else NEVER), "h"),
            Measurement.number("oldest", days(ages[0] if ages else timedelta(0)), "d"),
            Measurement.number("gaps", len(gaps)),
        ]
        problems = gaps if "gaps" in self.expect else []
        if self.older_than is not None:
            found.append(Measurement.number("older", sum(one > self.older_than for one in ages)))
        if "encrypted" in self.expect:
            asked = objects[-self.sample :]
            encrypted = s3_says.encrypted(s3, section.bucket, asked)
            found.append(Measurement.number("encrypted", encrypted, of=len(asked)))
            if encrypted < len(asked):
                problems = [*problems, f"{len(asked) - encrypted} of the newest {len(asked)} are not encrypted"]
        return Observation(
            found=tuple(found),
            where=where,
            details=tuple(problems[:_SHOWN]),
            because=in_words(problems) if objects else f"nothing lies under {where}",
        )

    def _gaps(self, ages: list[timedelta]) -> list[str]:
        if not ages:
            return ["nothing lies there"]
        spans = zip(ages, [*ages[1:], timedelta(0)], strict=True)
        longer = [(begin, begin - end) for begin, end in spans if begin - end > self.every]
        return [f"nothing for {_rounded(length)} from {_rounded(begin)} ago" for begin, length in longer]


def _rounded(length: timedelta) -> str:
    return show_duration(timedelta(minutes=round(length / timedelta(minutes=1))))
