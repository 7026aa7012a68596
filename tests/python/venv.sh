# Sourced at the root of the project: makes the Python that checks the package, and names it in $venv.
# HITHERTO_TORCH=1 installs PyTorch, too (some GB).
venv=target/python-venv
lists=(tests/python/requirements.txt)
if [ "${HITHERTO_TORCH:-0}" = 1 ]; then
    lists+=(tests/python/requirements-torch.txt)
fi
wanted=$(cat "${lists[@]}")
# The stamp is written last, so that a venv left half made is made again.
if [ "$wanted" != "$(cat "$venv/requirements.txt" 2>/dev/null)" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "${lists[@]/#/-r}"
    printf '%s\n' "$wanted" > "$venv/requirements.txt"
fi
