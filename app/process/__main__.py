"""One worker process, as the supervisor starts it: `python -m app.process run ...`."""

import sys

from app.cli.entry import main
from runtime.supervision import end_with_parent

if __name__ == "__main__":
    end_with_parent()  # before anything slow is loaded
    sys.exit(main())
