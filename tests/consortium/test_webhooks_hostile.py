"""Receivers, members and name servers that mean harm: one institution's webhooks never hold up another's."""

from __future__ import annotations

import socket
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from consortium.errors import Refused
from consortium.notifications import delivering, outside, webhooks
from consortium.notifications.models import Delivery, DeliveryState, Endpoint, EventType, Message

pytestmark = pytest.mark.django_db
PUBLIC = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 443))]


@pytest.fixture
def resolved(monkeypatch):
    """Every name is a public one; the value has what was true of the transaction at each question."""
    in_transaction = []

    def getaddrinfo(*args, **kwargs):
        in_transaction.append(len(connection.savepoint_ids))
        return PUBLIC

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return in_transaction


@pytest.fixture
def answers(monkeypatch):
    """What each host answers with; 204 unless it is told otherwise."""
    told = {}

    async def post(_client, url, _body, _headers):
        return told.get(url.split("/")[2], outside.Answer(204, "", ""))

    monkeypatch.setattr(outside, "post", post)
    return told


@pytest.fixture
def hook(resolved, harbour, dora):
    return webhooks.add(harbour.institution, "https://hooks.bank.example/in", ["round.opened"], by=dora).endpoint


def _emit(institution, once=""):
    webhooks.emit(EventType.ROUND_OPENED, [institution.pk], {"round": "delinquency-2026-10"}, once=once)


@pytest.mark.parametrize("wish", ["9" * 5000, "٣٣٣", "-5", "1e9", "0x10", "", " 7"])
def test_no_wish_of_a_receiver_breaks_the_round_for_others(hook, harbour, answers, wish):
    answers["hooks.bank.example"] = outside.Answer(503, "", wish)
    _emit(harbour.institution)

    assert delivering.deliver_due() == 1

    delivery = Delivery.objects.get()
    assert delivery.state == DeliveryState.WAITING
    assert timedelta() < delivery.next_at - timezone.now() <= timedelta(days=1)


def test_a_secret_that_cannot_be_read_stops_no_other_message(hook, harbour, dora, answers):
    webhooks.add(harbour.institution, "https://other.bank.example/in", ["round.opened"], by=dora)
    Endpoint.objects.filter(pk=hook.pk).update(secret="v1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    _emit(harbour.institution)

    assert delivering.deliver_due() == 2

    states = dict(Delivery.objects.values_list("endpoint__url", "state"))
    assert states["https://other.bank.example/in"] == DeliveryState.DELIVERED
    assert states["https://hooks.bank.example/in"] == DeliveryState.WAITING


def test_whoever_has_hundreds_waiting_is_not_served_before_others_first(hook, harbour, outsiders_bank, answers):
    """The many are older; the one comes with the first lot all the same."""
    messages = Message.objects.bulk_create(Message(type="webhook.test") for _number in range(200))
    earlier = timezone.now() - timedelta(hours=1)
    Delivery.objects.bulk_create(Delivery(endpoint=hook, message=each, next_at=earlier) for each in messages)
    other = Endpoint.objects.create(
        institution=outsiders_bank.institution,
        url="https://outside.example/in",
        events=["round.opened"],
        secret=hook.secret,
    )
    _emit(outsiders_bank.institution)

    assert delivering.deliver_due() == delivering.AT_ONCE

    assert Delivery.objects.get(endpoint=other).state == DeliveryState.DELIVERED


def test_a_test_is_asked_for_again_once_the_last_was_tried(hook, dora, answers):
    answers["hooks.bank.example"] = outside.Answer(500, "", "")
    webhooks.test(hook, by=dora)
    with pytest.raises(Refused, match="still under way"):
        webhooks.test(hook, by=dora)

    delivering.deliver_due()

    assert webhooks.test(hook, by=dora).state == DeliveryState.WAITING


@pytest.mark.parametrize("port", [1, 22, 25, 53, 80, 444, 465, 993, 1023])
def test_a_port_where_something_else_than_the_web_listens_is_refused(port):
    with pytest.raises(Refused) as refused:
        outside.check_address(f"https://hooks.bank.example:{port}/")

    assert refused.value.rule == "webhook-port"


@pytest.mark.parametrize("port", ["", ":443", ":1024", ":8443", ":65535"])
def test_ports_of_the_web_are_taken(port):
    assert outside.check_address(f"https://hooks.bank.example{port}/").host == "hooks.bank.example"


@pytest.mark.parametrize(
    "host",
    [
        "0x7f.1", "0177.0.0.1", "127.1", "2130706433.", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]", "[64:ff9b::7f00:1]",
        "[2001:0:7f00:1::]", "①②⑦.⓪.⓪.①", "127。0。0。1", "localhost.", "[fe80::1%25eth0]",
    ],
)  # fmt: skip
def test_however_a_local_address_is_written_it_is_not_taken(host):
    with pytest.raises(Refused):
        outside.check_resolves(outside.check_address(f"https://{host}/"))


def test_a_slow_name_server_keeps_no_lock(resolved, harbour, dora):
    with transaction.atomic():  # the test's own; within it, each service begins another
        before = len(connection.savepoint_ids)
        made = webhooks.add(harbour.institution, "https://hooks.bank.example/", ["round.opened"], by=dora)
        webhooks.change(made.endpoint, by=dora, url="https://elsewhere.bank.example/")

    assert resolved == [before, before]


# two who change the same at once


def test_the_api_refuses_a_change_of_what_somebody_else_changed(client, hook, dora):
    client.force_login(dora)
    address = f"/api/v1/webhooks/{hook.pk}"
    tag = client.get(address)["ETag"]
    ours = {"content_type": "application/json", "headers": {"if-match": tag}}

    assert client.patch(address, {"description": "one"}, **ours)["ETag"] != tag
    refused = client.patch(address, {"events": ["round.due"]}, **ours)

    assert (refused.status_code, refused.json()["rule"]) == (412, "changed-meanwhile")
    hook.refresh_from_db()
    assert (hook.description, hook.events) == ("one", ["round.opened"])
    ours["headers"]["if-match"] = client.get(address)["ETag"]
    assert client.patch(address, {"events": ["round.due"]}, **ours).status_code == 200


@pytest.mark.parametrize(
    ("tag", "status"),
    [("*", 200), ("", 200), ('"x", "OURS"', 200), ('W/"OURS"', 412), ('"x"', 412), ("garbage", 412), ('""', 412)],
)
def test_if_match_means_what_the_standard_says(client, hook, dora, tag, status):
    client.force_login(dora)
    tag = tag.replace("OURS", hook.version)

    answer = client.patch(
        f"/api/v1/webhooks/{hook.pk}", {"description": "x"}, "application/json", headers={"if-match": tag}
    )

    assert answer.status_code == status


def test_a_page_that_is_out_of_date_changes_nothing(client, hook, dora):
    client.force_login(dora)
    address = f"/institution/webhooks/{hook.pk}/"
    page = client.get(address).context["form"]
    webhooks.change(hook, by=dora, events=["round.due"])

    answer = client.post(address, {**page.initial, "description": "from an old page"})

    assert answer.status_code == 422
    assert "in the meantime" in answer.content.decode()
    hook.refresh_from_db()
    assert (hook.events, hook.description) == (["round.due"], "")
