#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""AWS's own Python library signs our captured requests once more, and its model of CloudWatch Logs reads them.
usage: sign_again.py PROGRAM      PROGRAM is the tests' own, which prints requests as it makes them, and as a service heard them

Without Debian's python3-botocore it says that it was skipped; with KEDGE_BOTOCORE=required it fails then."""
import base64
import gzip
import json
import os
import subprocess
import sys
from urllib.parse import urlsplit

DEBIAN = "/usr/bin/python3"
try:
    import botocore
    from botocore import auth, awsrequest, credentials, loaders, model, validate
except ModuleNotFoundError as missing:
    if os.path.realpath(sys.executable) != os.path.realpath(DEBIAN) and os.path.exists(DEBIAN):
        os.execv(DEBIAN, [DEBIAN] + sys.argv)  # another Python comes first in PATH; Debian's packages are for Debian's
    print(f"skipped: {missing}; apt install python3-botocore")
    sys.exit(1 if os.environ.get("KEDGE_BOTOCORE") == "required" else 0)

ADDED = {"authorization", "x-amz-date", "x-amz-security-token"}
OF_THE_CLIENT = {"host", "content-length"}  # which it adds below the signature


def signature_of(request):
    """What botocore would send as Authorization, at the time that we signed."""
    fields = [(h["name"], h["value"]) for h in request["headers"]]
    ours = {name.lower(): value for name, value in fields if name.lower() in ADDED}
    theirs = awsrequest.AWSRequest(request["method"], request["url"], data=base64.b64decode(request["body"]))
    for name, value in fields:
        if name.lower() not in ADDED | OF_THE_CLIENT:
            theirs.headers.add_header(name, value)
    if "[" in request["url"]:  # older versions leave the brackets of an IPv6 address out
        theirs.headers["Host"] = urlsplit(request["url"]).netloc
    scope = ours["authorization"].split("Credential=")[1].split(",")[0].split("/")
    keys = credentials.Credentials(scope[0], request["secret_key"], ours.get("x-amz-security-token"))
    signer = auth.SigV4Auth(keys, scope[3], scope[2])
    # add_auth takes the time from the clock; these are its steps
    theirs.context["timestamp"] = ours["x-amz-date"]
    signer._modify_request_before_signing(theirs)
    canonical = signer.canonical_request(theirs)
    signer._inject_signature_to_request(theirs, signer.signature(signer.string_to_sign(theirs, canonical), theirs))
    return ours["authorization"], theirs.headers["Authorization"], canonical


def model_says(request):
    """What botocore's model of the service finds wrong with the body of a request that has a target."""
    fields = {h["name"].lower(): h["value"] for h in request["headers"]}
    if "x-amz-target" not in fields:
        return None
    body = base64.b64decode(request["body"])
    if fields.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    service = model.ServiceModel(loaders.Loader().load_service_model("logs", "service-2"))
    prefix, operation = fields["x-amz-target"].split(".")
    if prefix != service.metadata["targetPrefix"]:
        return f"target {prefix}"
    if fields["content-type"] != "application/x-amz-json-" + service.metadata["jsonVersion"]:
        return f"content type {fields['content-type']}"
    found = validate.ParamValidator().validate(json.loads(body), service.operation_model(operation).input_shape)
    return found.generate_report() or None


def main():
    said = subprocess.run([sys.argv[1], "[.captured]"], capture_output=True, text=True, check=True).stdout
    requests = [json.loads(line.split(" ", 1)[1]) for line in said.splitlines() if line.startswith("captured ")]
    wrong = 0
    for request in requests:
        ours, theirs, canonical = signature_of(request)
        problem = model_says(request)
        if ours != theirs:
            problem = f"\n  kedge    {ours}\n  botocore {theirs}\n  of\n{canonical}"
        if problem:
            wrong += 1
            print(f"{request['name']}: {problem}")
    if not requests:
        print(f"{sys.argv[1]} printed no request")
    else:
        print(f"botocore {botocore.__version__} agrees with {len(requests) - wrong} of {len(requests)} requests")
    return 1 if wrong or not requests else 0


sys.exit(main())
