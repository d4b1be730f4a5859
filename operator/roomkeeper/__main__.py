"""`python -m roomkeeper` is `roomkeeper`."""

from roomkeeper.cli import main

main()
