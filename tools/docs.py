"""Writes what is made from the code: configs/template.yaml, the key table of configs/README.md, docs/tables.md."""

from pathlib import Path

from plural_core.ratings.catalogue import tables_document
from plural_core.study.template import key_table, template_text

START, END = "<!-- keys: made by make docs -->", "<!-- end of keys -->"


def main() -> None:
    """Write the three documents."""
    root = Path(__file__).resolve().parents[1]
    (root / "configs" / "template.yaml").write_text(template_text(), encoding="utf-8")
    readme = root / "configs" / "README.md"
    head, rest = readme.read_text(encoding="utf-8").split(START)
    tail = rest.split(END)[1]
    readme.write_text(f"{head}{START}\n\n{key_table()}\n{END}{tail}", encoding="utf-8")
    (root / "docs" / "tables.md").write_text(tables_document(), encoding="utf-8")


if __name__ == "__main__":
    main()
