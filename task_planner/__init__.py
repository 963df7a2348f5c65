# SPDX-License-Identifier: Apache-2.0
"""Goals to steps, from what the memory knows."""
