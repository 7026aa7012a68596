# Sourced at the root of the project: makes the Python that checks the package, and names it in $venv.
# HITHERTO_TORCH=1 installs PyTorch, too (some GB).
. tests/venv.sh
venv=target/python-venv
make_venv "$venv" tests/python/requirements.txt
if [ "${HITHERTO_TORCH:-0}" = 1 ]; then
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/python/requirements-torch.txt
fi
