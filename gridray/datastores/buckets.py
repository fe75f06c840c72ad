"""Objects below an S3 prefix as the files of a new version."""

import os
from collections.abc import Callable, Iterator

from gridray.archive import shown
from gridray.datastores.manifest import DataFile
from gridray.errors import DatastoreError, ExistsError, GridrayError, NotFoundError
from gridray.store import Store, Tagged

PIECE = 8 * 1024 * 1024


class Bucket:
    """What is below `s3://bucket/prefix`, or the one object of this name."""

    def __init__(self, url: str, *, patient: bool = False) -> None:
        """Name it; nothing is read yet."""
        self._store = Store(url, patient=patient)
        self.reference = self._store.url

    def files(self) -> list[DataFile]:
        found = self._store.tagged("")
        if not found:
            found = self._single()
        parents = {parent for each in found for parent in _parents(each.key)}
        # An empty object with the name of a directory is how some tools make one.
        files = [each for each in found if each.size or each.key not in parents]
        return [DataFile(each.key, each.size, etag=each.etag) for each in files if each.key]

    def _single(self) -> list[Tagged]:
        bucket, _, key = self.reference.removeprefix("s3://").rpartition("/")
        if not bucket:
            return []
        above = Store(f"s3://{bucket}")
        found = above.find_tagged(key)
        if found is None:
            return []
        self._store, self.reference = above, above.url
        return [found]

    def identity(self, file: DataFile) -> str | None:
        endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
        return f"{endpoint}\0{self.reference}\0{file.path}\0{file.size}\0{file.etag}"

    def content(self, file: DataFile) -> Iterator[bytes]:
        wanted = Tagged(file.path, file.size, file.etag or "")
        for start in range(0, file.size, PIECE):
            end = min(start + PIECE, file.size)
            yield self._naming(file, lambda a=start, b=end: self._store.get_tagged(wanted, a, b))  # type: ignore[misc]

    def _naming(self, file: DataFile, read: Callable[[], bytes]) -> bytes:
        where = f"{self.reference}/{shown(file.path)}"
        try:
            return read()
        except NotFoundError as error:
            raise DatastoreError(f"{where} is not there any more") from error
        except ExistsError as error:
            raise DatastoreError(
                f"{where} has changed since it was listed",
                hint="`gridray datastore create` another version from it",
            ) from error
        except GridrayError as error:
            raise DatastoreError(f"{where} cannot be read: {error.message}") from error


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path
