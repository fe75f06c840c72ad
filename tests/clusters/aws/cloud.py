"""An AWS account in which a cluster can be made: moto, with the images of today."""

from dataclasses import dataclass, field

from gridray.clusters.aws.session import Account
from tests.clusters.aws import amis


@dataclass
class Cloud:
    """The account; `images` are the ids of its images by region and instance type."""

    url: str
    images: dict[str, dict[str, str]] = field(default_factory=dict)

    def account(self, region: str = "us-east-1") -> Account:
        """Return the account in a region, which has the images then."""
        if region not in self.images:
            self.images[region] = amis.seed(region)
        return Account(region)
