# SPDX-License-Identifier: Apache-2.0
"""Thin rclpy nodes; the only importer of ROS."""
