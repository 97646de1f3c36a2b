"""Obstacles between this machine and a service: each has a message of its own with the fix."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from builds import Site, page
from cli_rig import Shell
from gateway import Reply, gateway
from local_http import Quiet, serve_http
from ports import reserved_port
from services import API_KEYS

from mkdocs_leonardo.providers import BUILT_IN
from mkdocs_leonardo.providers.network import wrong_key

PLAIN = {**API_KEYS, "SSL_CERT_FILE": "", "SSL_CERT_DIR": "", "REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": ""}
PLAIN |= {name: "" for each in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY") for name in (each, each.lower())}


@dataclass(frozen=True)
class Locked:
    """A service whose certificate only its own file certifies."""

    url: str
    certificate: Path


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    """OpenAI's list of models over TLS, with a self-signed certificate."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificate")
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)

    class Models(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'\xef\xbb\xbf{"data": [{"id": "gpt-image-2"}]}')

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serve_http(Models, context) as url:
        yield Locked(f"{url}/v1", certificate)


def shell(folder: Path, **options: object) -> Shell:
    """A site with one hero and the providers OpenAI and Gemini besides Leonardo."""
    site = Site(
        folder, {"index.md": page("Home", hero_prompt="a harbour")}, options={"on_missing": "ignore", **options}
    )
    return Shell(site, environ=PLAIN)


def doctor_lines(shell: Shell, environ: dict[str, str]) -> dict[str, str]:
    """The lines of `doctor` by subject."""
    return {one["subject"]: one["text"] for one in shell("doctor", "--json", environ=environ).json["findings"]}


def test_doctor_tells_certificate_name_and_port_apart(tmp_path: Path, locked: Locked) -> None:
    """`doctor` has different messages and fixes for a bad certificate, an unknown name and a closed port."""
    with reserved_port() as port:
        asked = shell(
            tmp_path,
            providers=["leonardo", "openai", "gemini"],
            leonardo={"base_url": f"https://127.0.0.1:{port}/api/rest/v1"},
            openai={"base_url": locked.url},
            gemini={"base_url": "https://nowhere.invalid/v1beta"},
        )
        said = doctor_lines(asked, {})

    assert f"port {port} refuses connections; check base_url" in said["leonardo"]
    assert "the certificate of 127.0.0.1 is not trusted here (self-signed certificate)" in said["openai"]
    assert "SSL_CERT_FILE" in said["openai"]
    assert "DNS has no address for nowhere.invalid" in said["gemini"]


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_doctor_trusts_the_certificates_that_the_environment_names(
    tmp_path: Path, locked: Locked, variable: str
) -> None:
    """`doctor` trusts the certificates of either variable, and reads an answer with a byte order mark."""
    asked = shell(tmp_path, providers=["openai"], openai={"base_url": locked.url})

    assert "is set and accepted" in doctor_lines(asked, {variable: str(locked.certificate)})["openai"]


@pytest.mark.parametrize(
    ("variable", "content"),
    [("SSL_CERT_FILE", None), ("REQUESTS_CA_BUNDLE", "no certificate")],
    ids=["missing", "wrong"],
)
def test_certificates_that_cannot_be_read_are_a_message_everywhere(
    tmp_path: Path, variable: str, content: str | None
) -> None:
    """`doctor`, `balance` and a build name variable, path and reason of unreadable certificates."""
    path = tmp_path / "company.pem"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    reason = "does not exist" if content is None else "holds no certificates in PEM form"
    asked = shell(tmp_path / "site")
    environ = {variable: str(path)}

    doctor, balance = asked("doctor", environ=environ), asked("balance", environ=environ)
    built = asked.site.build(environ={**PLAIN, **environ})

    assert (doctor.exit_code, balance.exit_code, built.exit_code) == (1, 1, 0)
    for text in (doctor.out, balance.out, built.log):
        assert f"the certificates that {variable} names cannot be used: {path} {reason}" in text
    assert not built.has_traceback
    assert built.sources == {"index.md": "local"}


def test_proxy_that_wants_a_password_is_reported_with_the_fix(tmp_path: Path) -> None:
    """The message about a 407 names the proxy's variable, and no message contains the proxy's password."""
    with gateway() as proxy:
        proxy.default = Reply(b"", 407)
        address = proxy.url.replace("http://", "http://user:hunter2@")
        ran = shell(tmp_path, providers=["openai"])("doctor", environ={"https_proxy": address})

    assert "the proxy refuses this machine (407); write its user name and password into HTTPS_PROXY" in ran.out
    assert "hunter2" not in ran.out + ran.err


def test_doctor_and_balance_tell_a_firewall_from_a_wrong_key(tmp_path: Path) -> None:
    """`doctor` and `balance` report Cloudflare's page as a firewall and not as a wrong key, for every service."""
    with gateway() as gate:
        gate.default = Reply(b"<html>Just a moment... cloudflare</html>", 403, {"content-type": "text/html"})
        urls = {name: {"base_url": f"{gate.url}/v1"} for name in BUILT_IN}
        asked = shell(tmp_path, providers=[*urls], **urls)
        doctor, balance = asked("doctor"), asked("balance")

    assert doctor.out.count("Cloudflare in front of it refuses this machine (answered 403 with a web page)") == len(
        BUILT_IN
    )
    assert "Cloudflare in front of it" in balance.out
    assert "not accept" not in doctor.out + balance.out


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ('"{key}"', "is in quotes"),
        ("'{key}'", "is in quotes"),
        ("Bearer {key}", "begins with Bearer"),
        ("{name}={key}", "begins with the name of a variable"),
        ("export {name}={key}", "begins with the name of a variable"),
        ("${name}", "is the name of a key"),
        ("{key} {key}", "holds a space"),
    ],
)
def test_key_that_was_copied_with_more_than_itself_is_named(value: str, words: str) -> None:
    """The message about a malformed key names the mistake and no part of the key."""
    for name, key in API_KEYS.items():
        said = wrong_key(value.format(name=name, key=key), name)

        assert words in said
        assert f"put nothing but the key itself into {name}" in said
        assert key not in said


@pytest.mark.parametrize("key", [*API_KEYS.values(), "sk-abc_DEF-123", "QUJDREVGRw==", "a.b.c~d+e/f"])
def test_key_that_may_be_right_is_left_to_the_service(key: str) -> None:
    """Keys with Base64 padding, points or dashes are accepted."""
    assert wrong_key(key, "OPENAI_API_KEY") == ""


def test_key_in_quotes_reaches_no_service(tmp_path: Path) -> None:
    """`doctor` and a build report a key in quotes for each service, and do not send it."""
    environ = {name: f'"{key}"' for name, key in API_KEYS.items()}
    with gateway() as gate:
        urls = {name: {"base_url": f"{gate.url}/v1"} for name in BUILT_IN}
        asked = shell(tmp_path, providers=[*urls], **urls)
        doctor = asked("doctor", environ=environ)
        built = asked.site.build(environ={**PLAIN, **environ})
        assert gate.asked == []

    for name in API_KEYS:
        assert f"the key in {name} is in quotes" in doctor.out
        assert f"the key in {name} is in quotes" in built.log
    assert not built.has_traceback
