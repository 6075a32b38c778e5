"""A FAKE of Twilio's API, as much of it as is read: the account, its balance, its phone numbers."""

import base64
import hmac
from collections.abc import Callable

from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

JsonObject = dict[str, JsonValue]
PAGE = 2


class TwilioFake:
    """One account behind a user name and a password.

    Attributes:
        status, plan, balance: the account's.
        numbers: of each phone number, whether it sends text messages.
    """

    def __init__(self, sid: str, user: str, password: str) -> None:
        self._sid = sid
        self._credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.status = "active"
        self.plan = "Full"
        self.balance = "412.50"
        self.numbers: list[bool] = []

    def app(self) -> Starlette:
        """The web application."""
        account = "/2010-04-01/Accounts/{sid}"
        return Starlette(
            routes=[
                self._route(f"{account}/Balance.json", self._balance),
                self._route(f"{account}/IncomingPhoneNumbers.json", self._numbers),
                self._route("/2010-04-01/Accounts/{file}", self._account),
            ]
        )

    def _route(self, path: str, answer: Callable[[Request], Response]) -> Route:
        def endpoint(request: Request) -> Response:
            given = request.headers.get("authorization", "")
            if not hmac.compare_digest(given, f"Basic {self._credentials}"):
                return JSONResponse({"code": 20003, "message": "Authenticate"}, status_code=401)
            where = request.path_params
            if (
                where.get("sid", self._sid) != self._sid
                or where.get("file", f"{self._sid}.json") != f"{self._sid}.json"
            ):
                return JSONResponse({"code": 20404, "message": "not found"}, status_code=404)
            return answer(request)

        return Route(path, endpoint)

    def _account(self, _request: Request) -> Response:
        return JSONResponse({"sid": self._sid, "status": self.status, "type": self.plan})

    def _balance(self, _request: Request) -> Response:
        return JSONResponse({"account_sid": self._sid, "balance": self.balance, "currency": "USD"})

    def _numbers(self, request: Request) -> Response:
        query = request.query_params
        number, size = int(query.get("Page", "0")), min(int(query.get("PageSize", "50")), PAGE)
        end = (number + 1) * size
        shown: list[JsonObject] = [
            {"sid": f"PN{n}", "capabilities": {"voice": True, "sms": sms, "mms": False}}
            for n, sms in enumerate(self.numbers[number * size : end])
        ]
        following = f"{request.url.path}?PageSize={size}&Page={number + 1}&PageToken=PA{end}"
        next_page = following if end < len(self.numbers) else None
        return JSONResponse({"incoming_phone_numbers": shown, "page": number, "next_page_uri": next_page})
