# SPDX-License-Identifier: Apache-2.0
"""The embedded house: a ProcTHOR description rendered on the CPU, without OpenGL."""
