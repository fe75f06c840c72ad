"""Clusters in an AWS account: what it offers, what it permits, and what is made in it.

`boto3` is imported here only, and not before AWS is asked something.
"""
