"""A decision on the command line is proven by its person's key, or it is nobody's."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from tests.tminus.staged_launch import LAUNCH, Stage
from tminus import events as ev
from tminus.clock import now
from tminus.errors import Refused, UsageError
from tminus.people import Person
from tminus.personal_key import PersonalKey, verified

ANSWER = ev.Answered(ask="go-no-go", person="devops", answer="approve", digest="sha256:1", via="command line")


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> PersonalKey:
    """A key."""
    path = tmp_path_factory.mktemp("key") / "id_ed25519"
    path.write_bytes(openssh(Ed25519PrivateKey.generate()))
    return PersonalKey(path)


@pytest.fixture(scope="module")
def person(key: PersonalKey) -> Person:
    """Whose it is."""
    return Person(id="devops", name="DevOps lead", roles=frozenset({"devops_lead"}), key=f"{key.public} laptop")


def openssh(key: Ed25519PrivateKey) -> bytes:
    """A private key as ssh-keygen writes it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


def rsa() -> bytes:
    """A key of another kind."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


def with_passphrase() -> bytes:
    """A key that cannot be used without asking, made for this test by ssh-keygen."""
    lines = [
        "b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABBN9/GDzE",
        "IUk9we1CiQciF+AAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIHjvExBAWy6fko36",
        "YGycX/1a0JxmcQwss2qeqrbmGcwvAAAAkA07y7xj17tFyRFIoS3sWQJolE6ZVjFwjcrJXd",
        "JtPEKP1V0XEARm0MY+MDX70DrFGV1EwjJNce13vkihdaemEb/e7Vih2M51bH0HrltLwMjn",
        "/FKDEAUvLq+7OHklvNIvfoG/NikrccaxHJLyrFPtUK2DUPSLZRjQEtMtg8pXiWhAc+ODOG",
        "g3eozmCxxPmQEAMQ==",
    ]
    marks = ("-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----")
    return "\n".join((marks[0], *lines, marks[1], "")).encode()


def pkcs8() -> bytes:
    """The right kind of key in another format."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class TestKeys:
    """Which files are a personal key."""

    @pytest.mark.parametrize(
        ("content", "complaint"),
        [
            (rsa, "not an Ed25519 key"),
            (with_passphrase, "has a passphrase"),
            (pkcs8, "no private key in OpenSSH's format"),
            (lambda: b"not a key: canary-7731", "no private key in OpenSSH's format"),
        ],
        ids=["rsa", "passphrase", "pkcs8", "rubbish"],
    )
    def test_a_file_that_is_none_is_refused_without_showing_it(
        self, tmp_path: Path, content: Callable[[], bytes], complaint: str
    ) -> None:
        """The error names the file and what to do, and holds nothing of what is in it."""
        path = tmp_path / "id"
        path.write_bytes(content())
        with pytest.raises(UsageError, match=complaint) as refused:
            PersonalKey(path)
        assert str(path) in str(refused.value)
        assert "canary-7731" not in str(refused.value)

    def test_a_missing_file_is_a_usage_error_that_says_how_to_make_one(self, tmp_path: Path) -> None:
        """Named by its path, with the command that makes a key."""
        with pytest.raises(UsageError, match=r"nowhere cannot be read: .*ssh-keygen -t ed25519"):
            PersonalKey(tmp_path / "nowhere")

    @pytest.mark.parametrize("there", ["file", "folder"])
    def test_a_path_that_is_taken_is_never_suggested(self, tmp_path: Path, there: str) -> None:
        """Whoever names a wrong file is not told to write a key over it."""
        path = tmp_path / there
        path.write_text("precious", "utf-8") if there == "file" else path.mkdir()
        with pytest.raises(UsageError, match=r"ssh-keygen -t ed25519 -N '' -f NEW-FILE") as refused:
            PersonalKey(path)
        assert f"-f {path}" not in str(refused.value)

    def test_a_key_of_nobody_is_refused(self, tmp_path: Path) -> None:
        """The reason shows the public half, which is what people.yaml lacks."""
        stage = Stage.set(tmp_path)
        path = tmp_path / "strange"
        path.write_bytes(openssh(Ed25519PrivateKey.generate()))
        stranger = PersonalKey(path)
        with pytest.raises(Refused, match="belongs to nobody") as refused:
            stranger.owner(stage.frozen.people)
        assert stranger.public in str(refused.value)

    def test_a_comment_behind_the_public_key_does_not_matter(self, tmp_path: Path) -> None:
        """people.yaml holds it as ssh-keygen prints it."""
        stage = Stage.set(tmp_path)
        assert stage.key("both").owner(stage.frozen.people).id == "both"


class TestSignatures:
    """What a signature covers."""

    def test_what_was_signed_verifies_also_read_back(self, key: PersonalKey, person: Person) -> None:
        """As it was made, and as the ledger gives it back."""
        signed = ANSWER.model_copy(update={"signature": key.sign(LAUNCH, ANSWER)})
        read = ev.read(ev.write(signed))
        assert isinstance(read, ev.Answered)
        assert verified(LAUNCH, signed, person)
        assert verified(LAUNCH, read, person)

    @pytest.mark.parametrize(
        "changed",
        [
            {"answer": "reject"},
            {"ask": "another"},
            {"person": "security"},
            {"digest": "sha256:2"},
            {"reason": "changed"},
            {"link": "https://example.com"},
            {"at": now() + timedelta(seconds=1)},
        ],
        ids=lambda changed: next(iter(changed)),
    )
    def test_a_tampered_event_does_not_verify(
        self, key: PersonalKey, person: Person, changed: dict[str, object]
    ) -> None:
        """Every field is covered."""
        signed = ANSWER.model_copy(update={"signature": key.sign(LAUNCH, ANSWER), **changed})
        assert not verified(LAUNCH, signed, person)

    def test_a_signature_is_for_one_launch_and_one_person(self, key: PersonalKey, person: Person) -> None:
        """Taken to another launch, or claimed for somebody else's key, it is worth nothing."""
        signed = ANSWER.model_copy(update={"signature": key.sign(LAUNCH, ANSWER)})
        assert not verified("another-launch", signed, person)
        other = Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex()
        assert not verified(LAUNCH, signed, person.model_copy(update={"key": None}))
        assert not verified(LAUNCH, signed, person.model_copy(update={"key": f"ssh-ed25519 {other}"}))

    @given(signature=st.text(max_size=120))
    def test_nothing_made_up_verifies(self, person: Person, signature: str) -> None:
        """Whatever text stands in the signature's place, it is no signature and no error."""
        assert not verified(LAUNCH, ANSWER.model_copy(update={"signature": signature}), person)
