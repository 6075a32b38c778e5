"""What a build promises and proves: its API's description, its chaos experiments, what it is made of."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar, Literal

from tasks import artifact_journals, artifact_sbom
from tasks.artifact_ages import DatedBy, age, oldest, undated
from tasks.artifact_evidence import some
from tasks.artifact_files import Folder, Inside
from tasks.artifact_openapi import Description
from tasks.artifact_validity import mistake_in
from tasks.check import Check
from tasks.estate import Estate
from tminus.environment import Impact
from tminus.expectation import Measurement
from tminus.outcome import Observation

_HOURS_A_DAY = 24


class OpenApi(Check, frozen=True):
    """Whether an OpenAPI 3 description is valid, and whether its operations are secured, validated and described.

    `valid` is by the specification's own schema, as openapi-spec-validator applies it (`pip install 'tminus[openapi]'`;
    without it a step that expects `valid` is skipped). An operation is `secured` where it wants a scheme that the
    document defines, and no alternative leaves it out; `validated` where every parameter and body has a schema that is
    not empty; `described` where it says what it does and what it answers. A document whose references lead out of it
    is not read: nothing is fetched.

    Attributes:
        file: in the environment's `artifacts`, YAML or JSON.
        public: operations that are meant for everybody (`POST /login`); they are not counted in `secured`.
    """

    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {
        "valid": "word",
        "operations": "",
        "secured": "",
        "validated": "",
        "described": "",
    }

    kind: Literal["artifact.openapi"] = "artifact.openapi"
    file: Inside
    public: tuple[str, ...] = ()

    async def look(self, estate: Estate) -> Observation:
        """Reads the description."""
        folder = Folder(estate.artifacts(), "artifacts")
        description = await asyncio.to_thread(lambda: Description(folder.read(self.file)))
        mistake = None
        if "valid" in self.expect:
            lost = description.lost_reference()
            mistake = f"{lost} leads nowhere" if lost else await mistake_in(description.document, self.file)
        return self._seen(description, mistake)

    def _seen(self, description: Description, mistake: str | None) -> Observation:
        operations = description.operations()
        closed = [one for one in operations if one.name not in self.public]
        bare = [f"{one.name} is not secured" for one in closed if not one.secured]
        loose = [f"{one.name} has an input without a schema" for one in operations if not one.validated]
        mute = [f"{one.name} is not described" for one in operations if not one.described]
        found = [
            Measurement.number("operations", len(operations)),
            Measurement.number("secured", len(closed) - len(bare), of=len(closed)),
            Measurement.number("validated", len(operations) - len(loose), of=len(operations)),
            Measurement.number("described", len(operations) - len(mute), of=len(operations)),
        ]
        if "valid" in self.expect:
            found.append(Measurement(name="valid", word="no" if mistake else "yes"))
        wrong = some([*([mistake] if mistake else ()), *bare, *loose, *mute])
        return Observation(
            found=tuple(found), where=f"artifacts {self.file}", details=wrong, because=wrong[0] if wrong else ""
        )


class ChaosExperiments(Check, frozen=True):
    """Whether chaos experiments were carried out, and whether the system held, by Chaos Toolkit's journals.

    `completed` are those whose method was carried out to the end; `held` those of them whose steady state was met
    before, and after or throughout, and did not deviate. An experiment without a steady state proves nothing and does
    not count as held; a dry run, which leaves something out, makes the outcome unknown. `age` is the
    oldest's, by when it ended.

    Attributes:
        reports: the journals in the environment's `artifacts`; may have `*`.
    """

    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {"completed": "", "held": "", "experiments": "", "age": "d"}

    kind: Literal["artifact.experiment"] = "artifact.experiment"
    reports: Inside

    async def look(self, estate: Estate) -> Observation:
        """Reads the journals."""
        folder = Folder(estate.artifacts(), "artifacts")
        return await asyncio.to_thread(self._look, folder)

    def _look(self, folder: Folder) -> Observation:
        experiments = [artifact_journals.read(file) for file in folder.matching(self.reports)]
        number = len(experiments)
        days = oldest([one.made for one in experiments]) / _HOURS_A_DAY
        wrong = [str(one) for one in experiments if not one.held]
        return Observation(
            found=(
                Measurement.number("completed", sum(one.completed for one in experiments), of=number),
                Measurement.number("held", number - len(wrong), of=number),
                Measurement.number("experiments", number),
                Measurement.number("age", days, "d"),
            ),
            where=f"artifacts {self.reports}",
            details=some([*wrong, *(str(one) for one in experiments if one.held)]),
            because=wrong[0] if wrong else "",
        )


class BillOfMaterials(Check, frozen=True):
    """What a release is made of, by its CycloneDX or SPDX bill of materials (JSON).

    `versioned` are the components that have a version. `age` is by the bill itself.

    Attributes:
        file: in the environment's `artifacts`.
        dated_by: `report`, or `file` where the tool writes no date and the file's own time may count.
    """

    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {"components": "", "versioned": "", "age": "h"}

    kind: Literal["artifact.sbom"] = "artifact.sbom"
    file: Inside
    dated_by: DatedBy = "report"

    async def look(self, estate: Estate) -> Observation:
        """Reads the bill."""
        folder = Folder(estate.artifacts(), "artifacts")
        return await asyncio.to_thread(self._look, folder)

    def _look(self, folder: Folder) -> Observation:
        bill = artifact_sbom.read(folder.read(self.file))
        return Observation(
            found=(
                Measurement.number("components", bill.components),
                Measurement.number("versioned", bill.versioned, of=bill.components),
                *age([bill.made], self.dated_by),
            ),
            where=f"artifacts {self.file}",
            details=undated([bill.made], self.dated_by),
        )
