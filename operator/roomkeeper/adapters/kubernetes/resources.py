"""The kinds of objects that the operator reads or writes, as the API server addresses them."""

from __future__ import annotations

from roomkeeper.adapters.ports import Resource
from roomkeeper.api.common import GROUP, VERSION

LIVEKIT_SERVERS = Resource(GROUP, VERSION, "livekitservers")
RECORDING_STORAGES = Resource(GROUP, VERSION, "recordingstorages")
ROOMS = Resource(GROUP, VERSION, "rooms")
RECORDINGS = Resource(GROUP, VERSION, "recordings")
RECORDING_SCHEDULES = Resource(GROUP, VERSION, "recordingschedules")
SECRETS = Resource("", "v1", "secrets")
EVENTS = Resource("events.k8s.io", "v1", "events")
LEASES = Resource("coordination.k8s.io", "v1", "leases")
TOKEN_REVIEWS = Resource("authentication.k8s.io", "v1", "tokenreviews")
SUBJECT_ACCESS_REVIEWS = Resource("authorization.k8s.io", "v1", "subjectaccessreviews")
NAMESPACES = Resource("", "v1", "namespaces")
