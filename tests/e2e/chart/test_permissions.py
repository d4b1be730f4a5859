"""The chart's own ServiceAccount does everything that the operator does, and everything that it may do it needs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.e2e.chart.helm import NAMESPACE, RELEASE, Pod, local_values
from tests.e2e.chart.permissions import granted
from tests.e2e.chart.scene import play
from tests.e2e.support import Cluster, eventually
from tests.e2e.tenancy import ROLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from roomkeeper.localstack import LocalStack
    from tests.e2e.chart.helm import Release
    from tests.e2e.crowd import Crowd
    from tests.e2e.studio import Studio

WRITE = {"create", "update", "patch", "delete", "deletecollection"}
READ = {"get", "list", "watch"}


def assert_needs_what_it_may(stack: LocalStack, pod: Pod) -> None:
    """Fail when the account of a pod that has stopped was refused anything, or may do what it never did."""
    calls = [call for call in stack.audit.calls(pod.user, pod.since) if call.resource]
    assert [call for call in calls if call.code in (401, 403)] == []
    grants = granted(stack, NAMESPACE, RELEASE)
    assert len(grants) > 20
    assert {grant for grant in grants if not any(map(grant.covers, calls))} == set()


def test_in_every_namespace(
    release: Release, start_pod: Callable[[], Pod], studio: Studio, crowd: Crowd
) -> None:
    release.install(**local_values(studio.stack))
    pod = start_pod()
    play(studio, crowd)
    pod.stop()
    assert_needs_what_it_may(studio.stack, pod)


def test_in_one_namespace(
    release: Release, start_pod: Callable[[], Pod], studio: Studio, crowd: Crowd
) -> None:
    stack = studio.stack
    release.install(**local_values(stack, watchNamespaces=[studio.namespace]))
    bindings = json.loads(stack.kubectl("get", "clusterrolebindings", "-o", "json"))["items"]
    assert not any(
        subject.get("namespace") == NAMESPACE
        for binding in bindings
        for subject in binding.get("subjects", ())
    )
    other = Cluster(stack, f"{studio.namespace}-other")
    stack.kubectl("create", "namespace", other.namespace)
    other.apply(other.room("standup", roles=ROLES))
    pod = start_pod()
    play(studio, crowd)
    pod.stop()
    assert_needs_what_it_may(stack, pod)
    untouched = other.get("room", "standup")
    assert untouched
    assert "finalizers" not in untouched["metadata"]
    assert untouched["status"] == {"observedGeneration": -1}
    assert other.list("secrets") == []


def test_people_have_the_kinds_by_the_roles_that_every_cluster_has(
    release: Release, stack: LocalStack
) -> None:
    release.install()
    tenants = {"rooms", "recordings", "recordingschedules"}
    providers = {"livekitservers", "recordingstorages"}

    def may(role: str) -> dict[str, set[str]]:
        rules = json.loads(stack.kubectl("get", "clusterrole", role, "-o", "json"))["rules"]
        ours = [rule for rule in rules or () if rule.get("apiGroups") == ["roomkeeper.dev"]]
        return {
            resource: {verb for rule in ours if resource in rule["resources"] for verb in rule["verbs"]}
            for rule in ours
            for resource in rule["resources"]
        }

    view = dict.fromkeys(tenants | providers, READ)
    edit = view | dict.fromkeys(tenants, READ | WRITE)
    admin = view | dict.fromkeys(tenants | providers, READ | WRITE)
    for role, expected in (("view", view), ("edit", edit), ("admin", admin)):
        eventually(f"{role} has them", lambda role=role, expected=expected: may(role) == expected, within=2)
