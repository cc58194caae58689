"""The shapes of the API's answers and requests; meaning is checked by the services."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field, inline_serializer
from rest_framework import serializers

from anonymize.package.registration import MAX_CHARACTERS
from consortium.institutions.models import Institution, SigningKey
from consortium.institutions.services import agreements
from consortium.institutions.services.agreements import Standing
from sharing.models import Collection, Finding, PeerGroup, Release, Remark, Round, Submission
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
    """`id` is what packages name as `sub`; keys are there while the round is open and the vault has made them.

    `extended_until` is a later date that holds for the caller's institution alone, also when the round is closed.
    """

    id = serializers.CharField(source="public_id")
    collection = serializers.CharField(source="collection.code")
    template_version = serializers.CharField(source="collection.version")
    extended_until = serializers.DateTimeField(read_only=True, allow_null=True)
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
            "grace_until",
            "closes_at",
            "extended_until",
            "closed_at",
            "audience",
            "sealing_keys",
        ]

    def get_audience(self, round: Round) -> str:
        return settings.CONCORD_AUDIENCE

    @extend_schema_field(serializers.ListSerializer(child=_SEALING_KEY))
    def get_sealing_keys(self, round: Round) -> list[dict[str, Any]]:
        later = getattr(round, "extended_until", None)
        has_time = round.state == RoundState.CLOSED and later is not None and later > timezone.now()
        if round.state != RoundState.OPEN and not has_time:
            return []
        return [
            {"jwk": key.public_jwk, "signature": key.signature}
            for key in sorted(round.keys.all(), key=lambda key: key.pk)
        ]


class RemarkDocument(serializers.ModelSerializer[Remark]):
    """Why a submission was sent back or withdrawn."""

    class Meta:
        model = Remark
        fields = ["kind", "text", "at"]


class SubmissionDocument(serializers.ModelSerializer[Submission]):
    """`completeness` is a share of cells, `cells_changed` a count of cells; `score` is from 0 to 100."""

    round = serializers.CharField(source="round.public_id")
    findings_count = serializers.IntegerField()
    remarks = RemarkDocument(many=True)

    class Meta:
        model = Submission
        fields = [
            "id",
            "round",
            "is_trial",
            "version",
            "state",
            "received_at",
            "checked_at",
            "decided_at",
            "timeliness",
            "correction",
            "correction_note",
            "package_sha256",
            "package_bytes",
            "receipt",
            "findings_count",
            "completeness",
            "cells_changed",
            "score",
            "remarks",
        ]


class ReceivedDocument(serializers.ModelSerializer[Submission]):
    class Meta:
        model = Submission
        fields = ["id", "is_trial", "state", "receipt"]


class FindingDocument(serializers.ModelSerializer[Finding]):
    class Meta:
        model = Finding
        fields = ["rule", "severity", "cell", "sentence"]


class AgreementStanding(serializers.Serializer[Standing]):
    """Where the institution stands with the membership agreement; versions are null where there is none."""

    newest = serializers.IntegerField(source="newest.version", default=None, allow_null=True)
    accepted = serializers.IntegerField(source="accepted.agreement.version", default=None, allow_null=True)
    accept_by = serializers.DateField(source="newest.accept_by", default=None, allow_null=True)
    may_send = serializers.BooleanField()


class InstitutionDocument(serializers.ModelSerializer[Institution]):
    agreement = serializers.SerializerMethodField()

    class Meta:
        model = Institution
        fields = [
            "code",
            "name",
            "name_zh",
            "kind",
            "size_band",
            "home_region",
            "registration_number",
            "lei",
            "affiliate_group",
            "state",
            "approves_submissions",
            "agreement",
        ]

    @extend_schema_field(AgreementStanding)
    def get_agreement(self, institution: Institution) -> Any:
        return AgreementStanding(agreements.standing(institution)).data


class SigningKeyDocument(serializers.ModelSerializer[SigningKey]):
    """A registered key. It signs until it is revoked, or until `ends_at` once another has replaced it."""

    replaces = serializers.SlugRelatedField[SigningKey](slug_field="kid", read_only=True, allow_null=True)
    revocation = serializers.CharField(read_only=True, help_text="Why it was revoked; empty while it is not.")

    class Meta:
        model = SigningKey
        fields = ["kid", "jwk", "valid_from", "ends_at", "revoked_at", "revocation", "replaces"]
        read_only_fields = fields


class KeyRegistration(serializers.Serializer[SigningKey]):
    """`request` is a JWS that the new key signed; `replaces` the id of the key that it takes the place of."""

    request = serializers.CharField(max_length=MAX_CHARACTERS)
    replaces = serializers.CharField(max_length=43, required=False)


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
            "note",
            "published_at",
            "withdrawn_at",
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
    """`criteria` gives the institutions' attributes; `collections` the ones compared so that the caller sees.

    A custom group was defined by a member on the day `defined_at`; it is a list of institutions, `criteria` are what it was
    chosen by. From `retired_at` on no new round is compared so.
    """

    id = serializers.CharField(source="code")
    name = serializers.JSONField(source="names")
    collections = serializers.ListField(child=serializers.CharField(), source="collection_codes", read_only=True)

    class Meta:
        model = PeerGroup
        fields = ["id", "family", "name", "criteria", "collections", "defined_at", "retired_at"]
