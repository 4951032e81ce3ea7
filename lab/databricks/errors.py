"""Errors in Databricks' shape."""


class ApiError(Exception):
    def __init__(self, status: int, code: str, message: str):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def malformed(message):
    return ApiError(400, "MALFORMED_REQUEST", message)


def invalid(message):
    return ApiError(400, "INVALID_PARAMETER_VALUE", message)


def invalid_state(message):
    return ApiError(400, "INVALID_STATE", message)


def limit_reached(message):
    """The code is unconfirmed."""
    return ApiError(400, "QUOTA_EXCEEDED", message)


def already_exists(kind, name):
    """Status 400 and a code of the kind, as Unity Catalog answers for catalogs; for connections it is unconfirmed."""
    return ApiError(400, f"{kind.upper()}_ALREADY_EXISTS", f"{kind} '{name}' already exists")


def unauthenticated():
    message = "Credential was not sent or was of an unsupported type for this API."
    return ApiError(401, "UNAUTHENTICATED", message)


def denied(message):
    return ApiError(403, "PERMISSION_DENIED", message)


def missing(message, code="RESOURCE_DOES_NOT_EXIST"):
    return ApiError(404, code, message)


def no_such_endpoint(method, path):
    return ApiError(404, "ENDPOINT_NOT_FOUND", f"No API found for '{method} {path}'")
