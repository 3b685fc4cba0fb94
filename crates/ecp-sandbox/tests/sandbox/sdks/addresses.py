"""Prints the address that the SDK makes of each case, a line of JSON each."""

import datetime
import json
import sys

from payment_page_sdk.gate import Gate
from payment_page_sdk.payment import Payment

key, host = sys.argv[1:]
gate = Gate(key, host + "/payment")
for line in sys.stdin:
    values = json.loads(line)
    payment = Payment(values.pop("project_id"))
    for name, value in values.items():
        if name == "best_before":
            value = datetime.datetime.fromisoformat(value)
        setattr(payment, name, value)
    print(gate.get_purchase_payment_page_url(payment))
