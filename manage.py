#!/usr/bin/env python
from __future__ import annotations

from orthanc_console.command import main

if __name__ == "__main__":
    main()
