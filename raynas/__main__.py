"""`python -m raynas`: the command line without an installed script."""

from raynas.cli import main

if __name__ == "__main__":
    main()
