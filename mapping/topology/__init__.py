# SPDX-License-Identifier: Apache-2.0
"""Places and rooms from free space."""
