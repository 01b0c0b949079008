"""Why the store refuses something: one exception per documented error code."""

from __future__ import annotations

from typing import ClassVar

from romana.models import ErrorCode


class StoreError(Exception):
    """A refusal. The text is one sentence for people; `code` and `details` are for programs."""

    code: ClassVar[ErrorCode]

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class InvalidError(StoreError):
    """The request fits its schema and still cannot be, as with a number outside the address plan."""

    code = ErrorCode.INVALID_REQUEST


class NotFoundError(StoreError):
    """There is no such thing."""

    code = ErrorCode.NOT_FOUND


class ConflictError(StoreError):
    """It exists with other values."""

    code = ErrorCode.CONFLICT


class GenerationConflictError(StoreError):
    """It has changed since the generation the caller has seen."""

    code = ErrorCode.GENERATION_CONFLICT


class InUseError(StoreError):
    """Something still needs it."""

    code = ErrorCode.IN_USE


class AddressInUseError(StoreError):
    """The asked-for address belongs to another endpoint."""

    code = ErrorCode.ADDRESS_IN_USE


class AddressMismatchError(StoreError):
    """The asked-for address is none of that host, tenant and segment."""

    code = ErrorCode.ADDRESS_MISMATCH


class IdempotencyMismatchError(StoreError):
    """The idempotency key was used for another request."""

    code = ErrorCode.IDEMPOTENCY_MISMATCH


class HostRestrictedError(StoreError):
    """The host belongs to another tenant."""

    code = ErrorCode.HOST_RESTRICTED


class HostsExhaustedError(StoreError):
    """Every host index is taken."""

    code = ErrorCode.HOSTS_EXHAUSTED


class TenantsExhaustedError(StoreError):
    """Every tenant number is taken."""

    code = ErrorCode.TENANTS_EXHAUSTED


class SegmentsExhaustedError(StoreError):
    """Every segment number of the tenant is taken."""

    code = ErrorCode.SEGMENTS_EXHAUSTED


class EndpointsExhaustedError(StoreError):
    """Every endpoint number of the tenant's segment on the host is taken."""

    code = ErrorCode.ENDPOINTS_EXHAUSTED


class UnavailableError(StoreError):
    """The database does not answer, or not in time."""

    code = ErrorCode.UNAVAILABLE


class AddressRestsError(AddressInUseError):
    """Hosts may still have the asked-for address in groups of the endpoint that had it before. It passes by itself."""


class AllAddressesRestError(EndpointsExhaustedError):
    """Hosts may still have every free address in groups of the endpoints before. It passes by itself."""
