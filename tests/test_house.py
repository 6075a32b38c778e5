"""The house's own rules: what holds for every file, whatever it is about."""

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
PRODUCT = ("cli", "flows", "tasks", "tminus", "deployments", "bench")
LONGEST = 300  # lines; a module that is longer holds two things
SAYS_NOTHING = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "core"}
UNFINISHED = re.compile(
    r"TODO|FIXME|XXX|NotImplementedError|except Exception\b(?! as e:  # noqa: BLE001 - \w)|except:"
    r"|# type: ignore$|# noqa$|mark\.skip\(|assert True\b"
)
OF_ONE_MACHINE = re.compile(r"https?://[\w.-]*(?:registry|hosted)|https?://\S*/simple\b|(?<![\w.])/(?:work|root|home)/")
# Where a name is imported from another distribution than the one that we ask for.
PART_OF = {"pydantic-core": "pydantic", "botocore": "boto3"}


@cache
def tracked() -> tuple[Path, ...]:
    """Every file of the repository, by git where there is one; those not yet added count too."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("this is no git checkout")
    return tuple(path for line in done.stdout.splitlines() if (path := ROOT / line).is_file())


@cache
def modules() -> tuple[Path, ...]:
    """Every module of the product."""
    return tuple(path for room in PRODUCT for path in sorted((ROOT / room).rglob("*.py")))


def shown(path: Path) -> str:
    """A path as people write it."""
    return str(path.relative_to(ROOT))


def test_no_module_holds_two_things() -> None:
    """No module of the product is longer than 300 lines."""
    lengths = {shown(path): len(path.read_text("utf-8").splitlines()) for path in modules()}
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}


def test_a_modules_name_says_what_it_is_about() -> None:
    """None is called utils or the like, and none hides a module of the standard library."""
    names = {shown(path): path.stem for path in modules()}
    assert [path for path, name in names.items() if name in SAYS_NOTHING | sys.stdlib_module_names] == []


def test_nothing_is_left_unfinished() -> None:
    """No reminder, no stub, no error caught whatever it is, no rule switched off without its name."""
    texts = {path: path.read_text("utf-8") for path in tracked() if path.suffix == ".py" and path != Path(__file__)}
    found = [
        f"{shown(path)}:{number}: {line.strip()}"
        for path, text in texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if UNFINISHED.search(line)
    ]
    assert found == []


def test_nothing_is_of_one_machine() -> None:
    """No file names a registry, or a path that only one machine has."""
    found = []
    for path in tracked():
        if path == Path(__file__):
            continue
        text = path.read_text("utf-8", errors="replace")
        found += [f"{shown(path)}: {match.group()}" for match in OF_ONE_MACHINE.finditer(text)]
    assert found == []


@pytest.mark.parametrize(("one", "other"), [("slack", "pagerduty"), ("pagerduty", "slack")])
def test_what_two_vendors_share_is_named_after_neither(one: str, other: str) -> None:
    """No module of tminus that is one vendor's imports another's."""
    found = [
        f"{path.name} imports {name}"
        for path in sorted((ROOT / "tminus").glob(f"{one}_*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and (name := node.module or "").startswith(f"tminus.{other}_")
    ]
    assert found == []


OPTIONAL = ("kafka", "dns", "openapi", "exchanges")  # what one check needs, and says so where it is missing
DEPLOYED = [
    "launch",
    "phase",
    "readiness",
    "backup_verification",
    "marks",
    "reviews",
    "secret_rotation",
    "dr_drill",
    "dr_undo",
]


@pytest.mark.parametrize("name", DEPLOYED)
def test_a_deployment_loads(name: str) -> None:
    """What prefect.yaml names can be imported and is a flow; Prefect itself would deploy a broken one in silence."""
    from prefect.flows import Flow, load_flow_from_entrypoint

    deployments = YAML(typ="safe").load(ROOT / "prefect.yaml")["deployments"]
    assert [one["name"] for one in deployments] == DEPLOYED
    entrypoint = next(one["entrypoint"] for one in deployments if one["name"] == name)
    flow = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
    assert isinstance(flow, Flow)
    assert flow.name == name


@cache
def project() -> dict[str, list[str]]:
    """What pyproject.toml asks for: under "" to run, and by the names of its extras."""
    read = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = {"": read["dependencies"], **read["optional-dependencies"]}
    return {extra: [_canonical(one) for one in wanted] for extra, wanted in asked.items()}


def _canonical(requirement: str) -> str:
    """The distribution's name, as PEP 503 normalises it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", requirement)[0]).lower()


def not_asked_for(paths: tuple[Path, ...], *extras: str) -> set[str]:
    """What modules import that none of the asked for distributions brings; ours and the standard library's left out."""
    names = {name for path in paths for name in _names(ast.parse(path.read_text("utf-8")))}
    own = {*PRODUCT, "tests", "mypy_boto3_s3", "mypy_boto3_secretsmanager"}
    foreign = names - set(sys.stdlib_module_names) - own
    asked = {name for extra in extras for name in project()[extra]}
    brought = {name: {_canonical(one) for one in some} for name, some in packages_distributions().items()}
    return {
        name for name in foreign if not asked & {PART_OF.get(one, one) for one in brought.get(name, {_canonical(name)})}
    }


def _names(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_what_is_imported_is_asked_for() -> None:
    """A launch needs what `dependencies` names, nothing that came along with something else; a rehearsal its extra."""
    at_launch = tuple(path for path in modules() if path.relative_to(ROOT).parts[0] not in {"deployments", "bench"})
    assert not_asked_for(at_launch, "", *OPTIONAL) == set()
    assert not_asked_for(modules(), "", "rehearsal", "exchanges") == set()


def test_what_is_asked_for_is_locked() -> None:
    """requirements.lock has every one of them, each version with its hashes."""
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    locked = {_canonical(name) for name in re.findall(r"(?m)^([\w.-]+)==", lock)}
    assert {
        name for extra, wanted in project().items() if extra not in {"rivals", "exchanges", "chaos"} for name in wanted
    } <= locked
    entries = re.split(r"(?m)^(?=[\w.-]+==)", lock)[1:]
    assert all("--hash=sha256:" in entry for entry in entries)
