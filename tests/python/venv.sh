# Sourced at the root of the project: makes the Python that checks the package, and names it in $venv.
# HITHERTO_TORCH=1 installs PyTorch, too (some GB).
venv=target/python-venv
requirements=tests/python/requirements.txt
# The stamp is written last, so that a venv left half made is made again.
if ! cmp -s "$requirements" "$venv/requirements.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
    cp "$requirements" "$venv/requirements.txt"
fi
if [ "${HITHERTO_TORCH:-0}" = 1 ]; then
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/python/requirements-torch.txt
fi
