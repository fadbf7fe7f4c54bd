"""``python -m pos``: the same as the command ``pos``."""

from pos.cli.main import main

if __name__ == "__main__":
    main()
