# SPDX-License-Identifier: Apache-2.0
"""Questions in, answers out: parse (text to Question), retrieve (through indexes), answer (sentences and evidence)."""
