"""Column contracts of the canonical tables: what a history must look like, wherever it came from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ColumnType(StrEnum):
    """How a column's text is read."""

    TEXT = "text"
    TIME = "time"
    NUMBER = "number"
    FLAG = "flag"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a canonical table.

    Attributes
    ----------
    minimum, maximum : float or None
        Inclusive bounds of a number; None for none. `exclusive_minimum` shuts the lower bound out.
    """

    name: str
    type: ColumnType
    required: bool = False
    description: str
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A canonical table: its columns, and the columns that together name a row (empty: rows need no name)."""

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    extra_columns: bool = False  # other mapped columns are kept, as text

    def column(self, name: str) -> Column:
        """Return the column called `name`; `KeyError` if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that must be mapped."""
        return tuple(column.name for column in self.columns if column.required)


_USER = Column(name="user_id", type=ColumnType.TEXT, required=True, description="Who; always text, leading zeros stay.")
_CONSENT = Column(
    name="consent", type=ColumnType.FLAG, description="May be contacted; missing means no where the column is mapped."
)

_TABLES = (
    Table(
        name="orders",
        description="One row an order. Where only order lines exist, map `items`: orders are their sums.",
        key=("order_id",),
        columns=(
            _USER,
            Column(name="order_id", type=ColumnType.TEXT, required=True, description="Which order."),
            Column(name="ordered_at", type=ColumnType.TIME, required=True, description="When, in the shop's time zone."),
            Column(
                name="revenue", type=ColumnType.NUMBER, required=True, description="What the shop received; negative: a return."
            ),
            Column(
                name="discount", type=ColumnType.NUMBER, description="What was taken off the shelf price, as a number >= 0."
            ),
            Column(name="category", type=ColumnType.TEXT, description="What kind of goods."),
        ),
    ),
    Table(
        name="items",
        description="One row an order line.",
        columns=(
            _USER,
            Column(name="order_id", type=ColumnType.TEXT, required=True, description="Which order the line belongs to."),
            Column(name="ordered_at", type=ColumnType.TIME, required=True, description="When, in the shop's time zone."),
            Column(name="product_id", type=ColumnType.TEXT, description="Which product."),
            Column(name="quantity", type=ColumnType.NUMBER, description="How many."),
            Column(name="revenue", type=ColumnType.NUMBER, required=True, description="What the shop received for the line."),
            Column(
                name="discount", type=ColumnType.NUMBER, description="What was taken off the shelf price, as a number >= 0."
            ),
        ),
    ),
    Table(
        name="products",
        description="One row a product.",
        key=("product_id",),
        columns=(
            Column(name="product_id", type=ColumnType.TEXT, required=True, description="Which product."),
            Column(name="title", type=ColumnType.TEXT, description="What people call it."),
            Column(name="category", type=ColumnType.TEXT, description="What kind of goods."),
            Column(name="price", type=ColumnType.NUMBER, minimum=0, description="List price."),
        ),
    ),
    Table(
        name="exposures",
        description="One row a contact: who was given which action, when, and with which probability.",
        columns=(
            _USER,
            Column(name="exposed_at", type=ColumnType.TIME, required=True, description="When the action reached the user."),
            Column(name="action", type=ColumnType.TEXT, required=True, description="A declared action's name."),
            Column(name="ends_at", type=ColumnType.TIME, description="When the offer ran out."),
            Column(
                name="propensity",
                type=ColumnType.NUMBER,
                minimum=0,
                exclusive_minimum=True,
                maximum=1,
                description="The behaviour policy's probability of this action, in (0, 1].",
            ),
            Column(name="cost", type=ColumnType.NUMBER, minimum=0, description="What the contact cost."),
            Column(name="redeemed_at", type=ColumnType.TIME, description="When it was redeemed; empty if never."),
            Column(name="channel", type=ColumnType.TEXT, description="How the user was reached."),
            Column(
                name="would_be",
                type=ColumnType.TEXT,
                description="Of a held-out user (action `none`): the action it would have had.",
            ),
        ),
    ),
    Table(
        name="customers",
        description="One row a customer; other mapped columns are attributes.",
        key=("user_id",),
        extra_columns=True,
        columns=(
            _USER,
            _CONSENT,
            Column(name="joined_at", type=ColumnType.TIME, description="When the customer signed up."),
        ),
    ),
    Table(
        name="reviews",
        description="One row a review.",
        columns=(
            _USER,
            Column(name="at", type=ColumnType.TIME, required=True, description="When it was written."),
            Column(name="text", type=ColumnType.TEXT, description="What was written."),
            Column(name="rating", type=ColumnType.NUMBER, minimum=0, description="Stars."),
            Column(name="product_id", type=ColumnType.TEXT, description="About which product."),
        ),
    ),
    Table(
        name="tickets",
        description="One row a question or complaint to customer service.",
        columns=(
            _USER,
            Column(name="at", type=ColumnType.TIME, required=True, description="When it came in."),
            Column(name="text", type=ColumnType.TEXT, description="What was said."),
            Column(name="intent", type=ColumnType.TEXT, description="What it was about."),
            Column(name="resolved_at", type=ColumnType.TIME, description="When it was resolved; empty if never."),
        ),
    ),
    Table(
        name="searches",
        description="One row a search.",
        columns=(
            _USER,
            Column(name="at", type=ColumnType.TIME, required=True, description="When."),
            Column(name="text", type=ColumnType.TEXT, required=True, description="What was looked for."),
        ),
    ),
    Table(
        name="experiment",
        description="One row a user of a test, instead of orders; other mapped columns are outcomes and covariates.",
        key=("user_id",),
        extra_columns=True,
        columns=(
            _USER,
            Column(name="treatment", type=ColumnType.TEXT, required=True, description="A declared action's name, or `none`."),
            Column(
                name="propensity",
                type=ColumnType.NUMBER,
                minimum=0,
                exclusive_minimum=True,
                maximum=1,
                description="The probability with which the user got this treatment, in (0, 1].",
            ),
            _CONSENT,
            Column(
                name="cluster",
                type=ColumnType.TEXT,
                description="What was drawn as a whole, such as a store or a household; errors count clusters.",
            ),
            Column(
                name="assigned_at",
                type=ColumnType.TIME,
                description="When the user was assigned; rows of `outcomes` count from then on.",
            ),
        ),
    ),
    Table(
        name="outcomes",
        description="One row an order, click or other event of an experiment's users; other mapped columns are numbers, "
        "summed by user.",
        extra_columns=True,
        columns=(_USER, Column(name="at", type=ColumnType.TIME, description="When it came about.")),
    ),
    Table(
        name="audience",
        description="One row a user to plan for, with the covariates of the experiment; left out, its users are the audience.",
        key=("user_id",),
        extra_columns=True,
        columns=(_USER, _CONSENT),
    ),
)

CANONICAL_TABLES: dict[str, Table] = {table.name: table for table in _TABLES}
