"""Makes the PrometheusRule of deploy/kubernetes/monitoring of the rules beside this file.

The operator of Prometheus reads rules from a resource, and not from files; they are the same.
"""

import sys
from pathlib import Path
from typing import Any, Final

import yaml

HERE: Final = Path(__file__).resolve().parent
RULES: Final = (HERE / "tocsin-rules.yml", HERE / "tocsin-slo-rules.yml")
RESOURCE: Final = HERE.parent / "kubernetes" / "monitoring" / "rules.yaml"
HEAD: Final = (
    "# Written by deploy/prometheus/prometheus_rule.py; change the rules there and run it.\n"
)


def resource() -> dict[str, Any]:
    """All groups of all files, as the operator takes them."""
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in RULES]
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "tocsin"},
        "spec": {"groups": [group for file in files for group in file["groups"]]},
    }


def main() -> None:
    """Write the resource, or print it."""
    text = HEAD + yaml.safe_dump(resource(), sort_keys=False, allow_unicode=True, width=120)
    if sys.argv[1:] == ["--print"]:
        sys.stdout.write(text)
    else:
        RESOURCE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
