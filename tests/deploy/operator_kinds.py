"""Strict schemas of the kinds that operators bring to a cluster, as far as this project uses them.

Written by hand from the references of the operators, as their own schemas are not at hand: fields
and types of `ServiceMonitor` and `PrometheusRule` from the API of the Prometheus operator
(monitoring.coreos.com/v1), those of `ScaledObject` and the Kafka trigger from KEDA 2.22. A field
that is not here is refused: whoever uses one more looks it up there first.
"""

from typing import Any, Final

JsonSchema = dict[str, Any]

_TEXT: Final[JsonSchema] = {"type": "string", "minLength": 1}
_TEXTS: Final[JsonSchema] = {"type": "object", "additionalProperties": _TEXT}
_DURATION: Final[JsonSchema] = {"type": "string", "pattern": r"^(\d+(ms|[smhdwy]))+$"}
_COUNT: Final[JsonSchema] = {"type": "integer", "minimum": 0}
# Values of a trigger are texts, whatever they say.
_NUMBER: Final[JsonSchema] = {"type": "string", "pattern": r"^\d+$"}
_SWITCH: Final[JsonSchema] = {"enum": ["true", "false"]}


def _strict(needed: JsonSchema, more: JsonSchema | None = None) -> JsonSchema:
    """An object of these fields and no others; those of `more` may be missing."""
    return {
        "type": "object",
        "properties": {**needed, **(more or {})},
        "required": sorted(needed),
        "additionalProperties": False,
    }


def _kind(version: str, kind: str, spec: JsonSchema) -> JsonSchema:
    metadata = _strict({"name": _TEXT}, {"labels": _TEXTS, "annotations": _TEXTS})
    parts = {"apiVersion": {"const": version}, "kind": {"const": kind}}
    return _strict({**parts, "metadata": metadata, "spec": spec})


_ENDPOINT: Final = _strict(
    {"port": _TEXT},
    {
        "path": _TEXT,
        "scheme": {"enum": ["http", "https"]},
        "interval": _DURATION,
        "scrapeTimeout": _DURATION,
        "honorLabels": {"type": "boolean"},
    },
)
_MONITOR: Final = _strict(
    {
        "selector": _strict({"matchLabels": _TEXTS}),
        "endpoints": {"type": "array", "minItems": 1, "items": _ENDPOINT},
    },
    {"jobLabel": _TEXT, "sampleLimit": _COUNT, "labelLimit": _COUNT, "targetLimit": _COUNT},
)

_ALERT: Final = _strict(
    {"alert": _TEXT, "expr": _TEXT},
    {"for": _DURATION, "keep_firing_for": _DURATION, "labels": _TEXTS, "annotations": _TEXTS},
)
_RECORD: Final = _strict({"record": _TEXT, "expr": _TEXT}, {"labels": _TEXTS})
_GROUP: Final = _strict(
    {"name": _TEXT, "rules": {"type": "array", "items": {"oneOf": [_ALERT, _RECORD]}}},
    {"interval": _DURATION},
)

_KAFKA: Final = _strict(
    {"bootstrapServers": _TEXT, "consumerGroup": _TEXT, "topic": _TEXT},
    {
        "lagThreshold": _NUMBER,
        "activationLagThreshold": _NUMBER,
        "offsetResetPolicy": {"enum": ["latest", "earliest"]},
        "allowIdleConsumers": _SWITCH,
        "excludePersistentLag": _SWITCH,
        "limitToPartitionsWithLag": _SWITCH,
        "version": _TEXT,
    },
)
_SCALED: Final = _strict(
    {
        "scaleTargetRef": _strict({"name": _TEXT}, {"apiVersion": _TEXT, "kind": _TEXT}),
        "triggers": {
            "type": "array",
            "minItems": 1,
            "items": _strict({"type": {"const": "kafka"}, "metadata": _KAFKA}),
        },
    },
    {
        "minReplicaCount": _COUNT,
        "maxReplicaCount": _COUNT,
        "pollingInterval": _COUNT,
        "cooldownPeriod": _COUNT,
    },
)

OPERATOR_KINDS: Final[dict[str, JsonSchema]] = {
    "ServiceMonitor": _kind("monitoring.coreos.com/v1", "ServiceMonitor", _MONITOR),
    "PrometheusRule": _kind(
        "monitoring.coreos.com/v1",
        "PrometheusRule",
        _strict({"groups": {"type": "array", "minItems": 1, "items": _GROUP}}),
    ),
    "ScaledObject": _kind("keda.sh/v1alpha1", "ScaledObject", _SCALED),
}
