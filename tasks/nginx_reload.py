"""Making nginx serve another text of the include file, and proving from outside that it does."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from tasks import nginx_upstream, served_build
from tasks.command import Finished, run
from tasks.served_build import Answers
from tasks.switch_fence import Admitted
from tminus.environment import Service
from tminus.errors import ActionFailed
from tminus.release import Build
from tminus.systems.command import Command

_LOG_TAIL = 64 * 1024  # bytes of the error log that are looked through, at most


@dataclass(frozen=True, slots=True)
class Reload:
    """Rewrites and reloads, for someone who was admitted.

    Attributes:
        service: whose nginx.
        right: the lock and the token; the commands run here hold the lock too.
        secrets: what must not be shown of the commands' output.
    """

    service: Service
    right: Admitted
    secrets: Sequence[SecretStr] = ()

    async def forward(self, text: str, former: str, build: Build) -> Answers:
        """From `former` to `text`; returns what the front door answers: `build`, and nothing else.

        Where the file holds `text` already, only what is missing is done. Raises ActionFailed; `former` is in force
        again then, or the message says that it is not.
        """
        include = self._include
        before = await served_build.at_front(self.service)
        rewritten = nginx_upstream.text_of(include) == text
        if rewritten and before.settled_on(build):
            return before
        if not before.builds:
            raise ActionFailed(
                f"{self.service.front} does not say what it serves ({before}), so a switch could not be proven; see to "
                "that first",
                began=False,
            )
        self.right.enter()
        if not rewritten:
            nginx_upstream.write(include, text)
        await self._test(former)
        log_ends = self._log_size()
        await self._load(former)
        return await self._proven(former, build, log_ends)

    async def back(self, text: str, build: Build) -> Answers:
        """To `text`, whatever is there; returns what the front door answers: `build`, and nothing else.

        Raises ActionFailed; `text` stays in the file then.
        """
        rewritten = nginx_upstream.text_of(self._include) == text
        if rewritten and (answers := await served_build.at_front(self.service)).settled_on(build):
            return answers
        self.right.enter()
        if not rewritten:
            nginx_upstream.write(self._include, text)
        log_ends = self._log_size()
        finished = await self._run(self.service.nginx.reload)
        if finished.exit:
            raise ActionFailed(
                f"{self._include} holds the former text again, but nginx was not reloaded. {finished}"
                f"{self._complaints(log_ends)}. Correct what it names and reload by hand"
            )
        answers = await served_build.at_front_until(
            self.service, lambda seen: seen.settled_on(build), served_build.DRAINS_WITHIN
        )
        if not answers.settled_on(build):
            raise ActionFailed(
                f"{self._include} holds the former text again and nginx was reloaded, but even after "
                f"{served_build.DRAINS_WITHIN:g} s {self.service.front} answers {answers}, not {build.version} alone"
                f"{self._complaints(log_ends)}. Look at nginx"
            )
        return answers

    @property
    def _include(self) -> Path:
        return self.service.nginx.include.resolve()

    async def _test(self, former: str) -> None:
        command = self.service.nginx.test
        if command is None:
            return
        try:
            finished = await self._run(command)
        except ActionFailed as e:
            nginx_upstream.write(self._include, former)
            raise ActionFailed(f"{e} The former text of {self._include} was put back", began=False) from e
        if finished.exit:
            nginx_upstream.write(self._include, former)
            raise ActionFailed(
                f"nginx would refuse the new {self._include}; the former text was put back, and nothing was reloaded. "
                f"{finished}",
                began=False,
            )

    async def _load(self, former: str) -> None:
        try:
            finished = await self._run(self.service.nginx.reload)
        except ActionFailed as e:
            raise ActionFailed(f"{e} {await self._put_back(former)}", began=e.began) from e
        if finished.exit:
            raise ActionFailed(f"nginx did not take the new {self._include}. {finished} {await self._put_back(former)}")

    async def _proven(self, former: str, build: Build, log_ends: int) -> Answers:
        answers = await served_build.at_front_until(self.service, lambda seen: seen.settled_on(build))
        if answers.settled_on(build):
            return answers
        raise ActionFailed(
            f"nginx was reloaded with the new {self._include}, but within {served_build.SETTLES_WITHIN:g} s "
            f"{self.service.front} answers {answers}, not {build.version} alone{self._complaints(log_ends)}. "
            f"{await self._put_back(former)}"
        )

    async def _put_back(self, former: str) -> str:
        """Says what came of it."""
        nginx_upstream.write(self._include, former)
        try:
            finished = await self._run(self.service.nginx.reload)
        except ActionFailed as e:
            return f"The former text was put back, but nginx was not reloaded with it: {e}"
        if finished.exit:
            return f"The former text was put back, but nginx was not reloaded with it: {finished}"
        return "The former text was put back, and nginx reloaded with it"

    async def _run(self, command: Command) -> Finished:
        return await run(command, {"token": str(self.right.token)}, self.secrets, self.right.held)

    def _log_size(self) -> int:
        log = self.service.nginx.error_log
        try:
            return log.stat().st_size if log else 0
        except OSError:
            return 0

    def _complaints(self, since: int) -> str:
        """What nginx's error log says since, of the kind that makes it keep its old configuration."""
        log = self.service.nginx.error_log
        if log is None:
            return ""
        try:
            with log.open("rb") as file:
                file.seek(since)
                lines = file.read(_LOG_TAIL).decode(errors="replace").splitlines()
        except OSError:
            return ""
        found = [line for line in lines if "[emerg]" in line]
        return f"; {log} says: {found[-1]}" if found else ""
