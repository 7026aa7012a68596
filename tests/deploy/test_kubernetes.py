"""The jobs of Kubernetes: fields by the schemas of the API, commands by running them."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from recipes import RECIPES, SHOP, hitherto, moved, needs_shards, rows

# The oldest version that has all fields without a feature gate, and a new one.
VERSIONS = ("1.33", "1.36")
FILES = sorted(RECIPES.glob("kubernetes_*.yaml"))


def job(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((RECIPES / f"kubernetes_{name}.yaml").read_text())
    return found


def pod(described: dict[str, Any]) -> dict[str, Any]:
    spec = described["spec"]
    spec = spec["jobTemplate"]["spec"] if described["kind"] == "CronJob" else spec
    found: dict[str, Any] = spec["template"]["spec"]
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_field_is_of_the_api(file: Path, version: str) -> None:
    described = yaml.safe_load(file.read_text())
    assert described["apiVersion"] == "batch/v1"
    kubernetes_validate.validate(described, version, strict=True)

    # The check is not blind.
    wrong = copy.deepcopy(described)
    pod(wrong)["containers"][0]["arg"] = []
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, version, strict=True)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_pods_are_those_that_the_rules_allow(file: Path) -> None:
    described = yaml.safe_load(file.read_text())
    found = pod(described)
    # Failure policies are for pods that are not restarted.
    assert found["restartPolicy"] == "Never"
    assert found["securityContext"]["runAsNonRoot"] is True
    (container,) = found["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    # The image has an entrypoint and no shell.
    assert "command" not in container
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    assert mounts == {volume["name"] for volume in found["volumes"]}
    spec = described["spec"]
    spec = spec["jobTemplate"]["spec"] if described["kind"] == "CronJob" else spec
    for rule in spec.get("podFailurePolicy", {}).get("rules", ()):
        if "onExitCodes" in rule:
            assert rule["onExitCodes"]["containerName"] == container["name"]


def test_the_nightly_job_makes_the_days(tmp_path: Path) -> None:
    shop = shutil.copytree(SHOP, tmp_path / "shop")
    (container,) = pod(job("nightly"))["containers"]
    for _ in range(2):
        hitherto(*moved(container["args"], shop=shop, training=tmp_path / "training"))
    assert len(rows(tmp_path / "training")) == 661


def test_shards_and_finalize_make_the_day_of_one_machine(tmp_path: Path) -> None:
    needs_shards()
    shards = job("shards")
    count = shards["spec"]["completions"]
    assert shards["spec"]["completionMode"] == "Indexed"
    (container,) = pod(shards)["containers"]
    (variable,) = container["env"]
    assert "job-completion-index" in variable["valueFrom"]["fieldRef"]["fieldPath"]
    folders = {"shop": SHOP, "shards": tmp_path / "shards", "training": tmp_path / "training"}
    # The second attempt at the first shard replaces what the first one left.
    for index in (0, *range(count)):
        args = [word.replace(f"$({variable['name']})", str(index)) for word in container["args"]]
        assert f"{index}/{count}" in args
        hitherto(*moved(args, **folders))
    (container,) = pod(job("finalize"))["containers"]
    assert container["args"][container["args"].index("--shards") + 1] == str(count)
    hitherto(*moved(container["args"], **folders))

    hitherto("sequences", SHOP, "--date", "2025-08-16", "--out", tmp_path / "one")
    assert rows(tmp_path / "training") == rows(tmp_path / "one")
    hitherto("verify", tmp_path / "training")
