"""References from one object to another."""

from __future__ import annotations

from pydantic import Field

from roomkeeper.api.common import DNS_LABEL, DNS_SUBDOMAIN, MAX_NAME, MAX_SECRET_NAME, MAX_UID, Model


class SecretRef(Model):
    """A Secret in the namespace of the object that refers to it."""

    name: str = Field(
        min_length=1,
        max_length=MAX_SECRET_NAME,
        pattern=DNS_SUBDOMAIN,
        description="The name of the Secret, in the same namespace. LiveKit has no such notion.",
    )


class ServerRef(Model):
    """A LiveKitServer, in the same namespace or in another one that offers it."""

    name: str = Field(
        min_length=1,
        max_length=MAX_NAME,
        pattern=DNS_SUBDOMAIN,
        description="The name of the LiveKitServer. LiveKit has no such notion.",
    )
    namespace: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_NAME,
        pattern=DNS_LABEL,
        description="The namespace of the LiveKitServer; it must allow this one in `allowedNamespaces`. Default: this object's "
        "own namespace. LiveKit has no such notion.",
    )


class RoomRef(Model):
    """A Room in the namespace of the object that refers to it."""

    name: str = Field(
        min_length=1,
        max_length=MAX_NAME,
        pattern=DNS_SUBDOMAIN,
        description="The name of the Room, in the same namespace. LiveKit has no such notion.",
    )


class StorageRef(Model):
    """A RecordingStorage, in the same namespace or in another one that offers it."""

    name: str = Field(
        min_length=1,
        max_length=MAX_NAME,
        pattern=DNS_SUBDOMAIN,
        description="The name of the RecordingStorage. LiveKit has no such notion.",
    )
    namespace: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_NAME,
        pattern=DNS_LABEL,
        description="The namespace of the RecordingStorage; it must allow this one in `allowedNamespaces`. Default: this "
        "object's own namespace. LiveKit has no such notion.",
    )


class ResolvedRef(Model):
    """What an object stays with: the uid tells it from a later one of the same name."""

    namespace: str = Field(max_length=MAX_NAME, description="Its namespace.")
    name: str = Field(max_length=MAX_NAME, description="Its name.")
    uid: str = Field(max_length=MAX_UID, description="Its `metadata.uid`.")


class ResolvedServerRef(ResolvedRef):
    """The LiveKitServer that an object stays with."""


class ResolvedStorageRef(ResolvedRef):
    """The RecordingStorage that a Recording stays with."""
