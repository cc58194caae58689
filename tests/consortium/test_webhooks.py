"""Webhooks: signed, sent once committed, tried for three days, never to a machine behind our own wall."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from django.db import transaction
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from consortium.audit.models import Entry
from consortium.errors import Forbidden, Refused
from consortium.institutions.states import InstitutionState
from consortium.notifications import delivering, keeping, outside, rules, tasks, webhooks
from consortium.notifications.models import Attempt, Delivery, Endpoint, EventType, Message, Notice

pytestmark = pytest.mark.django_db
PAGE = Path(__file__).resolve().parents[2] / "docs" / "contracts" / "webhooks.md"
PUBLIC = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 443))]
PRIVATE = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7", 443))]


class Receiver:
    """A member's own system on this machine: keeps what it is sent and answers as told."""

    def __init__(self):
        self.requests, self.answers = [], []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                receiver.requests.append((self.path, dict(self.headers.items()), body))
                status, headers, answer = receiver.answers.pop(0) if receiver.answers else (204, {}, b"")
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args):
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook?tenant=7"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Nothing(httpx.AsyncByteStream):
    async def __aiter__(self):
        for chunk in ():
            yield chunk


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture
def here(settings):
    settings.CONCORD_WEBHOOKS_TO_LOCALHOST = True


@pytest.fixture
def resolving(monkeypatch):
    """What names resolve to, in turn; the last one stays."""

    def resolve_to(*answers):
        waiting = list(answers)

        def getaddrinfo(*args, **kwargs):
            return waiting.pop(0) if len(waiting) > 1 else waiting[0]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return resolve_to


@pytest.fixture
def made(harbour, dora, receiver, here):
    return webhooks.add(harbour.institution, receiver.url, ["round.opened"], by=dora)


def emit(institution, once="", type=EventType.ROUND_OPENED):
    webhooks.emit(type, [institution.pk], {"round": "delinquency-2026-10"}, once=once)


def due(delivery, **fields):
    Delivery.objects.filter(pk=delivery.pk).update(next_at=timezone.now(), **fields)
    delivery.refresh_from_db()
    return delivery


# what arrives


def test_a_message_is_signed_and_verifies_with_the_secret(made, receiver, harbour):
    emit(harbour.institution)

    assert delivering.deliver_due() == 1

    ((path, headers, body),) = receiver.requests
    assert path == "/hook?tenant=7"
    document = Webhook(made.secret).verify(body, headers)
    assert document["type"] == "round.opened"
    assert document["data"] == {"round": "delinquency-2026-10"}
    assert headers["webhook-id"].startswith("msg_")
    with pytest.raises(WebhookVerificationError):
        Webhook(made.secret).verify(body.replace("10", "11"), headers)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 32).verify(body, headers)


def test_the_log_says_when_how_long_and_what_came_back(made, receiver, harbour):
    receiver.answers = [(500, {}, b"<script>" + b"x" * 5000)]
    emit(harbour.institution)

    delivering.deliver_due()

    attempt = Attempt.objects.get()
    assert (attempt.status, attempt.problem, len(attempt.body)) == (500, "", 1024)
    assert attempt.milliseconds < 15_000


def test_what_was_not_asked_for_is_not_sent(made, harbour, outsiders_bank):
    emit(harbour.institution, type=EventType.RELEASE_PUBLISHED)
    emit(outsiders_bank.institution)

    assert not Delivery.objects.exists()
    assert not Message.objects.exists()


def test_the_same_event_is_one_message_whoever_tells_it_again(made, harbour, receiver):
    for _ in range(3):
        emit(harbour.institution, once="opened:1")
        delivering.deliver_due()

    assert len(receiver.requests) == 1


def test_nothing_leaves_of_a_transaction_that_fails(made, harbour):
    def fail():
        with transaction.atomic():
            emit(harbour.institution)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert delivering.deliver_due() == 0


def test_a_suspended_institution_is_told_nothing(made, harbour, receiver):
    emit(harbour.institution)
    harbour.institution.state = InstitutionState.SUSPENDED
    harbour.institution.save()
    emit(harbour.institution)

    assert delivering.deliver_due() == 0

    assert receiver.requests == []
    assert Delivery.objects.get().state == "failed"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")
@pytest.mark.parametrize(("change", "says"), [("", "genuine"), (" ", "forged")])
def test_the_shell_of_the_contract_page_verifies_a_message(made, receiver, harbour, dora, tmp_path, change, says):
    webhooks.rotate(made.endpoint, by=dora)  # and so there are two signatures
    emit(harbour.institution)
    delivering.deliver_due()
    _path, headers, body = receiver.requests[0]
    (tmp_path / "body.json").write_text(body + change)
    script = re.search(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)[1]
    given = {name: headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature")}

    done = subprocess.run(
        ["sh", "-c", script],
        cwd=tmp_path,
        env={**os.environ, **given, "SECRET": made.secret},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.strip() == says, done.stderr


def test_the_contract_page_names_every_event():
    page = PAGE.read_text()

    assert [type for type in [*EventType.values, "webhook.test"] if f"`{type}`" not in page] == []


# secrets


def test_for_a_day_messages_are_signed_with_both_secrets(made, receiver, harbour, dora):
    newer = webhooks.rotate(made.endpoint, by=dora)
    emit(harbour.institution)

    delivering.deliver_due()

    _path, headers, body = receiver.requests[0]
    assert len(headers["webhook-signature"].split()) == 2
    Webhook(made.secret).verify(body, headers)
    Webhook(newer.secret).verify(body, headers)


def test_after_a_day_only_the_new_secret_signs(made, receiver, harbour, dora):
    newer = webhooks.rotate(made.endpoint, by=dora)
    Endpoint.objects.update(former_until=timezone.now() - timedelta(seconds=1))
    emit(harbour.institution)

    delivering.deliver_due()

    _path, headers, body = receiver.requests[0]
    Webhook(newer.secret).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(made.secret).verify(body, headers)


def test_the_database_holds_no_secret_as_it_is(made):
    stored = Endpoint.objects.values_list("secret", flat=True).get()

    assert made.secret not in stored
    assert made.secret.removeprefix("whsec_") not in stored
    assert "whsec_" not in repr(made)


def test_the_audit_trail_holds_neither_secret_nor_query(made):
    entry = Entry.objects.get(event="webhook.added")

    assert entry.about == "127.0.0.1"
    assert "tenant" not in json.dumps([entry.about, entry.details])


# trying again


def test_a_failure_is_tried_again_with_the_same_id(made, receiver, harbour):
    receiver.answers = [(503, {}, b""), (204, {}, b"")]
    emit(harbour.institution)
    delivering.deliver_due()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts) == ("waiting", 1)
    assert delivering.deliver_due() == 0  # not yet

    due(delivery)
    delivering.deliver_due()

    first, second = receiver.requests
    assert first[1]["webhook-id"] == second[1]["webhook-id"]
    assert first[2] == second[2]
    delivery.refresh_from_db()
    assert delivery.state == "delivered"


def test_the_waits_grow_over_three_days_and_end(made, receiver, harbour):
    assert timedelta(days=3) < sum((timedelta(seconds=wait) for wait in delivering.WAITS), timedelta()) < timedelta(4)
    receiver.answers = [(500, {}, b"")]
    emit(harbour.institution)

    due(Delivery.objects.get(), attempts=len(delivering.WAITS))
    delivering.deliver_due()

    assert Delivery.objects.get().state == "failed"


def test_the_receiver_may_ask_for_more_time_but_not_for_years(made, receiver, harbour):
    receiver.answers = [(429, {"retry-after": "3600"}, b""), (429, {"retry-after": "9" * 12}, b"")]
    emit(harbour.institution)
    delivering.deliver_due()
    delivery = Delivery.objects.get()
    assert timedelta(minutes=59) < delivery.next_at - timezone.now() <= timedelta(minutes=60)

    due(delivery)
    delivering.deliver_due()

    delivery.refresh_from_db()
    assert delivery.next_at - timezone.now() <= timedelta(days=1)


def test_a_killed_workers_message_is_sent_by_the_next(made, harbour, receiver):
    emit(harbour.institution)
    (claimed,) = delivering._claim()  # and here the worker dies

    assert delivering.deliver_due() == 0
    due(claimed)
    assert delivering.deliver_due() == 1
    assert len(receiver.requests) == 1


def test_nobody_listening_is_a_problem_in_the_log(made, receiver, harbour):
    receiver.server.shutdown()
    receiver.server.server_close()
    emit(harbour.institution)

    delivering.deliver_due()

    assert Attempt.objects.get().problem == "no-connection"


def test_a_receiver_that_never_answers_is_given_up(made, harbour, monkeypatch):
    silent = socket.create_server(("127.0.0.1", 0))
    Endpoint.objects.update(url=f"http://127.0.0.1:{silent.getsockname()[1]}/")
    monkeypatch.setattr(outside, "SECONDS", 0.3)
    emit(harbour.institution)

    delivering.deliver_due()

    assert Attempt.objects.get().problem == "timeout"
    silent.close()


def test_what_nobody_foresaw_at_one_address_stops_no_other(made, receiver, harbour, monkeypatch):
    emit(harbour.institution, once="1")
    emit(harbour.institution, once="2")
    sound, calls = outside.post, []

    async def post(*args):
        calls.append(args)
        if len(calls) == 1:
            raise RecursionError
        return await sound(*args)

    monkeypatch.setattr(outside, "post", post)

    assert delivering.deliver_due() == 2

    assert sorted(Attempt.objects.values_list("problem", flat=True)) == ["", "failed"]
    assert len(receiver.requests) == 1


def test_a_redirect_is_a_failure_and_is_not_followed(made, receiver, harbour):
    receiver.answers = [(302, {"location": receiver.url}, b"")]
    emit(harbour.institution)

    delivering.deliver_due()

    assert len(receiver.requests) == 1
    assert Attempt.objects.get().status == 302
    assert Delivery.objects.get().state == "waiting"


def test_gone_switches_off_at_once_and_administrators_are_told(made, receiver, harbour, dora, ada):
    receiver.answers = [(410, {}, b"")]
    emit(harbour.institution)

    delivering.deliver_due()

    assert Endpoint.objects.get().disabled_at is not None
    assert Delivery.objects.get().state == "failed"
    notice = Notice.objects.get()
    assert notice.person == dora
    assert "127.0.0.1" in notice.sentence
    assert Entry.objects.filter(event="webhook.switched_off").exists()


def test_days_of_failures_switch_off_and_one_success_forgives(made, receiver, harbour):
    receiver.answers = [(500, {}, b"")]
    Endpoint.objects.update(failing_since=timezone.now() - delivering.DISABLED_AFTER + timedelta(hours=1))
    emit(harbour.institution)
    delivering.deliver_due()
    assert Endpoint.objects.get().is_active

    due(Delivery.objects.get())
    delivering.deliver_due()
    assert Endpoint.objects.get().failing_since is None

    receiver.answers = [(500, {}, b"")]
    Endpoint.objects.update(failing_since=timezone.now() - delivering.DISABLED_AFTER)
    emit(harbour.institution)
    delivering.deliver_due()
    assert not Endpoint.objects.get().is_active


def test_hundreds_leave_side_by_side(made, receiver, harbour):
    for number in range(120):
        emit(harbour.institution, once=str(number))

    assert [delivering.deliver_due() for _ in range(4)] == [50, 50, 20, 0]
    assert len(receiver.requests) == 120


def test_a_removed_webhook_gets_nothing_that_was_waiting(made, harbour, dora, receiver):
    emit(harbour.institution)
    webhooks.remove(made.endpoint, by=dora)

    assert delivering.deliver_due() == 0
    assert receiver.requests == []


def test_the_task_goes_on_until_nothing_is_due(made, receiver, harbour, at_once):
    for number in range(60):
        emit(harbour.institution, once=str(number))

    tasks.deliver_webhooks()

    assert len(receiver.requests) == 60


def test_messages_are_forgotten_after_a_month_unless_they_still_wait(made, harbour):
    emit(harbour.institution)
    emit(harbour.institution)
    Message.objects.update(at=timezone.now() - timedelta(days=31))
    Delivery.objects.filter(pk=Delivery.objects.first().pk).update(state="delivered")

    keeping.tidy()

    assert Message.objects.count() == 1


# where to


@pytest.mark.parametrize(
    "address",
    [
        "https://10.0.0.1/", "https://192.168.1.1/", "https://172.16.0.1/", "https://127.0.0.1/", "https://[::1]/",
        "https://169.254.169.254/latest/meta-data/", "https://100.64.0.1/", "https://0.0.0.0/", "https://[fe80::1]/",
        "https://[fc00::1]/", "https://[::ffff:10.0.0.1]/", "https://[64:ff9b::a00:1]/", "https://[2002:a00:1::]/",
        "https://224.0.0.1/", "https://255.255.255.255/", "https://localhost/", "https://intranet/",
        "https://[::]/", "https://[fec0::1]/", "https://198.18.0.1/", "https://2130706433/",
    ],
)  # fmt: skip
def test_no_address_behind_a_wall_is_taken(address):
    with pytest.raises(Refused, match="private or local"):
        outside.check_address(address)


@pytest.mark.parametrize(
    "address",
    ["http://example.org/", "ftp://example.org/", "https://", "example.org", "https://a:b@example.org/",
     "https://example.org/#x", "https://exa mple.org/", "javascript:alert(1)", "https://example.org:99999/",
     "https://example.org/\n", "", "https://\x00example.org/", "file:///etc/passwd"],
)  # fmt: skip
def test_what_is_no_https_address_is_refused(address):
    with pytest.raises(Refused):
        outside.check_address(address)


@pytest.mark.parametrize("found", [PRIVATE, [*PUBLIC, *PRIVATE], []])
def test_a_name_is_judged_by_every_address_it_has(resolving, found):
    resolving(found)

    with pytest.raises(Refused):
        outside.check_resolves(outside.check_address("https://hooks.bank.example/"))


def test_a_name_that_cannot_be_resolved_is_refused():
    with pytest.raises(Refused, match="cannot be resolved"):
        outside.check_resolves(outside.check_address("https://nobody.invalid/"))


def test_a_name_that_turns_private_after_it_was_registered_is_not_called(resolving, harbour, dora):
    resolving(PUBLIC, PRIVATE)
    webhooks.add(harbour.institution, "https://hooks.bank.example/", ["round.opened"], by=dora)
    emit(harbour.institution)

    delivering.deliver_due()

    assert Attempt.objects.get().problem == "private-address"


def test_the_connection_goes_to_the_judged_address_with_the_names_certificate(resolving, harbour, dora, monkeypatch):
    resolving(PUBLIC)
    webhooks.add(harbour.institution, "https://hooks.bank.example:8443/in", ["round.opened"], by=dora)
    seen = []

    async def answer(request):
        seen.append((str(request.url), request.headers["host"], request.extensions["sni_hostname"]))
        return httpx.Response(204, stream=Nothing())

    monkeypatch.setattr(outside, "new_client", lambda: httpx.AsyncClient(transport=httpx.MockTransport(answer)))
    emit(harbour.institution)

    delivering.deliver_due()

    assert seen == [("https://93.184.215.14:8443/in", "hooks.bank.example:8443", "hooks.bank.example")]


def test_this_machine_is_called_only_where_the_setting_says_so(receiver, harbour, dora):
    with pytest.raises(Refused, match="https only"):
        webhooks.add(harbour.institution, receiver.url, ["round.opened"], by=dora)


def test_even_then_only_this_machine_is(here):
    for address in ("http://10.0.0.1/", "http://example.org/", "https://10.0.0.1/"):
        with pytest.raises(Refused):
            outside.check_address(address)


# who may


def test_only_the_own_administrator_manages(made, ada, olga, carl, harbour):
    for somebody in (ada, carl, olga):
        with pytest.raises(Forbidden):
            webhooks.rotate(made.endpoint, by=somebody)
        with pytest.raises(Forbidden):
            webhooks.remove(made.endpoint, by=somebody)
        with pytest.raises(Forbidden):
            webhooks.test(made.endpoint, by=somebody)
        with pytest.raises(Forbidden):
            webhooks.change(made.endpoint, by=somebody, active=False)
        with pytest.raises(Forbidden):
            webhooks.add(harbour.institution, "https://example.org/", ["round.opened"], by=somebody)
    assert not Endpoint.objects.visible_to(olga).exists()
    assert not Endpoint.objects.visible_to(carl).exists()


def test_there_are_ten_at_most_and_one_per_address(made, harbour, dora, receiver):
    with pytest.raises(Refused, match="There is a webhook with this address"):
        webhooks.add(harbour.institution, receiver.url, ["round.opened"], by=dora)
    for number in range(rules.MOST - 1):
        webhooks.add(harbour.institution, f"{receiver.url}&n={number}", ["round.opened"], by=dora)
    with pytest.raises(Refused, match="ten webhooks at most"):
        webhooks.add(harbour.institution, f"{receiver.url}&n=more", ["round.opened"], by=dora)


@pytest.mark.parametrize(("events", "sentence"), [([], "at least one event"), (["round.exploded"], "no such event")])
def test_events_are_chosen_from_those_there_are(harbour, dora, events, sentence):
    with pytest.raises(Refused, match=sentence):
        webhooks.add(harbour.institution, "https://example.org/", events, by=dora)


def test_what_is_switched_off_sends_no_test_and_forgives_when_switched_on(made, dora):
    endpoint = webhooks.change(made.endpoint, by=dora, active=False)
    with pytest.raises(Refused, match="switched off"):
        webhooks.test(endpoint, by=dora)
    Endpoint.objects.update(failing_since=timezone.now())

    endpoint = webhooks.change(endpoint, by=dora, active=True)

    assert (endpoint.is_active, endpoint.failing_since) == (True, None)


def test_something_is_sent_once_more_but_not_while_it_is_under_way(made, dora, receiver):
    delivery = webhooks.test(made.endpoint, by=dora)
    with pytest.raises(Refused, match="still under way"):
        webhooks.redeliver(delivery, by=dora)
    delivering.deliver_due()

    webhooks.redeliver(delivery, by=dora)
    delivering.deliver_due()

    first, second = receiver.requests
    assert first[1]["webhook-id"] == second[1]["webhook-id"]
    assert json.loads(first[2])["type"] == "webhook.test"


# over the API and as pages


def test_the_api_adds_changes_tests_and_removes(client, dora, receiver, here):
    client.force_login(dora)
    answer = client.post("/api/v1/webhooks", {"url": receiver.url, "events": ["round.opened"]}, "application/json")
    assert answer.status_code == 201, answer.content
    assert answer["Cache-Control"] == "no-store"
    made = answer.json()
    address = f"/api/v1/webhooks/{made['id']}"
    assert made["secret"].startswith("whsec_")
    assert "secret" not in client.get(address).json()
    assert client.get("/api/v1/webhooks").json()["results"][0]["id"] == made["id"]
    changed = client.patch(address, {"events": ["release.published"]}, "application/json").json()
    assert changed["events"] == ["release.published"]
    assert client.post(f"{address}/test").status_code == 202
    delivering.deliver_due()
    (delivery,) = client.get(f"{address}/deliveries").json()["results"]
    assert (delivery["type"], delivery["state"], delivery["attempts"][0]["status"]) == (
        "webhook.test",
        "delivered",
        204,
    )
    assert client.post(f"{address}/deliveries/{delivery['id']}/redeliver").status_code == 202
    assert client.post(f"{address}/secret").json()["secret"] != made["secret"]
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "rule"),
    [
        ({"url": "https://10.0.0.1/", "events": ["round.opened"]}, 422, "webhook-private"),
        ({"url": "http://example.org/", "events": ["round.opened"]}, 422, "webhook-not-https"),
        ({"url": "https://example.org/", "events": ["x"]}, 400, "invalid"),
        ({"url": "https://example.org/", "events": []}, 400, "invalid"),
        ({}, 400, "invalid"),
        ({"url": "\u0000", "events": ["round.opened"]}, 400, "invalid"),
    ],
)
def test_the_api_says_what_is_wrong(client, dora, body, status, rule):
    client.force_login(dora)

    answer = client.post("/api/v1/webhooks", body, "application/json")

    assert (answer.status_code, answer.json()["rule"]) == (status, rule)


def test_the_secret_is_on_one_page_and_no_browser_keeps_it(client, dora, receiver, here):
    client.force_login(dora)

    answer = client.post("/institution/webhooks/add/", {"url": receiver.url, "events": ["round.opened"]})

    assert b"whsec_" in answer.content
    assert answer["Cache-Control"] == "no-store"
    endpoint = Endpoint.objects.get()
    assert b"whsec_" not in client.get(f"/institution/webhooks/{endpoint.pk}/").content


def test_what_a_receiver_answers_is_shown_as_text(client, dora, made, receiver):
    receiver.answers = [(500, {}, b"<script>alert(1)</script>")]
    webhooks.test(made.endpoint, by=dora)
    delivering.deliver_due()
    client.force_login(dora)

    page = client.get(f"/institution/webhooks/{made.endpoint.pk}/").content.decode()

    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page


def test_an_analyst_sees_the_webhooks_and_no_button(client, anna, made):
    client.force_login(anna)

    page = client.get(f"/institution/webhooks/{made.endpoint.pk}/").content.decode()

    assert "/test/" not in page
    assert "/secret/" not in page
    assert "Change it" not in page
