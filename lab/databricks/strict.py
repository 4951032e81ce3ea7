"""What a request may carry: its fields, its query parameters, their types; and the pages of an answer."""

from __future__ import annotations

import base64
import json

from .errors import invalid, malformed


def is_strings(value):
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def is_string_map(value):
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())


TYPES = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "list of strings": is_strings,
    "map of strings": is_string_map,
    "object": lambda value: isinstance(value, dict),
    "list of objects": lambda value: isinstance(value, list) and all(isinstance(one, dict) for one in value),
}


def check_fields(value: dict, types: dict[str, str], required=(), what="the request"):
    """Refuse fields that are unknown, of another type, or missing."""
    for name, content in value.items():
        if name not in types:
            raise malformed(f"Could not parse {what}: unknown field '{name}'. Known: {', '.join(sorted(types))}.")
        if not TYPES[types[name]](content):
            raise malformed(f"Could not parse {what}: '{name}' is no {types[name]}.")
    for name in required:
        if name not in value or value[name] == "":
            raise invalid(f"{what}: '{name}' is required.")


def without_none(answer: dict) -> dict:
    """Return an answer without what there is nothing to say of."""
    return {key: value for key, value in answer.items() if value is not None}


def parse_body(data: bytes, content_type: str) -> dict:
    if not content_type.startswith("application/json"):
        raise malformed(f"Could not parse request object: its Content-Type is '{content_type}', not application/json.")
    try:
        body = json.loads(data)
    except ValueError:
        raise malformed("Could not parse request object: it is no JSON.") from None
    if not isinstance(body, dict):
        raise malformed("Could not parse request object: it is no JSON object.")
    return body


def integer(text):
    try:
        return int(text)
    except ValueError:
        raise invalid(f"'{text}' is no integer.") from None


def boolean(text):
    if text not in ("true", "false"):
        raise invalid(f"'{text}' is neither true nor false.")
    return text == "true"


def check_query(given, readers: dict) -> dict:
    """Return the query's values, each read by its reader. Refuse those that are unknown, or given twice."""
    values = {}
    for name, texts in given.lists():
        if name not in readers:
            raise invalid(f"Unknown query parameter '{name}'. Known: {', '.join(sorted(readers)) or 'none'}.")
        if len(texts) > 1:
            raise invalid(f"The query parameter '{name}' is given {len(texts)} times.")
        values[name] = readers[name](texts[0])
    return values


def check_mask(mask: str | None, body: dict, allowed: set[str], refusal: str):
    """Refuse an update mask that is missing, or names what cannot be changed or is not given."""
    if not mask:
        raise invalid("Update mask must be specified.")
    named = mask.split(",")
    wrong = [name for name in named if name not in allowed]
    if wrong:
        raise invalid(refusal.format(", ".join(wrong)))
    for name in named:
        if name not in body:
            raise invalid(f"'{name}' is named in the update mask and not given.")


def page(items: list, key: str, size: int, token: str | None) -> dict:
    """Return one page of a list. An empty list is answered without its key."""
    start = 0 if token is None else position(key, token)
    answer = {}
    if items[start : start + size]:
        answer[key] = items[start : start + size]
    if start + size < len(items):
        answer["next_page_token"] = base64.urlsafe_b64encode(json.dumps([key, start + size]).encode()).decode()
    return answer


def position(key: str, token: str) -> int:
    """Return where the page begins that a token of this list stands for."""
    try:
        name, start = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, TypeError):
        name, start = None, None
    if name != key or not TYPES["integer"](start):
        raise invalid("Invalid page token.")
    return start
