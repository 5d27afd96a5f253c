# SPDX-License-Identifier: MIT
"""What `make bench` does: scripts/bench is its program, results go to build/bench."""
