"""Two directories that a bank might run: an OpenID provider on a port of this machine, and a SAML identity provider."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from zlib import decompress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwk, jwt
from onelogin.saml2.utils import OneLogin_Saml2_Utils

SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
DIGEST = "http://www.w3.org/2001/04/xmlenc#sha256"


class OpenIdProvider:
    """Answers with the claims of the test; `lies` replace members of the ID token or of the configuration.

    The code it gives out is the nonce it was asked with, so it need not remember any.
    """

    client_id, secret = "concord-at-harbour", "the secret of the client"

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self.key = jwk.RSAKey.generate_key(2048, {"kid": "one", "alg": "RS256", "use": "sig"})
        self.signs_with = self.key
        self.header: dict[str, str] = {"alg": "RS256", "kid": "one"}
        self.claims: dict[str, object] = {"sub": "4711", "email": "ada@harbour.example", "email_verified": True}
        self.configuration_lies: dict[str, object] = {}
        self.userinfo: dict[str, object] = {}
        self.asked: list[dict[str, list[str]]] = []
        self.raw_token = ""

    def configuration(self) -> dict[str, object]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            **self.configuration_lies,
        }

    def id_token(self, nonce: str) -> str:
        if self.raw_token:
            return self.raw_token
        now = int(time.time())
        standard = {"iss": self.issuer, "aud": self.client_id, "iat": now, "exp": now + 300, "nonce": nonce}
        return jwt.encode(self.header, {**standard, **self.claims}, self.signs_with)

    def answer(self, path: str, form: dict[str, list[str]]) -> dict[str, object]:
        if path == "/.well-known/openid-configuration":
            return self.configuration()
        if path == "/jwks":
            return {"keys": [self.key.as_dict(private=False)]}
        if path == "/userinfo":
            return self.userinfo
        self.asked.append(form)
        return {
            "access_token": secrets.token_hex(8),
            "token_type": "Bearer",
            "id_token": self.id_token(form["code"][0]),
        }


@contextmanager
def openid_provider():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path.startswith("/authorize?"):
                asked = parse_qs(urlsplit(self.path).query)
                self.send_response(302)
                self.send_header(
                    "Location", f"{asked['redirect_uri'][0]}?state={asked['state'][0]}&code={asked['nonce'][0]}"
                )
                self.end_headers()
                return
            self._answer({})

        def do_POST(self):
            self._answer(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))

        def _answer(self, form):
            body = json.dumps(provider.answer(urlsplit(self.path).path, form)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = OpenIdProvider(server.server_port)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield provider
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def identity_provider_page(idp: IdentityProvider, acs: str, **told: str):
    """The identity provider's page on a port of this machine: it posts its response as soon as it is asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            response = encoded(idp.response(request_id_of(self.path), acs, **told))
            body = f"""<form method="post" action="{acs}"><input name="SAMLResponse" value="{response}"></form>
<script>document.forms[0].submit()</script>""".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/sso"
    server.shutdown()
    thread.join()
    server.server_close()


class IdentityProvider:
    """Signs SAML responses; what a test changes is an attribute or an argument."""

    entity_id, sso_url = "https://idp.harbour.example/metadata", "https://idp.harbour.example/sso"

    def __init__(self) -> None:
        key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "idp.harbour.example")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .sign(key, hashes.SHA256())
        )
        self.private_pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        ).decode()
        self.certificate_pem = certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def metadata(self) -> str:
        lines = "".join(self.certificate_pem.splitlines()[1:-1])
        return f"""<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{self.entity_id}">
<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data>
<X509Certificate>{lines}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>
<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{self.sso_url}"/>
</IDPSSODescriptor></EntityDescriptor>"""

    def response(
        self, request_id: str, acs: str, *, email: str, audience: str, sign: bool = True, **changes: str
    ) -> str:
        """A response to a request, with a signed assertion."""
        now, later = _instant(0), _instant(300)
        issuer = changes.get("issuer", self.entity_id)
        assertion = f"""<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a{secrets.token_hex(8)}" Version="2.0" IssueInstant="{now}"><saml:Issuer>{issuer}</saml:Issuer><saml:Subject><saml:NameID Format="{changes.get("format", EMAIL)}">{changes.get("named", email)}</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="{changes.get("until", later)}" Recipient="{acs}" InResponseTo="{request_id}"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="{_instant(-60)}" NotOnOrAfter="{changes.get("until", later)}"><saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="{now}" SessionIndex="_s"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>{_attribute(email) if "named" in changes else ""}</saml:Assertion>"""
        if sign:
            signed = OneLogin_Saml2_Utils.add_sign(
                assertion, self.private_pem, self.certificate_pem, False, SHA256, DIGEST
            )
            assertion = signed.decode() if isinstance(signed, bytes) else signed
        return f"""<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_r{secrets.token_hex(8)}" Version="2.0" IssueInstant="{now}" Destination="{acs}" InResponseTo="{request_id}"><saml:Issuer>{issuer}</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>{assertion}</samlp:Response>"""


def _attribute(email: str) -> str:
    return f"""<saml:AttributeStatement><saml:Attribute Name="urn:oid:0.9.2342.19200300.100.1.3"><saml:AttributeValue>{email}</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>"""


def request_id_of(address: str) -> str:
    """The id of the request in the address that the browser is led to."""
    packed = parse_qs(urlsplit(address).query)["SAMLRequest"][0]
    text = decompress(base64.b64decode(packed), -15).decode()
    return text.partition('ID="')[2].partition('"')[0]


def encoded(response: str) -> str:
    return base64.b64encode(response.encode()).decode()


def _instant(seconds: int) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
