"""docker-compose.yml follows the Compose specification and keeps what it promises. Checked without an engine: no container is started."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
SCHEMA = json.loads(Path(__file__).with_name("compose-spec.json").read_text())


def problems(document: dict[str, Any]) -> list[str]:
    """What the schema says, and what no schema sees: names that nothing defines."""
    found = [f"{error.json_path}: {error.message[:160]}" for error in Draft202012Validator(SCHEMA).iter_errors(document)]
    services, volumes = document.get("services", {}), set(document.get("volumes") or {})
    for name, service in services.items():
        found += [
            f"{name}: depends on {other}, which is not a service" for other in service.get("depends_on") or [] if other not in services
        ]
        sources = [volume.split(":")[0] for volume in service.get("volumes") or [] if isinstance(volume, str) and ":" in volume]
        found += [f"{name}: there is no volume {source}" for source in sources if source[0] not in "./~$" and source not in volumes]
    return found


def test_the_file_follows_the_compose_specification() -> None:
    assert problems(yaml.safe_load(TEXT)) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("healthcheck:", "healthchek:"), ("retries: 10", "retries: [10]"), ("  valkey:\n  postgres:\n", "  postgres:\n"), ("image:", "imag:")],
)
def test_a_mistake_in_the_file_is_found(right: str, wrong: str) -> None:
    assert right in TEXT
    assert problems(yaml.safe_load(TEXT.replace(right, wrong))) != []


@pytest.mark.parametrize("service", yaml.safe_load(TEXT)["services"].values(), ids=yaml.safe_load(TEXT)["services"])
def test_every_service_is_pinned_watched_durable_and_local(service: dict[str, Any]) -> None:
    assert re.search(r":\d+(\.\d+)?$", service["image"])
    assert service["healthcheck"]["test"]
    assert service["volumes"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_every_password_can_be_given_and_none_but_the_local_one_is_committed() -> None:
    secrets = re.findall(r"\$\{(\w*PASSWORD)(?::-([^}]*))?\}", TEXT)
    assert {name for name, _ in secrets} == {"VALKEY_PASSWORD", "POSTGRES_PASSWORD"}
    assert {default for _, default in secrets} == {"local-only"}
    assert TEXT.count("local-only") == len(secrets)
