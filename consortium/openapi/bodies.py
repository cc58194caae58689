"""Shapes of answers that no serializer of one row gives."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers


def results(of: type[serializers.BaseSerializer[Any]]) -> serializers.BaseSerializer[Any]:
    """`{"results": [...]}`, for the few lists that always fit one answer."""
    return inline_serializer(f"{of.__name__}s", {"results": of(many=True)})
