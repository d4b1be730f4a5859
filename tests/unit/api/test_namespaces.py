from __future__ import annotations

import pytest

from roomkeeper.api.namespaces import LabelSelector

LABELS = {"team": "a", "tier": ""}


def selector(*expressions: tuple[str, str, list[str]], **labels: str) -> LabelSelector:
    return LabelSelector.model_validate(
        {
            "matchLabels": labels,
            "matchExpressions": [
                {"key": key, "operator": operator, "values": values} for key, operator, values in expressions
            ],
        }
    )


def test_no_condition_selects_everything() -> None:
    assert LabelSelector().matches({})
    assert LabelSelector().matches(LABELS)


@pytest.mark.parametrize(
    ("labels", "matched"),
    [
        ({"team": "a"}, True),
        ({"tier": ""}, True),
        ({"team": "a", "tier": ""}, True),
        ({"team": "b"}, False),
        ({"team": "a", "tier": "x"}, False),
        ({"absent": ""}, False),
    ],
)
def test_labels_must_all_have_these_values(labels: dict[str, str], matched: bool) -> None:  # noqa: FBT001
    assert selector(**labels).matches(LABELS) is matched


@pytest.mark.parametrize(
    ("key", "operator", "values", "matched"),
    [
        ("team", "In", ["a", "b"], True),
        ("team", "In", ["b"], False),
        ("absent", "In", [""], False),
        ("team", "NotIn", ["b"], True),
        ("team", "NotIn", ["a", "b"], False),
        ("absent", "NotIn", ["a"], True),
        ("tier", "Exists", [], True),
        ("absent", "Exists", [], False),
        ("absent", "DoesNotExist", [], True),
        ("tier", "DoesNotExist", [], False),
    ],
)
def test_an_expression_means_what_kubernetes_means(
    key: str,
    operator: str,
    values: list[str],
    matched: bool,  # noqa: FBT001
) -> None:
    assert selector((key, operator, values)).matches(LABELS) is matched


def test_all_conditions_must_be_met() -> None:
    assert selector(("tier", "Exists", []), ("absent", "DoesNotExist", []), team="a").matches(LABELS)
    assert not selector(("tier", "Exists", []), ("absent", "Exists", []), team="a").matches(LABELS)
    assert not selector(("tier", "Exists", []), team="b").matches(LABELS)
