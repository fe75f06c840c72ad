"""The services of AWS that moto does not play: the Price List, Service Quotas, policy simulation.

It answers as their documentation says: filters, pages, errors. `refused` makes it refuse.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

PAGE = 2
ERROR = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error>"
    "<RequestId>1</RequestId></ErrorResponse>"
)
SIMULATION = (
    '<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
    "<SimulatePrincipalPolicyResult><EvaluationResults>{}</EvaluationResults>"
    "</SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"
)
DECISION = (
    "<member><EvalActionName>{}</EvalActionName><EvalDecision>{}</EvalDecision>"
    "<EvalResourceName>*</EvalResourceName></member>"
)
QUOTAS = {
    "L-1216C47A": "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
    "L-34B43A08": "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests",
    "L-DB2E81BA": "Running On-Demand G and VT instances",
    "L-3819A6DF": "All G and VT Spot Instance Requests",
    "L-417A185B": "Running On-Demand P instances",
    "L-7212CCBC": "All P Spot Instance Requests",
    "L-0263D0A3": "EC2-VPC Elastic IPs",
}


class Lists(ThreadingHTTPServer):
    """One server for all three.

    Attributes:
        prices: US dollars an hour by region and instance type.
        limits: vCPUs by the code of the quota.
        denied: the permissions of IAM that the caller lacks.
        refused: code and message that an operation is answered with.
        asked: the operations, in order.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.prices: dict[tuple[str, str], float] = {}
        self.limits = dict.fromkeys(QUOTAS, 64.0)
        self.names = dict(QUOTAS)
        self.denied: set[str] = set()
        self.refused: dict[str, tuple[str, str]] = {}
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def get_products(self, asked: dict[str, Any]) -> dict[str, Any]:
        filters = {each["Field"]: each for each in asked["Filters"]}
        assert filters["instanceType"]["Type"] == "ANY_OF"
        names = filters.pop("instanceType")["Value"].split(",")
        fixed = {field: each["Value"] for field, each in filters.items()}
        region = fixed.pop("regionCode")
        assert fixed == {
            "operatingSystem": "Linux",
            "tenancy": "Shared",
            "preInstalledSw": "NA",
            "capacitystatus": "Used",
        }
        products = [
            product(name, price)
            for (where, name), price in self.prices.items()
            if where == region and name in names
        ]
        return paged("PriceList", products, asked)

    def list_service_quotas(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["ServiceCode"] == "ec2"
        quotas = [
            {"QuotaCode": code, "QuotaName": self.names[code], "Value": limit, "Unit": "None"}
            for code, limit in self.limits.items()
        ]
        return paged("Quotas", quotas, asked)

    def simulate(self, form: dict[str, list[str]]) -> str:
        actions = [value for key, (value,) in form.items() if key.startswith("ActionNames.")]
        return SIMULATION.format(
            "".join(
                DECISION.format(action, "implicitDeny" if action in self.denied else "allowed")
                for action in actions
            )
        )


def product(name: str, price: float) -> str:
    """Return what the Price List says of an instance type, as it is: JSON within JSON."""
    dimension = {"unit": "Hrs", "pricePerUnit": {"USD": f"{price:.10f}"}}
    return json.dumps(
        {
            "product": {
                "productFamily": "Compute Instance",
                "attributes": {"instanceType": name, "operatingSystem": "Linux"},
                "sku": f"SKU{name}",
            },
            "serviceCode": "AmazonEC2",
            "terms": {"OnDemand": {"SKU.JRTC": {"priceDimensions": {"SKU.JRTC.6YS6": dimension}}}},
        }
    )


def paged(key: str, items: list[Any], asked: dict[str, Any]) -> dict[str, Any]:
    start = int(asked.get("NextToken") or 0)
    answer: dict[str, Any] = {key: items[start : start + PAGE]}
    if start + PAGE < len(items):
        answer["NextToken"] = str(start + PAGE)
    return answer


class Handler(BaseHTTPRequestHandler):
    server: Lists

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        target = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        if target:
            self._json(target, json.loads(body))
        else:
            self._query(parse_qs(body))

    def _json(self, operation: str, asked: dict[str, Any]) -> None:
        self.server.asked.append(operation)
        if operation in self.server.refused:
            code, message = self.server.refused[operation]
            self._answer(400, json.dumps({"__type": code, "message": message}))
            return
        answers = {
            "GetProducts": self.server.get_products,
            "ListServiceQuotas": self.server.list_service_quotas,
        }
        self._answer(200, json.dumps(answers[operation](asked)))

    def _query(self, form: dict[str, list[str]]) -> None:
        (operation,) = form["Action"]
        self.server.asked.append(operation)
        if operation in self.server.refused:
            self._answer(403, ERROR.format(*self.server.refused[operation]))
        else:
            assert operation == "SimulatePrincipalPolicy"
            self._answer(200, self.server.simulate(form))

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Lists]:
    server = Lists()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
