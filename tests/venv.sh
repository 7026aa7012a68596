# Sourced at the root of the project by what needs a Python with packages.

# make_venv VENV REQUIREMENTS: makes a venv with the packages of a list, unless it is there.
make_venv() {
    # The stamp is written last, so that a venv left half made is made again.
    if ! cmp -s "$2" "$1/requirements.txt"; then
        rm -rf "$1"
        python3 -m venv "$1"
        "$1/bin/pip" install --quiet --disable-pip-version-check -r "$2"
        cp "$2" "$1/requirements.txt"
    fi
}
