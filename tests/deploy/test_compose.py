"""compose.yaml: the services that it describes, and what the main one makes of ./data."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from recipes import ROOT, hitherto, rows

FILE = ROOT / "compose.yaml"
# Of each source of actions: its type, and the names of its items and times.
ACTIONS = {
    "clicks": (1, "item_id", "click_time"),
    "add_to_carts": (2, "config_id", "occurred_at"),
    "previous_orders": (3, "config_id", "occurred_at"),
}


def compose(*args: str, file: Path = FILE, day: str = "") -> subprocess.CompletedProcess[str]:
    if shutil.which("docker-compose"):
        command = ["docker-compose"]
    elif not subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        command = ["docker", "compose"]
    else:
        pytest.skip("neither docker compose nor docker-compose is installed")
    return subprocess.run(
        [*command, "--file", str(file), *args],
        text=True,
        capture_output=True,
        check=False,
        env={**os.environ, "DATE": day},
    )


def services(*profiles: str, day: str = "") -> dict[str, Any]:
    """The services as compose reads them."""
    chosen = [word for profile in profiles for word in ("--profile", profile)]
    done = compose(*chosen, "config", day=day)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = yaml.safe_load(done.stdout)["services"]
    return found


def words(command: str | list[str]) -> list[str]:
    return shlex.split(command) if isinstance(command, str) else command


def test_all_services_are_understood() -> None:
    found = services("spark")
    assert set(found) == {"hitherto", "spark-master", "spark-worker", "spark-job"}
    assert found["hitherto"]["user"] == "1000:1000"
    # The workers read and write the same paths as the job.
    mounts = [found[name]["volumes"] for name in ("hitherto", "spark-worker", "spark-job")]
    assert mounts[0] == mounts[1] == mounts[2]


@pytest.mark.parametrize(
    "wrong", [("volumes:", "volumez:"), ("target:", "targt:"), ("- ./data", "+ ./data")]
)
def test_a_typing_error_is_refused(tmp_path: Path, wrong: tuple[str, str]) -> None:
    text = FILE.read_text()
    assert wrong[0] in text
    file = tmp_path / "compose.yaml"
    file.write_text(text.replace(*wrong))
    assert compose("--profile", "spark", "config", file=file).returncode != 0


def test_the_targets_are_stages_of_the_dockerfile() -> None:
    stages = {
        line.split()[-1]
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if " AS " in line
    }
    wanted = {service["build"]["target"] for service in services("spark").values()}
    assert wanted == {"hitherto", "spark"}
    assert wanted <= stages


def test_the_day_is_the_variable_or_the_usual_one() -> None:
    assert "--date 2025-08-16 " in " ".join(words(services()["hitherto"]["command"])) + " "
    found = services("spark", day="2024-05-15")
    for name in ("hitherto", "spark-job"):
        command = words(found[name]["command"])
        assert command[command.index("--date") + 1] == "2024-05-15"


def expected(folder: Path, day: str) -> list[tuple[object, ...]]:
    """The rows of a day, as a person would find them: by reading the files."""
    actions = [
        (row[time], row["customer_id"], row[item], code)
        for name, (code, item, time) in ACTIONS.items()
        for row in json.loads((folder / f"{name}.json").read_text())
    ]
    found: list[tuple[object, ...]] = []
    for shown in json.loads((folder / "impressions.json").read_text()):
        if shown["dt"] != day:
            continue
        before = [a for a in actions if a[1] == shown["customer_id"] and a[0] < day]
        before.sort(reverse=True)
        history = ([a[2] for a in before], [a[3] for a in before])
        for item in shown["impressions"]:
            found.append((shown["ranking_id"], item["item_id"], item["is_order"], *history))
    return found


def test_its_command_makes_a_day_of_json_files(tmp_path: Path) -> None:
    # As the service sees it: a folder for each source with a JSON file, and output among them.
    data = tmp_path / "data"
    logs = ROOT / "testdata" / "challenge-json"
    for file in logs.glob("*.json"):
        (data / file.stem).mkdir(parents=True)
        shutil.copy(file, data / file.stem / file.name)

    wanted: list[tuple[object, ...]] = []
    for day in ("2024-05-15", "2024-05-16"):
        command = words(services(day=day)["hitherto"]["command"])
        moved = [word.replace("/data", str(data), 1) for word in command]
        hitherto(*moved)
        wanted += expected(logs, day)
        assert [told(row) for row in rows(data / "output")] == wanted
        # Once more: it is there, and stays as it is.
        before = {path: path.stat().st_mtime_ns for path in data.glob("output/dt=*/*")}
        hitherto(*moved)
        assert before == {path: path.stat().st_mtime_ns for path in data.glob("output/dt=*/*")}
    hitherto("verify", data / "output")


def told(row: dict[str, Any]) -> tuple[object, ...]:
    """What is compared of a row."""
    assert len(row["actions"]) == len(row["action_types"]) == 1000
    history = [row[name][: row["history_length"]] for name in ("actions", "action_types")]
    assert not any(row["actions"][row["history_length"] :])
    return (row["ranking_id"], row["item_id"], row["is_order"], *history)
