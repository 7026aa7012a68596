# Sourced at the root of the project: makes the Python that checks what the program wrote, and names it in $venv.
. tests/venv.sh
venv=target/readers-venv
make_venv "$venv" tests/readers/requirements.txt
