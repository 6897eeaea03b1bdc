"""One worker process, as the supervisor starts it: `python -m app.process run ...`."""

import sys

from app.cli.entry import main

if __name__ == "__main__":
    sys.exit(main())
