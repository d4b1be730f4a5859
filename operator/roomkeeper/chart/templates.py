"""Templates of the chart that are made from other files of the repository."""

from __future__ import annotations

import re
from typing import Final

import yaml

_ROLES: Final = {
    "local-roomkeeper": "roomkeeper.rules.namespace",
    "local-roomkeeper-cluster": "roomkeeper.rules.cluster",
    "local-roomkeeper-lease": "roomkeeper.rules.lease",
    "local-roomkeeper-tokens": "roomkeeper.rules.tokens",
}
"""The roles of the local stack, and what the chart calls their rules."""

_METADATA: Final = """\
metadata:
  name: {name}
  labels:
    {{{{- include "roomkeeper.labels" . | nindent 4 }}}}
  {{{{- if .Values.crds.keep }}}}
  annotations:
    helm.sh/resource-policy: keep
  {{{{- end }}}}
"""


def crd_template(crd: str, source: str) -> str:
    """Return the template of a CustomResourceDefinition; `source` is the file that `crd` was read from.

    The text is taken as it is: Helm would write large numbers of what it has parsed as 2.147483647e+09.
    """
    body = re.sub(r"\A(#.*\n)+", "", crd).replace("{{", '{{ "{{" }}')
    templated, count = re.subn(
        r"^metadata:\n  name: (\S+)\n",
        lambda found: _METADATA.format(name=found[1]),
        body,
        flags=re.MULTILINE,
    )
    if count != 1:
        raise ValueError(f"{source}: expected metadata with a name and nothing else")
    generated = f"{{{{- /* Generated from {source} by `make generate`. */}}}}\n"
    return f"{generated}{{{{- if .Values.crds.enabled }}}}\n{templated}{{{{- end }}}}\n"


def rules_template(manifests: str, source: str) -> str:
    """Return the named templates of the operator's permissions, from the ClusterRoles of the local stack."""
    roles = {
        document["metadata"]["name"]: document["rules"]
        for document in yaml.safe_load_all(manifests)
        if document["kind"] == "ClusterRole"
    }
    if roles.keys() != _ROLES.keys():
        raise ValueError(f"{source}: expected the ClusterRoles {', '.join(_ROLES)}, not {', '.join(roles)}")
    defined = (
        f'{{{{- define "{_ROLES[name]}" -}}}}\n{_flow(rules)}{{{{- end }}}}\n'
        for name, rules in roles.items()
    )
    return f"{{{{- /* Generated from {source} by `make generate`. */}}}}\n" + "".join(defined)


def _flow(rules: object) -> str:
    """Write a list of rules with its lists of words in one line each."""
    return yaml.safe_dump(rules, default_flow_style=None, sort_keys=False, width=200)
