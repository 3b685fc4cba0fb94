"""Prints the SDK's signature of each document, a JSON text a line."""

import json
import sys

from payment_page_sdk.signature_handler import SignatureHandler

handler = SignatureHandler(sys.argv[1])
for line in sys.stdin:
    print(handler.sign(json.loads(json.loads(line))))
