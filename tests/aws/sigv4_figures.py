#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Prints the signatures that sigv4.cpp expects: the algorithm once more, from the specification alone, for requests whose
canonical form is written out by hand.   usage: sigv4_figures.py"""
import hashlib
import hmac

TOKEN = "FwoGZXIvYXdzEXAMPLE//token+with/all=="
BODY = '{"logGroupName":"shop","logStreamName":"a","logEvents":[{"timestamp":1761492406000,"message":"[ERROR] \u00e4"}]}'
TARGET = "x-amz-target:Logs_20140328.PutLogEvents\n"
JSON = "content-type:application/x-amz-json-1.1\n"

# name, secret key, time, method, path, query, header lines, body
FIGURES = [
    ("put", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20251026T152646Z", "POST", "/", "",
     JSON + "host:logs.eu-central-1.amazonaws.com\nx-amz-date:20251026T152646Z\n" + TARGET, BODY),
    ("role", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20251026T152646Z", "POST", "/", "",
     JSON + "host:logs.eu-central-1.amazonaws.com\nx-amz-date:20251026T152646Z\nx-amz-security-token:" + TOKEN + "\n" + TARGET, BODY),
    ("proxy", "short", "20251026T152646Z", "POST", "/logs/a%2520b", "",
     "host:[::1]:4566\nx-amz-date:20251026T152646Z\n", "{}"),
    ("query", "short", "20251026T152646Z", "GET", "/", "a=1&a=2&a%20c=&a-b=1&a.b=~",
     "host:127.0.0.1:8080\nx-amz-date:20251026T152646Z\nx-list:1,2 3\n", ""),
    ("next day", "short", "20251027T000000Z", "GET", "/", "", "host:127.0.0.1:8080\nx-amz-date:20251027T000000Z\n", ""),
    ("rotated", "other", "20251027T000000Z", "GET", "/", "", "host:127.0.0.1:8080\nx-amz-date:20251027T000000Z\n", ""),
]


def sha256(data):
    return hashlib.sha256(data.encode()).hexdigest()


for name, secret, time, method, path, query, headers, body in FIGURES:
    names = ";".join(line.split(":")[0] for line in headers.splitlines())
    canonical = "\n".join([method, path, query, headers, names, sha256(body)])
    scope = [time[:8], "eu-central-1", "logs", "aws4_request"]
    text = "\n".join(["AWS4-HMAC-SHA256", time, "/".join(scope), sha256(canonical)])
    key = ("AWS4" + secret).encode()
    for part in scope:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    print(f"{name:10}{hmac.new(key, text.encode(), hashlib.sha256).hexdigest()}  {names}")
