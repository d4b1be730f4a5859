"""Where recordings are put: exactly one of the stores that LiveKit's Egress can upload to."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from roomkeeper.api.common import MAX_URL, Model
from roomkeeper.api.kind import Rule
from roomkeeper.api.references import SecretRef

MAX_BUCKET: Final = 255
MAX_REGION: Final = 64
MAX_ARN: Final = 2048

# The entries of the Secrets that hold the credentials.
S3_ACCESS_KEY_ID: Final = "AWS_ACCESS_KEY_ID"
S3_SECRET_ACCESS_KEY: Final = "AWS_SECRET_ACCESS_KEY"  # noqa: S105 - the name of an entry
S3_SESSION_TOKEN: Final = "AWS_SESSION_TOKEN"  # noqa: S105 - the name of an entry
GCP_CREDENTIALS: Final = "credentials.json"
AZURE_ACCOUNT_KEY: Final = "AZURE_STORAGE_KEY"
ALI_OSS_ACCESS_KEY_ID: Final = "ALIBABA_CLOUD_ACCESS_KEY_ID"
ALI_OSS_ACCESS_KEY_SECRET: Final = "ALIBABA_CLOUD_ACCESS_KEY_SECRET"  # noqa: S105 - the name of an entry

Bucket = Annotated[
    str, Field(min_length=1, max_length=MAX_BUCKET, pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$")
]
Region = Annotated[str, Field(min_length=1, max_length=MAX_REGION, pattern=r"^[A-Za-z0-9-]+$")]


class S3Target(Model):
    """A bucket of S3, or of a store that speaks its protocol."""

    bucket: Bucket = Field(description="The name of the bucket. LiveKit: `bucket` of `S3Upload`.")
    region: Region | None = Field(
        default=None,
        description="The region of the bucket, such as eu-central-1. Default: the one of the Egress worker. LiveKit: `region`.",
    )
    endpoint: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_URL,
        pattern=r"^https?://[A-Za-z0-9._:\[\]-]+(/[!$->@-~]*)?$",
        description="The address of the store as the Egress worker reaches it, http or https, for stores other than AWS. "
        "Default: AWS's own for the region. LiveKit: `endpoint`.",
    )
    force_path_style: bool = Field(
        default=False,
        description="Whether the bucket stands in the path of the address and not in its host name, as MinIO and others need "
        "it. Default: false. LiveKit: `forcePathStyle`.",
    )
    assume_role_arn: str | None = Field(
        default=None,
        alias="assumeRoleARN",
        min_length=1,
        max_length=MAX_ARN,
        pattern=r"^arn:[a-z0-9-]+:iam::[0-9]{12}:role/[!-~]+$",
        description="The role that the Egress worker takes on for the upload, with the credentials given here or its own. Not "
        "for the inline storage of other namespaces than the LiveKitServer's. Default: none. LiveKit: `assumeRoleArn`.",
    )
    credentials_secret_ref: SecretRef | None = Field(
        default=None,
        description="The Secret with `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, for temporary credentials, "
        "`AWS_SESSION_TOKEN`. Default: none, the Egress worker uses its own identity. LiveKit: `accessKey`, `secret`, "
        "`sessionToken`.",
    )


class GCPTarget(Model):
    """A bucket of Google Cloud Storage."""

    bucket: Bucket = Field(description="The name of the bucket. LiveKit: `bucket` of `GCPUpload`.")
    credentials_secret_ref: SecretRef | None = Field(
        default=None,
        description="The Secret with `credentials.json`, the key of a service account. Default: none, the Egress worker uses "
        "its own identity. LiveKit: `credentials`.",
    )


class AzureTarget(Model):
    """A container of Azure Blob Storage."""

    account_name: str = Field(
        min_length=3,
        max_length=24,
        pattern=r"^[a-z0-9]+$",
        description="The storage account. LiveKit: `accountName` of `AzureBlobUpload`.",
    )
    container_name: str = Field(
        min_length=3,
        max_length=63,
        pattern=r"^[$a-z0-9]([a-z0-9-]*[a-z0-9])?$",
        description="The container. LiveKit: `containerName`.",
    )
    credentials_secret_ref: SecretRef = Field(
        description="The Secret with `AZURE_STORAGE_KEY`, a key of the account. LiveKit: `accountKey`.",
    )


class AliOSSTarget(Model):
    """A bucket of Alibaba Cloud's Object Storage Service."""

    bucket: Bucket = Field(description="The name of the bucket. LiveKit: `bucket` of `AliOSSUpload`.")
    endpoint: str = Field(
        min_length=1,
        max_length=MAX_URL,
        pattern=r"^(https?://)?[A-Za-z0-9._:-]+$",
        description="The endpoint of the region, such as oss-eu-central-1.aliyuncs.com. LiveKit: `endpoint`.",
    )
    region: Region | None = Field(
        default=None,
        description="The region of the bucket. Default: none, the endpoint says it. LiveKit: `region`.",
    )
    credentials_secret_ref: SecretRef = Field(
        description="The Secret with `ALIBABA_CLOUD_ACCESS_KEY_ID` and `ALIBABA_CLOUD_ACCESS_KEY_SECRET`. LiveKit: "
        "`accessKey`, `secret`.",
    )


class StorageTarget(Model):
    """Exactly one store."""

    s3: S3Target | None = Field(
        default=None,
        description="A bucket of S3, or of a store that speaks its protocol; one of s3, gcp, azure and aliOSS. Default: none. "
        "LiveKit: `S3Upload`.",
    )
    gcp: GCPTarget | None = Field(
        default=None,
        description="A bucket of Google Cloud Storage; one of s3, gcp, azure and aliOSS. Default: none. LiveKit: `GCPUpload`.",
    )
    azure: AzureTarget | None = Field(
        default=None,
        description="A container of Azure Blob Storage; one of s3, gcp, azure and aliOSS. Default: none. LiveKit: "
        "`AzureBlobUpload`.",
    )
    ali_oss: AliOSSTarget | None = Field(
        default=None,
        alias="aliOSS",
        description="A bucket of Alibaba Cloud's Object Storage Service; one of s3, gcp, azure and aliOSS. Default: none. "
        "LiveKit: `AliOSSUpload`.",
    )

    @property
    def credentials_secret_ref(self) -> SecretRef | None:
        """The Secret with the credentials; None: the Egress worker uses its own identity."""
        target = self.s3 or self.gcp or self.azure or self.ali_oss
        return None if target is None else target.credentials_secret_ref


def rules(at: str) -> tuple[Rule, ...]:
    """Render the rules of a StorageTarget that stands at `at`."""
    stores = ("s3", "gcp", "azure", "aliOSS")
    return (
        Rule(
            at=at,
            rule=f"[{', '.join(f'has(self.{store})' for store in stores)}].exists_one(given, given)",
            message="exactly one of s3, gcp, azure and aliOSS must be given",
        ),
    )
