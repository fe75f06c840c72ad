"""AWS in a box: moto plays EC2, IAM, STS, SSM and S3, Linux namespaces play the machines.

README.md says what is played and how to start it by hand.
"""
