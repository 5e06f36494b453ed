"""Constants of the distribution API that client and server share (OCI distribution spec 1.1)."""

from typing import Final

API_VERSION_HEADER: Final = "Docker-Distribution-Api-Version"
API_VERSION: Final = "registry/2.0"
DIGEST_HEADER: Final = "Docker-Content-Digest"
UPLOAD_UUID_HEADER: Final = "Docker-Upload-UUID"
MIN_CHUNK_HEADER: Final = "OCI-Chunk-Min-Length"
SUBJECT_HEADER: Final = "OCI-Subject"
FILTERS_HEADER: Final = "OCI-Filters-Applied"
MAX_ERROR_BODY: Final = 64 << 10  # bytes of an error response that anybody reads

# Codes of the error document, OCI distribution spec, "Error Codes".
BLOB_UNKNOWN: Final = "BLOB_UNKNOWN"
BLOB_UPLOAD_INVALID: Final = "BLOB_UPLOAD_INVALID"
BLOB_UPLOAD_UNKNOWN: Final = "BLOB_UPLOAD_UNKNOWN"
DIGEST_INVALID: Final = "DIGEST_INVALID"
MANIFEST_BLOB_UNKNOWN: Final = "MANIFEST_BLOB_UNKNOWN"
MANIFEST_INVALID: Final = "MANIFEST_INVALID"
MANIFEST_UNKNOWN: Final = "MANIFEST_UNKNOWN"
NAME_INVALID: Final = "NAME_INVALID"
NAME_UNKNOWN: Final = "NAME_UNKNOWN"
SIZE_INVALID: Final = "SIZE_INVALID"
UNAUTHORIZED: Final = "UNAUTHORIZED"
DENIED: Final = "DENIED"
UNSUPPORTED: Final = "UNSUPPORTED"
TOOMANYREQUESTS: Final = "TOOMANYREQUESTS"
