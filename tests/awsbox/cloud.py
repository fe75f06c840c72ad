"""Moto, in this process, and what the box says in its place.

One seam: every call of every API goes by `answered`, which notes it, and has an answer of our own
(module `answers`) for the few that moto leaves out or knows too little for.
"""

import logging
import os
from typing import Any

from tests.awsbox import answers
from tests.awsbox.machine import REGIONS, STATE

# What a key is says who calls.
USER_KEY = "AKIAAWSBOXUSER000001"
ROLE_KEY = "ASIAAWSBOXROLE000001"
BOX_KEY = "AKIAAWSBOXPOLLER0001"
SECRET_KEY = "awsbox"
CALLERS = {USER_KEY: "user", ROLE_KEY: "role"}
CALLS = STATE / "calls"


def serve(address: str) -> str:
    """Start moto with our answers, and return its endpoint."""
    # Without these an attachment of one of AWS's own policies fails.
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    from moto.core.responses import BaseResponse
    from moto.server import ThreadedMotoServer

    BaseResponse.call_action = _seam(BaseResponse.call_action)
    server = ThreadedMotoServer(address, port=0, verbose=False)
    server.start()
    return "http://{}:{}".format(*server.get_host_and_port())


def _seam(motos: Any) -> Any:
    from moto.core.exceptions import ServiceException
    from moto.core.responses import ActionResult

    def answered(response: Any) -> Any:
        call = f"{response.service_name}:{response._get_action()}"
        if response.access_key != BOX_KEY:
            _note(response, call)
        try:
            if response.access_key != BOX_KEY:
                answers.check_permission(call)
            answer = answers.OURS.get(call, answers.none)(response)
        except ServiceException as error:
            answer = error
        if answer is None:
            return motos(response)
        return response.serialized(ActionResult(answer))

    return answered


def _note(response: Any, call: str) -> None:
    if response.service_name == "ec2":
        # The box looks for instances only where somebody has been.
        (REGIONS / response.region).touch()
    with open(CALLS, "a") as file:
        file.write(f"{CALLERS.get(response.access_key, response.access_key)} {call}\n")


def client(service: str, region: str, endpoint: str) -> Any:
    """Return a client whose calls are not noted."""
    import boto3

    return boto3.client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=BOX_KEY,
        aws_secret_access_key=SECRET_KEY,
    )


def say_why(region: str, instance_id: str, code: str, message: str) -> None:
    """Have EC2 give the reason for an instance's end that AWS gives."""
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.ec2.models import ec2_backends

    instance = ec2_backends[DEFAULT_ACCOUNT_ID][region].get_instance(instance_id)
    instance._reason = code
    instance.state_reason.code = code
    instance.state_reason.message = f"{code}: {message}"
