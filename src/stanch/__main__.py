"""`python -m stanch`, the same as `stanch`."""

import sys

from stanch.main import main

sys.exit(main())
