"""Makes first_days.ipynb from first_days.py, executed: make.py. Needs nbclient, ipykernel and what the cells import.

In first_days.py a line `# %%` begins a cell of code, and `# %% [markdown]` one of text, each line of it a comment.
"""

import re
from pathlib import Path

import nbclient
import nbformat

HERE = Path(__file__).parent
SOURCE, NOTEBOOK = HERE / "first_days.py", HERE / "first_days.ipynb"


def notebook() -> nbformat.NotebookNode:
    """The notebook of the source, not executed."""
    cells = []
    pieces = re.split(r"^# %%( \[markdown\])?\n", SOURCE.read_text(encoding="utf-8"), flags=re.M)
    for number, (kind, text) in enumerate(zip(pieces[1::2], pieces[2::2], strict=True)):
        if kind:
            text = re.sub(r"^# ?", "", text, flags=re.M)
        new = nbformat.v4.new_markdown_cell if kind else nbformat.v4.new_code_cell
        # An id that is always the same, so that a notebook made again differs only where its cells do.
        cells.append(new(text.strip(), id=f"cell-{number}"))
    about = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return nbformat.v4.new_notebook(cells=cells, metadata=about)


def executed(made: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A notebook with what its cells show. Raises nbclient.exceptions.CellExecutionError if one fails."""
    nbclient.NotebookClient(made, timeout=120, record_timing=False).execute()
    made.metadata.pop("language_info", None)
    return made


if __name__ == "__main__":
    nbformat.write(executed(notebook()), NOTEBOOK)
