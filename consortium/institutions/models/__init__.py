"""Member institutions, how they join and leave, the keys they sign with and the API clients that act for them."""

from consortium.institutions.models.affiliates import AffiliateGroup, Affiliation
from consortium.institutions.models.agreement import Agreement, AgreementAcceptance
from consortium.institutions.models.api_client import ApiClient, UsedAssertion
from consortium.institutions.models.application import Application, ApplicationQuestion
from consortium.institutions.models.departure import ApprovalWaiver, Departure
from consortium.institutions.models.institution import Institution, InstitutionKind, SizeBand
from consortium.institutions.models.signing_key import SigningKey

__all__ = [
    "AffiliateGroup",
    "Affiliation",
    "Agreement",
    "AgreementAcceptance",
    "ApiClient",
    "Application",
    "ApplicationQuestion",
    "ApprovalWaiver",
    "Departure",
    "Institution",
    "InstitutionKind",
    "SigningKey",
    "SizeBand",
    "UsedAssertion",
]
