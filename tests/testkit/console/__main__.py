"""`python -m tests.testkit.console --port 8088` serves a console over a made history.

Users `viewer`, `operator`, `supervisor`, `engineer` and `admin` sign in with the password `tocsin
tocsin`. Commands take effect at once, as if the desk stage had carried them out.
"""

import argparse
import asyncio
from contextlib import suppress

from tests.testkit.console.made import serve

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("--port", type=int, default=8088)
with suppress(KeyboardInterrupt):
    asyncio.run(serve(options.parse_args().port))
