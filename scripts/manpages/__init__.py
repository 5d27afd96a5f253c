# SPDX-License-Identifier: MIT
"""Manual pages: scripts/man is their program; headers.py says what a comment may hold."""
