"""The pages before the portal speak our words, in both languages, and lead back to signing in."""

from __future__ import annotations

import pytest
from allauth.account.forms import EmailAwarePasswordResetTokenGenerator
from allauth.account.utils import user_pk_to_url_str
from django.urls import reverse

from consortium.people.models import Person

pytestmark = pytest.mark.django_db
PAGES = {
    "account_inactive": ("This account is closed", "该账户已停用"),
    "account_reset_password": ("A new password", "设置新密码"),
    "account_reset_password_done": ("Look into your mail", "请查收邮件"),
    "account_reset_password_from_key_done": ("Your password is changed", "密码已修改"),
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("position", [0, 1])
def test_it_is_named_and_leads_back(client, name, position):
    page = client.get(reverse(name), headers={"accept-language": ("en", "zh-hans")[position]}).content.decode()

    assert f"<h1>{PAGES[name][position]}</h1>" in page
    assert f'href="{reverse("account_login")}"' in page


def test_whether_an_account_exists_is_not_told(client, ada):
    known = client.post(reverse("account_reset_password"), {"email": ada.email}, follow=True)
    unknown = client.post(reverse("account_reset_password"), {"email": "nobody@example.org"}, follow=True)

    for page in (known, unknown):
        assert "If the address belongs to an account" in page.content.decode()
        assert page.request["PATH_INFO"] == reverse("account_reset_password_done")


def test_a_link_that_is_over_offers_another(client):
    page = client.get(reverse("account_reset_password_from_key", args=["1", "no-key"]))

    assert "This link is over" in page.content.decode()
    assert f'href="{reverse("account_reset_password")}"' in page.content.decode()


def test_a_link_in_force_takes_a_new_password(client, ada):
    address = link_for(ada)
    page = client.get(address, follow=True)
    assert '<form class="form" method="post"' in page.content.decode()
    new = "a rather long new sentence"
    client.post(page.request["PATH_INFO"], {"password1": new, "password2": new})

    ada.refresh_from_db()
    assert ada.check_password(new)


def link_for(person: Person) -> str:
    key = EmailAwarePasswordResetTokenGenerator().make_token(person)
    return reverse("account_reset_password_from_key", args=[user_pk_to_url_str(person), key])
