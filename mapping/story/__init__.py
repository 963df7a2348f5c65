# SPDX-License-Identifier: Apache-2.0
"""What happened, as events, and the scene graph that the events tell."""
