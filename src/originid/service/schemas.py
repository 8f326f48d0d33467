"""The bodies of answers, as the description of the API shows them."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class DescriptionBody(BaseModel):
    """What its holder says of a reference; texts are empty where nothing is said."""

    caption: str
    credit: str
    licence: str
    date: str
    link: str


class MatchBody(BaseModel):
    """A reference that was found for a query."""

    rank: int
    reference: str
    score: float
    confidence: float
    false_match_rate: float
    view: str
    box: list[float] | None
    copies: list[str]
    exists: bool
    id: int
    description: DescriptionBody | None
    credentials: bool
    thumbnail: str

    model_config = ConfigDict(extra="allow")


class AnswerBody(BaseModel):
    """What was found for one query: as a line of ``originid find --json``."""

    query: str
    verdict: str | None
    reason: str
    matches: list[MatchBody]
    error: str | None
    note: str
    query_sha256: str | None

    model_config = ConfigDict(extra="allow")


class ReferenceBody(BaseModel):
    """An image that belongs to the collection."""

    id: int
    reference: str
    name: str
    width: int
    height: int
    bytes: int
    added_at: str
    sha256: str
    exists: bool
    description: DescriptionBody | None
    thumbnail: str


class AddedBody(ReferenceBody):
    """A reference that was added, or was there already."""

    added: bool


class ReferencesBody(BaseModel):
    """Some references, in the order in which they came; ``total`` counts all of the collection."""

    references: list[ReferenceBody]
    next: int | None
    total: int


class DecisionBody(BaseModel):
    """A person's judgement on a query and a reference."""

    query: str
    query_sha256: str
    reference: str | None
    reference_sha256: str
    decision: str
    note: str
    decided_at: str


class DecisionsBody(BaseModel):
    """All decisions, the oldest first."""

    decisions: list[DecisionBody]


class EvidenceBody(BaseModel):
    """Where a query and a reference agree, with pictures as data addresses."""

    query: str
    reference: str
    verdict: str | None
    score: float
    false_match_rate: float
    view: str
    box: list[float] | None
    sentence: str
    pictures: dict[str, str]
    alignment: dict[str, Any]
    cells: dict[str, Any] | None

    model_config = ConfigDict(extra="allow")


class FingerprintBody(BaseModel):
    """The exchangeable form of a picture's vector."""

    fingerprint: str


class StatsBody(BaseModel):
    """What the service holds, and what the client may do."""

    references: int
    described: int
    model: str
    fingerprint: str
    version: str
    role: str
    writable: bool
    urls: bool
    limits: dict[str, int]
    rates: dict[str, float]


class StatusBody(BaseModel):
    """Whether the service works."""

    status: str
