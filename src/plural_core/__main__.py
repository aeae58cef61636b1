"""``python -m plural_core`` is the command ``plural``."""

from plural_core.cli import main

if __name__ == "__main__":
    main()
