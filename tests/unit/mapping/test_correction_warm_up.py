# SPDX-License-Identifier: Apache-2.0
"""Warming up calls for the loops that a correction runs, so that the first one finds them compiled."""

import mapping.pose_graph.block_kernels as blocks
from mapping.pose_graph import chain, linearise, warm_up


def test_every_loop_of_a_correction_is_compiled_afterwards():
    warm_up()
    loops = (
        blocks.rows_of, blocks.find, blocks.enter_targets, blocks.gather, blocks.settle,
        chain.eliminate, chain.substitute, linearise.fill_errors, linearise.accumulate,
    )  # fmt: skip
    assert all(loop.signatures for loop in loops)
