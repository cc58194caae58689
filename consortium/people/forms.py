"""What a person may change about the own account."""

from __future__ import annotations

from django import forms

from consortium.people.models import Person

ProfileForm = forms.modelform_factory(Person, fields=("name", "language"))
