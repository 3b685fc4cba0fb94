"""Says of each callback, a JSON text a line, whether the SDK takes it."""

import json
import sys

from payment_page_sdk.gate import Gate

gate = Gate(sys.argv[1])
for line in sys.stdin:
    try:
        gate.handle_callback(json.loads(line))
        print("genuine")
    except Exception as error:
        print(type(error).__name__)
