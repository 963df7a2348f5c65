# SPDX-License-Identifier: Apache-2.0
"""AI2-THOR as a simulator: its client, its frames and its vocabulary behind the common interface."""
