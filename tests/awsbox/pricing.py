"""AWS's Price List, which moto has no part of: the on-demand prices that a test has set."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from tests.awsbox.machine import STATE, read_json

PRICES = STATE / "on-demand-prices.json"  # an instance type -> dollars an hour

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def beside(motos: Callable[[Any, dict[str, Any]], Application]) -> Any:
    """Return what finds an application for a request, moto's or this one."""

    def found(dispatcher: Any, environ: dict[str, Any]) -> Application:
        if "/pricing/aws4_request" in environ.get("HTTP_AUTHORIZATION", ""):
            return _answer
        return motos(dispatcher, environ)

    return found


def _answer(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    asked = json.loads(body).get("Filters", [])
    kinds = [name for f in asked if f["Field"] == "instanceType" for name in f["Value"].split(",")]
    known = read_json(PRICES, {})
    products = [_product(name, known[name]) for name in kinds or known if name in known]
    answer = json.dumps({"FormatVersion": "aws_v1", "PriceList": products}).encode()
    start_response("200 OK", [("Content-Type", "application/x-amz-json-1.1")])
    return [answer]


def _product(name: str, price: str) -> str:
    dimension = {"unit": "Hrs", "pricePerUnit": {"USD": price}}
    return json.dumps(
        {
            "product": {"attributes": {"instanceType": name}},
            "terms": {"OnDemand": {"term": {"priceDimensions": {"dimension": dimension}}}},
        }
    )
