"""Keys of every kind, planted and looked for wherever anything is written down: none is found."""

import json
import secrets

import pytest
from pydantic import SecretStr

from deployments.rehearsal.in_thread import Door, served
from deployments.rehearsal.vendors.stripe import StripeFake
from tests.conftest import Estates, S3Server
from tests.flows.rotations.overheard import Overheard, edit, entry
from tests.flows.rotations.room import NAME
from tests.tasks.rotators.jwks_room import JwksRoom
from tests.tasks.rotators.key_vendor import ADMIN, KeyVendor, policy


@pytest.mark.long
def test_a_key_that_signs_tokens(house: Overheard, estates: Estates, s3_server: S3Server) -> None:
    """Its private half is a text of many lines; its public half is published."""
    door = Door()
    with served(door) as url:
        keys = JwksRoom(s3_server, estates, url, f"keys-{secrets.token_hex(4)}.json")
        door.behind = keys.site()
        private = keys.old.pem.get_secret_value()
        house.hold(json.dumps({"kid": keys.old.kid, "algorithm": keys.old.algorithm, "private_key": private}))
        where = {"buckets": {"keys": dict(s3_server.section(estates.secret, ""))}, "endpoints": {"site": {"url": url}}}
        edit(house.room.folder / "environment.yaml", where)
        short = {"token_lifetime": "100 ms", "signer_reads_every": "100 ms", "max_cache": "1s"}
        entry(house.room, kind="jwt.keys", bucket="keys", key=keys.name, urls=[{"endpoint": "site"}], **short)
        house.values.add("".join(private.splitlines()[1:-1])[:64])
        house.rotated()
        assert house.leaks() == []


@pytest.mark.long
def test_a_key_of_an_http_api(house: Overheard, estates: Estates) -> None:
    """Whose API shows it once, in the answer to a call; and it is sent with every proof."""
    vendor = KeyVendor()
    old = vendor.made("in use")
    house.hold(json.dumps({"key": old.value, "id": old.id}))
    with served(vendor.app()) as url:
        edit(house.room.folder / "environment.yaml", {"endpoints": {"vendor": {"url": url}}})
        entry(
            house.room,
            **policy("vendor", estates.secret(SecretStr(ADMIN))),
        )
        house.rotated()
        assert house.leaks() == []


@pytest.mark.long
def test_a_key_that_a_person_brings(house: Overheard, estates: Estates) -> None:
    """Piped into a command of its own, whose arguments and environment anybody can read meanwhile."""
    old, new = (f"rk_live_canary{secrets.token_hex(12)}" for _ in range(2))
    stripe = StripeFake(old, new)
    stripe.shut = {key: {"/v1/webhook_endpoints"} for key in (old, new)}
    house.hold(old)
    with served(stripe.app()) as url:
        edit(house.room.folder / "environment.yaml", {"stripe": {"url": url, "token": estates.secret(SecretStr("t"))}})
        entry(house.room, kind="stripe.key", can=["/v1/balance"], cannot=["/v1/webhook_endpoints"])
        house.values.add(new)
        assert house.command("rotate", NAME, "--given", typed=new) == 0
        assert house.current() == new
        house.flow()
        assert house.leaks() == []
