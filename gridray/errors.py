"""Every error that Gridray raises on purpose.

    GridrayError                exit code 1
    ├── UsageError              exit code 2: what was typed cannot be meant
    │   ├── SweepError          an argument that looks like a sweep and is none
    │   ├── SpecError           an option or a field of a run with an impossible value
    │   └── ConfigError         a file of options or variables that cannot be meant
    ├── NotFoundError           a run, an experiment, a cluster or a file that does not exist
    ├── ExistsError             a name that is taken
    ├── StateError              a thing that is in the wrong state for what is asked
    ├── SourceError             the working directory cannot be snapshotted
    ├── DatastoreError          a data set cannot be taken in, or brought to a node
    ├── StoreError              the store cannot be read or written
    │   └── DamagedError        one object in it cannot be understood
    ├── BuildError              an environment that cannot be built on a node
    └── ClusterError            a Ray cluster that cannot be reached, started or used
        ├── AuthenticationError   its token is missing or wrong
        └── CloudError            what a cloud refuses, or cannot be asked
            ├── CredentialsError  it does not know who asks
            └── DeniedError       whoever asks may not do that

A message names the value and the rule; `hint` says what to do. Foreign errors are translated where
they enter (`store.py`, `rayjobs.py`, `clusters/aws/session.py`) and kept as `__cause__`.
"""


class GridrayError(Exception):
    """The base of all errors that a user can do something about."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(GridrayError):
    exit_code = 2


class SweepError(UsageError):
    pass


class SpecError(UsageError):
    pass


class ConfigError(UsageError):
    pass


class NotFoundError(GridrayError):
    pass


class ExistsError(GridrayError):
    pass


class StateError(GridrayError):
    pass


class SourceError(GridrayError):
    pass


class DatastoreError(GridrayError):
    pass


class StoreError(GridrayError):
    pass


class DamagedError(StoreError):
    pass


class BuildError(GridrayError):
    pass


class ClusterError(GridrayError):
    pass


class AuthenticationError(ClusterError):
    pass


class CloudError(ClusterError):
    """Something that a cloud refuses. `code` is its own word for why, if it had one."""

    def __init__(self, message: str, *, hint: str | None = None, code: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.code = code


class CredentialsError(CloudError):
    pass


class DeniedError(CloudError):
    pass
