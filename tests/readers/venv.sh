# Sourced at the root of the project: makes the Python that checks what the program wrote, and names it in $venv.
venv=target/readers-venv
requirements=tests/readers/requirements.txt
# The stamp is written last, so that a venv left half made is made again.
if ! cmp -s "$requirements" "$venv/requirements.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
    cp "$requirements" "$venv/requirements.txt"
fi
