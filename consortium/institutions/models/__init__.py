"""Member institutions, the keys they sign with and the API clients that act for them."""

from consortium.institutions.models.api_client import ApiClient
from consortium.institutions.models.institution import Institution, InstitutionKind, SizeBand
from consortium.institutions.models.signing_key import SigningKey

__all__ = ["ApiClient", "Institution", "InstitutionKind", "SigningKey", "SizeBand"]
