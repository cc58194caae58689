"""The shapes of the API's answers and requests; meaning is checked by the services."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field, inline_serializer
from rest_framework import serializers

from consortium.institutions.models import Institution, SigningKey
from sharing.models import Collection, Finding, PeerGroup, Release, Round, Submission
from sharing.states import RoundState


class CollectionLine(serializers.ModelSerializer[Collection]):
    id = serializers.CharField(source="code")
    name = serializers.JSONField(source="document.name")
    frequency = serializers.CharField(source="document.frequency")

    class Meta:
        model = Collection
        fields = ["id", "version", "name", "frequency"]


_SEALING_KEY = inline_serializer("SealingKey", {"jwk": serializers.JSONField(), "signature": serializers.CharField()})


class RoundDocument(serializers.ModelSerializer[Round]):
    """`id` is what packages name as `sub`; keys are there while the round is open and the vault has made them."""

    id = serializers.CharField(source="public_id")
    collection = serializers.CharField(source="collection.code")
    template_version = serializers.CharField(source="collection.version")
    audience = serializers.SerializerMethodField()
    sealing_keys = serializers.SerializerMethodField()

    class Meta:
        model = Round
        fields = [
            "id",
            "collection",
            "template_version",
            "period",
            "state",
            "opens_at",
            "due_at",
            "closed_at",
            "audience",
            "sealing_keys",
        ]

    def get_audience(self, round: Round) -> str:
        return settings.CONCORD_AUDIENCE

    @extend_schema_field(serializers.ListSerializer(child=_SEALING_KEY))
    def get_sealing_keys(self, round: Round) -> list[dict[str, Any]]:
        if round.state != RoundState.OPEN:
            return []
        return [{"jwk": key.public_jwk, "signature": key.signature} for key in round.keys.all()]


class SubmissionDocument(serializers.ModelSerializer[Submission]):
    round = serializers.CharField(source="round.public_id")
    findings_count = serializers.IntegerField()

    class Meta:
        model = Submission
        fields = [
            "id",
            "round",
            "version",
            "state",
            "received_at",
            "decided_at",
            "package_sha256",
            "package_bytes",
            "receipt",
            "findings_count",
        ]


class ReceivedDocument(serializers.ModelSerializer[Submission]):
    class Meta:
        model = Submission
        fields = ["id", "state", "receipt"]


class FindingDocument(serializers.ModelSerializer[Finding]):
    class Meta:
        model = Finding
        fields = ["rule", "severity", "cell", "sentence"]


class InstitutionDocument(serializers.ModelSerializer[Institution]):
    class Meta:
        model = Institution
        fields = ["code", "name", "name_zh", "kind", "size_band", "home_region", "state", "approves_submissions"]


class SigningKeyDocument(serializers.ModelSerializer[SigningKey]):
    class Meta:
        model = SigningKey
        fields = ["kid", "jwk", "valid_from", "revoked_at"]
        read_only_fields = ["kid", "valid_from", "revoked_at"]


class ReleaseDocument(serializers.ModelSerializer[Release]):
    """What was published of a round. `cells` counts all cells, `withheld` those without a figure."""

    id = serializers.CharField(source="public_id")
    round = serializers.CharField(source="round.public_id")
    collection = serializers.CharField(source="round.collection.code")
    template_version = serializers.CharField(source="round.collection.version")
    period = serializers.CharField(source="round.period")

    class Meta:
        model = Release
        fields = [
            "id",
            "round",
            "collection",
            "template_version",
            "period",
            "revision",
            "state",
            "reason",
            "published_at",
            "contributors",
            "expected",
            "cells",
            "withheld",
        ]


class AuditDocument(serializers.ModelSerializer[Release]):
    """How a release was protected, for its reviewers: rules, counts and statuses; no figure and no cell."""

    id = serializers.CharField(source="public_id")
    record = serializers.JSONField(source="audit")

    class Meta:
        model = Release
        fields = ["id", "state", "computed_at", "audit_passed", "inputs_digest", "record"]


class PeerGroupDocument(serializers.ModelSerializer[PeerGroup]):
    """`criteria` gives the institutions' attributes; `collections` the ones compared so that the caller sees."""

    id = serializers.CharField(source="code")
    name = serializers.JSONField(source="names")
    collections = serializers.ListField(child=serializers.CharField(), source="collection_codes", read_only=True)

    class Meta:
        model = PeerGroup
        fields = ["id", "family", "name", "criteria", "collections"]
