# SPDX-License-Identifier: MIT
"""What scripts/kernel-matrix is made of. init and run are what a guest runs."""
