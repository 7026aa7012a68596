#!/usr/bin/env bash
# Holds the recipes of deployment to what can be checked without their platforms: the compose file, the jobs of
# Kubernetes, Slurm, Airflow and Databricks. Where a recipe is a command of the program, it is run.
# Usage: tests/deploy/run.sh PATH_TO_HITHERTO_BINARY
# tests/deploy/image.sh builds the image.
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: $0 PATH_TO_HITHERTO_BINARY" >&2; exit 2; }
HITHERTO_BINARY=$(realpath "$1")
export HITHERTO_BINARY PYTHONPATH=src/python PYTHONDONTWRITEBYTECODE=1
cd "$(dirname "$0")/../.."

. tests/venv.sh
venv=target/deploy-venv
make_venv "$venv" tests/deploy/requirements.txt

# It reads the compose file without a daemon.
if ! docker compose version >/dev/null 2>&1 && ! command -v docker-compose >/dev/null; then
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends docker-compose; } >/dev/null 2>&1 \
        || echo "docker-compose cannot be installed: the compose file is checked as YAML only"
fi
"$venv/bin/python" -m pytest -q -rs -p no:cacheprovider --rootdir tests/deploy -c /dev/null tests/deploy
