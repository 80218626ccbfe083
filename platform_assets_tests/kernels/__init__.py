"""Tests of kernels that no other test of a layer covers."""
