"""An SMTP server for tests, over aiosmtpd. Prints its port, then a line of JSON for each mail.

The argument is a JSON object:
  user, password    demands a login
  certificate, key  names of files for TLS
  tls               "implicit" or "starttls"

Recipients say what becomes of their mail:
  refused@..        is refused for good
  later-2@..        is refused for now, two times
  hang-up-2@..      is cut off in DATA, two times
"""

import asyncio
import base64
import collections
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

WANTED = json.loads(sys.argv[1])
TIMES = collections.Counter()


def strikes(address, name):
    user = address.split("@")[0]
    if not user.startswith(name + "-"):
        return False
    TIMES[address] += 1
    return TIMES[address] <= int(user.rsplit("-", 1)[1])


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused@"):
            return f"550 5.1.1 <{address}>: Recipient address rejected: User unknown"
        if strikes(address, "later"):
            return "451 4.7.1 Greylisted, please try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if strikes(envelope.rcpt_tos[0], "hang-up"):
            server.transport.abort()
            return "421 never sent"
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = [part for part in message.walk() if not part.is_multipart()]
        text = message.get_body(("plain",))
        files = [
            {
                "name": part.get_filename(),
                "type": part.get_content_type(),
                "bytes": base64.b64encode(part.get_payload(decode=True)).decode(),
            }
            for part in parts
            if part.get_content_disposition() == "attachment"
        ]
        mail = {
            "tls": server.transport.get_extra_info("sslcontext") is not None,
            "login": session.authenticated,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": {name: str(value) for name, value in message.items()},
            "text": text.get_content(),
            "files": files,
        }
        print(json.dumps(mail), flush=True)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    right = (WANTED["user"].encode(), WANTED["password"].encode())
    return AuthResult(success=(data.login, data.password) == right, handled=False)


async def serve():
    context = None
    if "certificate" in WANTED:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(WANTED["certificate"], WANTED["key"])
    starttls = WANTED.get("tls") == "starttls"
    login = "user" in WANTED

    def protocol():
        return SMTP(
            Handler(),
            tls_context=context if starttls else None,
            require_starttls=starttls,
            authenticator=authenticate if login else None,
            auth_required=login,
            auth_require_tls=starttls,
            auth_exclude_mechanism=[] if login else ["LOGIN", "PLAIN"],
        )

    loop = asyncio.get_running_loop()
    implicit = context if WANTED.get("tls") == "implicit" else None
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=implicit)
    print(server.sockets[0].getsockname()[1], flush=True)
    # The test ends the server by closing its input.
    await loop.run_in_executor(None, sys.stdin.read)


try:
    asyncio.run(serve())
finally:
    sys.stdout.flush()
