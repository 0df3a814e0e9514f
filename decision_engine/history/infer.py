"""Infer what columns mean: user, time, order, money, action, outcome, text, each with a confidence.

A name tells much, the values tell the rest: a user id repeats, an order id repeats less, money has fractions, a time reads as a
time. Confidence is a score in [0, 1], not a probability; it orders guesses and shows which of them are close.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from decision_engine.history.columns import ColumnLook
from decision_engine.history.flags import flag_values

CLOSE = 0.1  # two guesses nearer than this are worth a question
_ITS_OWN, _OWN_NAME, _OF_THE_SOURCE = 0.999, 0.3, 0.7  # of an `id` of each row, in a source that is named for them
_SIGNED = 0.15  # what a currency's sign beside an amount says in favour of money
_NAMED_ONLY = 0.05  # what stands in for the look of values where there are none

# Words of column names, in rising order of weight. A word counts where it is one of the name's parts.
_WORDS: dict[str, dict[str, float]] = {
    "user": {
        "uid": 0.5,
        "customer": 0.55, "user": 0.55, "person": 0.55, "household": 0.55, "client": 0.5, "member": 0.5, "visitor": 0.45,
        "shopper": 0.55, "buyer": 0.55, "cust": 0.5, "kunde": 0.5, "kunden": 0.5, "kundennr": 0.55, "subscriber": 0.5,
        "master": 0.45, "account": 0.4, "id": 0.2, "email": 0.19, "consumer": 0.5, "unique": 0.05, "cliente": 0.5,
        "reviewer": 0.5, "debitor": 0.55, "auftraggeber": 0.6, "usuario": 0.55, "utilisateur": 0.55, "utente": 0.5,
        "comprador": 0.5, "socio": 0.5, "adherent": 0.5, "klant": 0.55, "klient": 0.5, "kund": 0.5, "tessera": 0.45,
        "requester": 0.5, "card": 0.3, "loyalty": 0.4,
    },
    "time": {
        "ts": 0.4,
        "timestamp": 0.45, "date": 0.45, "time": 0.4, "datetime": 0.5, "at": 0.3, "day": 0.35, "purchase": 0.1, "order": 0.1,
        "ordered": 0.2, "invoice": 0.1, "transaction": 0.1, "created": 0.16, "creation": 0.05, "datum": 0.45, "when": 0.4,
        "hour": 0.35, "fecha": 0.45, "exposed": 0.1, "sent": 0.1, "data": 0.4, "dato": 0.4, "dag": 0.35, "week": 0.3,
        "placed": 0.2, "dt": 0.4, "submitted": 0.2,
    },
    "order": {
        "order": 0.5, "basket": 0.55, "invoice": 0.5, "transaction": 0.45, "receipt": 0.55, "invoiceno": 0.6, "id": 0.1,
        "bestellung": 0.5, "beleg": 0.5, "ticket": 0.2, "checkout": 0.4, "bon": 0.5, "no": 0.05, "number": 0.1, "nr": 0.1,
        "commande": 0.55, "facture": 0.5, "factura": 0.5, "fattura": 0.5, "pedido": 0.55, "ordine": 0.55, "scontrino": 0.5,
        "bestelling": 0.55, "zamowienie": 0.55, "recibo": 0.5, "zamowienia": 0.45, "numero": 0.1, "txn": 0.45, "trx": 0.45,
    },
    "money": {
        "revenue": 0.6, "amount": 0.55, "price": 0.45, "sales": 0.55, "value": 0.45, "total": 0.45, "paid": 0.5, "spend": 0.5,
        "payment": 0.45, "usd": 0.2, "eur": 0.2, "gbp": 0.2, "brl": 0.2, "umsatz": 0.6, "betrag": 0.55, "turnover": 0.55,
        "net": 0.35, "gross": 0.35, "gmv": 0.5, "unitprice": 0.35, "unit": -0.1, "importe": 0.5, "montant": 0.5,
        "gasto": 0.5, "gastos": 0.5, "ventas": 0.5, "ingresos": 0.55, "facturacion": 0.55, "depense": 0.5, "nettowert": 0.6,
        "bruttowert": 0.6, "warenwert": 0.6, "sum": 0.4, "amt": 0.55, "auftragswert": 0.6, "bestellwert": 0.6,
        "warenkorbwert": 0.55, "importo": 0.55, "prezzo": 0.45, "totale": 0.45, "fatturato": 0.6, "spesa": 0.5,
        "precio": 0.45, "preco": 0.45, "prix": 0.45, "valor": 0.45, "valore": 0.45, "bedrag": 0.55, "omzet": 0.6,
        "kwota": 0.55, "cena": 0.45, "belopp": 0.55, "chiffre": 0.4, "sold": 0.25, "rechnungswert": 0.6, "valeur": 0.4,
        "wartosc": 0.5, "prijs": 0.45, "pvp": 0.4, "netto": 0.3, "brutto": 0.3, "retourenwert": 0.6,
    },
    "quantity": {
        "quantity": 0.6, "qty": 0.6, "units": 0.5, "count": 0.3, "menge": 0.55, "n": 0.3, "pieces": 0.5, "cantidad": 0.6,
        "quantita": 0.6, "quantite": 0.6, "quantidade": 0.6, "uds": 0.5, "ilosc": 0.6, "aantal": 0.55, "antal": 0.55,
        "pezzi": 0.5, "unidades": 0.5,
    },
    "product": {
        "product": 0.55, "sku": 0.6, "item": 0.5, "asin": 0.6, "stockcode": 0.6, "article": 0.5, "artikel": 0.5,
        "material": 0.4, "id": 0.05, "articulo": 0.5, "articolo": 0.5, "producto": 0.55, "produit": 0.55, "prodotto": 0.55,
        "produto": 0.55, "ean": 0.5, "gtin": 0.5, "upc": 0.5, "plu": 0.45, "artigo": 0.5,
    },
    "category": {"category": 0.6, "department": 0.5, "cat": 0.45, "kategorie": 0.5,
                 "categoria": 0.6, "categorie": 0.6, "kategoria": 0.6},
    "title": {"title": 0.5, "description": 0.4, "product_title": 0.6},
    "action": {
        "action": 0.5, "campaign": 0.5, "offer": 0.5, "treatment": 0.6, "treat": 0.6, "segment": 0.3, "arm": 0.5,
        "variant": 0.55, "group": 0.3, "coupon": 0.4, "promotion": 0.4, "id": 0.05, "type": 0.02, "what": 0.2,
    },
    "propensity": {"propensity": 0.7, "pscore": 0.7, "probability": 0.5, "prob": 0.5, "p": 0.3},
    "outcome": {
        "click": 0.55, "clicked": 0.55, "conversion": 0.6, "converted": 0.6, "visit": 0.5, "outcome": 0.6, "y": 0.4,
        "redeemed": 0.4, "completed": 0.4, "response": 0.4, "label": 0.3, "factual": 0.2, "bought": 0.5, "target": 0.5,
        "exposure": 0.4, "exposed": 0.4, "opened": 0.4, "purchased": 0.5, "reward": 0.55, "retention": 0.5, "retained": 0.5,
        "churn": 0.5, "churned": 0.5, "renewed": 0.5, "subscribed": 0.5, "activated": 0.5, "success": 0.45, "clicks": 0.5,
        "conversions": 0.55, "signup": 0.45, "buys": 0.45, "unsubscribed": 0.5,
        "unsubscribe": 0.5, "achete": 0.5, "achat": 0.45, "comprado": 0.5, "compro": 0.5, "convertido": 0.55, "abierto": 0.4,
    },
    "text": {
        "review": 0.35, "comment": 0.5, "message": 0.55, "text": 0.55, "utterance": 0.6, "body": 0.5, "query": 0.5,
        "feedback": 0.45, "question": 0.5, "description": 0.3, "inquiry": 0.5, "anfrage": 0.45,
    },
    "rating": {"score": 0.5, "rating": 0.6, "stars": 0.6},
    "event": {"event": 0.6, "name": 0.02, "action": 0.2, "type": 0.15, "status": 0.1},
    "consent": {"consent": 0.7, "optin": 0.65, "newsletter": 0.4, "permission": 0.55, "opt": 0.3, "in": 0.1,
        "marketing": 0.4, "accepts": 0.3, "accepte": 0.4, "emailing": 0.3, "mailing": 0.3, "consentement": 0.7,
        "consentimiento": 0.7, "consenso": 0.65, "toestemming": 0.7, "zgoda": 0.65, "acepta": 0.4, "accetta": 0.4,
        "aceita": 0.4, "mailings": 0.3, "mails": 0.2, "suscrito": 0.5, "abonne": 0.5, "iscritto": 0.5,
    },
    "channel": {"channel": 0.65, "medium": 0.5},
    "cost": {"cost": 0.6, "costs": 0.6},
    "discount": {"discount": 0.6, "rebate": 0.55, "disc": 0.45, "descuento": 0.6, "remise": 0.55,
                 "sconto": 0.6, "desconto": 0.6, "korting": 0.6, "rabat": 0.6},
}  # fmt: skip
# Stems that may stand anywhere in a name, for languages that write compounds or no gaps between words.
_STEMS: dict[str, dict[str, float]] = {
    "user": {"kunde": 0.55, "kundin": 0.55, "nutzer": 0.5, "mitglied": 0.5,
             "客户": 0.6, "用户": 0.6, "会员": 0.55, "顾客": 0.6,
             "买家": 0.55, "顧客": 0.6, "会員": 0.6, "お客様": 0.55},
    "time": {"datum": 0.45, "zeit": 0.4, "日期": 0.5, "时间": 0.5,
             "日時": 0.5, "日付": 0.5, "注文日": 0.5, "受注日": 0.5, "購入日": 0.5},
    "order": {"bestell": 0.5, "auftrag": 0.45, "rechnung": 0.4, "beleg": 0.45, "订单": 0.5, "单号": 0.3,
              "注文": 0.5, "受注": 0.5, "伝票": 0.5},
    "money": {"umsatz": 0.6, "betrag": 0.55, "preis": 0.45, "summe": 0.45,
              "金额": 0.6, "价格": 0.45, "实付": 0.55,
              "销售额": 0.6,
              "总价": 0.5, "金額": 0.6, "合計": 0.5, "価格": 0.45, "売上": 0.6},
    "quantity": {"menge": 0.55, "anzahl": 0.5, "stueck": 0.5, "stuck": 0.5, "数量": 0.6, "件数": 0.6,
                 "個数": 0.6},
    "product": {"artikel": 0.5, "produkt": 0.5, "商品": 0.5, "产品": 0.5, "货号": 0.55},
    "category": {"kategorie": 0.6, "warengruppe": 0.6, "类别": 0.6, "品类": 0.6, "分类": 0.6, "类目": 0.6},
    "text": {"kommentar": 0.5, "nachricht": 0.5, "评论": 0.5, "评价": 0.45, "内容": 0.45},
    "rating": {"bewertung": 0.45, "sterne": 0.5, "评分": 0.6, "星级": 0.6},
    "action": {"aktion": 0.5, "kampagne": 0.55, "massnahme": 0.5, "gutschein": 0.5, "活动": 0.5, "优惠券": 0.5},
    "propensity": {"wahrscheinlichkeit": 0.6, "概率": 0.6},
    "outcome": {"gekauft": 0.5, "是否": 0.55, "klick": 0.5, "geoffnet": 0.5, "点击": 0.55, "转化": 0.55},
    "channel": {"kanal": 0.6, "渠道": 0.6},
    "consent": {"einwilligung": 0.7, "zustimmung": 0.6, "werbeerlaubnis": 0.7, "同意": 0.6},
    "discount": {"rabatt": 0.6, "nachlass": 0.55, "折扣": 0.6},
    "cost": {"kosten": 0.55, "成本": 0.6},
    "title": {"bezeichnung": 0.5, "商品名": 0.6},
}  # fmt: skip
_ALL_WORDS = frozenset(word for words in _WORDS.values() for word in words)
_ENDINGS = re.compile(r"(?P<word>[a-z]{3,})(?P<ending>id|no|nr|num|number|date|time|name|key|code|at)")  # of words run together
_AGAINST: dict[str, frozenset[str]] = {
    "user": frozenset({"seller", "product", "order", "item", "zip", "city", "state", "name", "session", "query", "data",
                       "feature", "affinity", "on", "became", "object", "age", "gender", "sex", "income", "since", "tenure",
                       "tier", "type", "segment", "level", "class", "country", "region", "points", "score", "group", "status",
                       "value", "rating", "lifetime", "count", "total", "spend", "birth", "days", "language", "category",
                       "payment", "method", "plan", "store", "shop", "branch", "agent", "employee", "staff", "campaign",
                       "brand", "supplier", "vendor"}),
    "time": frozenset({"limit", "estimated", "birth", "became", "expire", "end", "ends", "updated", "delivered", "delivery",
                       "approved", "carrier", "answer", "redeemed", "member", "zone", "due", "birthdate"}),
    "order": frozenset({"item", "status", "date", "timestamp", "time", "product", "customer", "approved", "type", "day",
                        "auftraggeber", "auftragsmenge", "line", "position", "pos", "zeile", "auftragswert", "bestellwert",
                        "rechnungswert", "value", "total", "amount", "fecha", "data", "datum"}),
    "money": frozenset({"freight", "id", "disc", "discount", "cost", "cm", "rabatt", "g", "score", "installments", "code",
                        "reward", "ads", "ad", "hour", "hours", "days", "rounds", "gamerounds", "count", "counts", "clicks",
                        "visits", "sessions", "orders", "age", "tenure", "units", "points", "quantity", "qty",
                        "weight", "vat", "iva", "tva", "mwst", "imponible",
                        "refund", "refunds", "refunded", "erstattet", "tax", "taxes", "shipping", "fee", "fees",
                        "outstanding", "number", "no", "nr", "num", "record"}),
    "product": frozenset({"category", "name", "feature", "lenght", "length", "height", "width", "weight", "qty", "photos",
                          "order", "affinity"}),
    "action": frozenset({"date", "timestamp", "time", "amount"}),
    "text": frozenset({"id", "date", "score", "timestamp", "length", "title"}),
    "category": frozenset({"id"}),
    "title": frozenset({"id", "comment", "review"}),
    "discount": frozenset({"pct", "percent", "percentage", "prozent", "perc", "rate", "code", "type", "name"}),
    "quantity": frozenset({"id", "photos", "client", "cliente", "customer", "user", "order", "ticket", "invoice", "kunde",
                           "returned", "refunded", "cancelled", "canceled", "retourniert", "devueltas"}),
}  # fmt: skip
_PERSONAL = frozenset(
    {"email", "mail", "phone", "mobile", "firstname", "lastname", "surname", "fullname", "street", "address", "iban", "birth",
     "birthdate", "birthday", "dob", "ssn", "passport", "vorname", "nachname", "telefon", "handy", "adresse", "anschrift",
     "geburtstag", "telefono", "telephone", "zip", "zipcode", "postcode", "postal", "postalcode", "plz", "ip", "ipaddress",
     "device", "deviceid", "cookie", "imei", "latitude", "longitude", "username", "login", "nickname", "hausnummer", "taxid",
     "cpf", "nif", "dni"}
)  # fmt: skip
_PERSONAL_STEMS = (
    "geburt",
    "adresse",
    "anschrift",
    "telefon",
    "vorname",
    "nachname",
    "strasse",
    "straße",
    "postleitzahl",
    "姓名",
    "电话",
    "手机",
    "邮箱",
    "地址",
    "生日",
    "身份证",
)
_PEOPLE = frozenset({"customer", "user", "person", "client", "member", "contact", "kunde", "kunden", "buyer", "recipient"})
_WHO = frozenset({"people", "profile", "crm", "contact", "recipient", "usuario", "socio", "persona", "persone", "utente"})
_ORDER_NAME = re.compile(r"(#[A-Za-z]{0,5}-?|[A-Za-z]{1,5}-)[0-9]{3,}")
_PHONE = re.compile(r"\+?[0-9][0-9 ()/.-]{7,17}[0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What a column may mean.

    Attributes
    ----------
    confidence : float
        In [0, 1].
    """

    role: str
    column: str
    confidence: float


def name_parts(name: str) -> list[str]:
    """Split a column's name into its words.

    Examples
    --------
    >>> name_parts("Invoice Date"), name_parts("customerUniqueID"), name_parts("value_usd"), name_parts("visitorid")
    (['invoice', 'date'], ['customer', 'unique', 'id'], ['value', 'usd'], ['visitor', 'id'])
    """
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", name) if not unicodedata.combining(sign))
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", plain)
    parts = [part.lower() for part in re.split(r"[\W_]+|(?<=[^\W\d_])(?=[0-9])", spaced) if part]
    return [piece for part in parts for piece in _pieces(part)]


def _pieces(part: str) -> list[str]:
    """Take words apart that are run together, where the first is one that columns are called by."""
    ended = None if part in _ALL_WORDS else _ENDINGS.fullmatch(part)
    return [ended["word"], ended["ending"]] if ended and ended["word"] in _ALL_WORDS else [part]


def _named(role: str, parts: list[str]) -> float:
    """Return how much a name speaks for a role: by its words, and by the weightiest stem in words that are not known."""
    words = _WORDS[role]
    known = sum(words.get(part, 0.0) for part in dict.fromkeys(parts))
    unknown = [part for part in dict.fromkeys(parts) if part not in words]
    known += sum(words.get(left + right, 0.0) for left, right in pairwise(parts) if left in unknown and right in unknown)
    stems = [weight for stem, weight in _STEMS.get(role, {}).items() if any(stem in part for part in unknown)]
    return known + max(stems, default=0.0)


def speaks_for(role: str, name: str) -> bool:
    """Whether a column's name speaks for a role, whatever it holds.

    Examples
    --------
    >>> speaks_for("quantity", "qty_returned"), speaks_for("quantity", "price")
    (True, False)
    """
    return _named(role, name_parts(name)) > _OWN_NAME


def guess_roles(looks: dict[str, ColumnLook], called: str = "") -> dict[str, list[Guess]]:
    """Return for each role the columns that may play it, the likeliest first.

    Parameters
    ----------
    called : str
        What the source is called: in one of orders, a column that is just `id` is the order's.
    """
    found: dict[str, list[Guess]] = {}
    rowless = not any(look.filled for look in looks.values())  # a header alone: names are all there is to go by
    for role in _WORDS:
        guesses: list[tuple[float, Guess]] = []
        for name, look in looks.items():
            parts = name_parts(name)
            named = _named(role, parts)
            if any(part in _AGAINST.get(role, ()) for part in parts):
                named -= 0.4
            elif role == "money" and look.sign:
                named += _SIGNED
            fits = _NAMED_ONLY if rowless else _FITS[role](look)
            if fits > 0 and (
                named > 0.15 or (role == "time" and look.time > 0.95 and (look.number < 0.5 or bool(look.time_formats)))
            ):
                confidence = round(max(0.0, min(1.0, named + fits)), 2)
                guesses.append((named + fits, Guess(role=role, column=name, confidence=confidence)))
        ranked = sorted(guesses, key=lambda one: -one[0])  # by what lies above 1 as well
        if kept := [guess for _, guess in ranked if guess.confidence >= 0.4]:
            found[role] = kept
    called_name = next((look for name, look in looks.items() if name_parts(name) == ["name"]), None)
    if called_name is not None and "order" not in found and looks_like_order_numbers(called_name):
        found["order"] = [Guess(role="order", column=called_name.name, confidence=_OF_THE_SOURCE)]
    plain = next((look for name, look in looks.items() if name_parts(name) == ["id"]), None)
    if (
        plain is not None
        and plain.distinct > _ITS_OWN
        and "order" not in found
        and _named("order", singular_parts(called)) > _OWN_NAME
    ):
        found["order"] = [Guess(role="order", column=plain.name, confidence=_OF_THE_SOURCE)]
    return found


def looks_like_order_numbers(look: ColumnLook) -> bool:
    """Whether every frequent value is a number with a mark before it, as the names of a shop's orders are: #1001."""
    return look.n_distinct > 20 and all(_ORDER_NAME.fullmatch(value) for value in look.frequent)


def singular_parts(called: str) -> list[str]:
    """Return the words of a table's name, each as of one row.

    Examples
    --------
    >>> singular_parts("order_items")
    ['order', 'item']
    """
    return [part.removesuffix("s") for part in name_parts(called)]


def is_called_like_people(called: str) -> bool:
    """Whether a table is named for its users.

    Examples
    --------
    >>> is_called_like_people("users"), is_called_like_people("dim_customer"), is_called_like_people("orders")
    (True, True, False)
    """
    parts = singular_parts(called)
    return _named("user", parts) > _OWN_NAME or bool(_WHO & set(parts))


def guess_personal(looks: dict[str, ColumnLook]) -> list[str]:
    """Return columns that look as if they named or reached a person: by their names, or by values such as mail addresses."""
    return [name for name, look in looks.items() if _is_personal(name_parts(name), look)]


def speaks_of_people(name: str) -> bool:
    """Whether a column is named like something that names or reaches a person, whatever it holds.

    Examples
    --------
    >>> speaks_of_people("customer_name"), speaks_of_people("E-Mail"), speaks_of_people("product_name")
    (True, True, False)
    """
    parts = name_parts(name)
    return _says_personal(parts) or _names_people(parts)


def _words_of(parts: list[str]) -> set[str]:
    return {*parts, "".join(parts)} | {"".join(pair) for pair in pairwise(parts)}


def _says_personal(parts: list[str]) -> bool:
    return bool(_PERSONAL & _words_of(parts)) or any(stem in part for stem in _PERSONAL_STEMS for part in parts)


def _names_people(parts: list[str]) -> bool:
    return "name" in parts and (len(parts) == 1 or bool(_PEOPLE & _words_of(parts)))


def _is_personal(parts: list[str], look: ColumnLook) -> bool:
    words, said, of_people = _words_of(parts), _says_personal(parts), _names_people(parts)
    birth = bool({"birth", "birthdate", "birthday", "dob", "geburtstag"} & words) or any("geburt" in part for part in parts)
    if said and look.n_distinct > 20 and (birth or look.time < 0.5):
        return True
    if of_people and look.number < 0.5 and look.distinct > 0.05 and look.n_distinct > 20 and not looks_like_order_numbers(look):
        return True
    values = [value for value in look.frequent if value]
    if values and sum("@" in value and "." in value.rpartition("@")[2] for value in values) > 0.8 * len(values):
        return True
    phones = sum(bool(_PHONE.fullmatch(value)) and any(sign in value for sign in "+ /-()") for value in values)
    return len(values) > 5 and phones > 0.8 * len(values) and look.time < 0.5 and not look.time_formats


def _user(look: ColumnLook) -> float:
    is_amount = _is_fraction(look) and "id" not in name_parts(look.name)  # visitors' ids may have a point between two numbers
    if (
        look.filled < 0.5
        or look.n_distinct < 2
        or is_amount
        or bool(flag_values(look))
        or (look.time > 0.9 and look.number < 0.5)
    ):
        return 0.0
    return 0.15 if look.distinct > 0.999 else 0.4


_EPOCH_WORDS = frozenset({"ts", "epoch", "unix", "timestamp", "time", "created"})


def _time(look: ColumnLook) -> float:
    if look.epoch and look.filled > 0.2:
        return (
            0.4 * look.filled
            if _EPOCH_WORDS & set(name_parts(look.name)) or _named("time", name_parts(look.name)) >= 0.3
            else 0.0
        )
    if look.time > 0.9 and look.filled > 0.2 and (look.number < 0.5 or look.time_formats or look.type.startswith("TIMESTAMP")):
        return 0.45 * look.filled
    parts = set(name_parts(look.name))
    longest = 24 if "hour" in parts else 31  # beyond it a number counts from a first day, and is none of a day or month
    relative = look.number > 0.9 and look.low is not None and look.low >= 0 and longest < (look.high or 0) < 10_000
    return 0.1 if relative and {"hour", "day"} & parts and "of" not in parts else 0.0


def _order(look: ColumnLook) -> float:
    if _is_fraction(look) or look.filled < 0.05 or look.n_distinct < 3 or look.time > 0.9 > look.number:
        return 0.0
    return 0.35 if look.filled >= 0.5 else 0.25  # in a log of events, only those that are orders carry a number


def _money(look: ColumnLook) -> float:
    reads = max(look.number, look.comma, look.grouped, look.comma + look.number if look.comma else 0.0)
    if reads < 0.8 or look.filled < 0.05:
        return 0.0
    if look.n_distinct < 3 and not (look.n_distinct == 2 and _is_fraction(look)):  # one price for all, as of a subscription
        is_a_flag = look.low is not None and look.high is not None and look.low in (0.0, 1.0) and look.high in (0.0, 1.0)
        return 0.0 if is_a_flag else 0.05
    whole = 0.05 if look.filled > 0.95 else 0.0  # of two amounts, the one that every row has
    return whole + 0.4 if _is_fraction(look) or look.comma > 0.3 or look.grouped > 0.3 or look.sign else whole + 0.15


def _few(look: ColumnLook) -> float:
    return 0.3 if 2 <= look.n_distinct <= 100 and look.distinct < 0.5 else 0.0


def _number(look: ColumnLook) -> float:
    return 0.3 if look.number > 0.9 and look.n_distinct > 1 else 0.0


def _text(look: ColumnLook) -> float:
    return 0.4 if look.number < 0.3 and look.time < 0.3 and look.length > 12 and look.n_distinct > 20 else 0.0


def _is_fraction(look: ColumnLook) -> bool:
    pointed = look.number > 0.9 and any("." in value.rstrip("0").rstrip(".") for value in look.frequent)
    return pointed or look.comma > 0.5 or bool(look.sign)


def _is_of_two(look: ColumnLook) -> bool:
    return (look.number > 0.9 and look.n_distinct == 2) or bool(flag_values(look))


_FITS: dict[str, Callable[[ColumnLook], float]] = {
    "user": _user,
    "time": _time,
    "order": _order,
    "money": _money,
    "quantity": lambda look: _number(look) if not _is_fraction(look) else 0.0,
    "product": lambda look: 0.0 if _is_fraction(look) or look.n_distinct < 3 or look.filled < 0.5 else 0.35,
    "category": lambda look: 0.3 if look.number < 0.5 and look.n_distinct > 1 and look.distinct < 0.6 else 0.0,
    "title": lambda look: 0.3 if look.number < 0.5 and look.length > 5 else 0.0,
    "action": _few,
    "propensity": lambda look: 0.3 if look.number > 0.9 and (look.low or 0) > 0 and (look.high or 2) <= 1 else 0.0,
    "outcome": lambda look: 0.35 if _is_of_two(look) else 0.05 if look.number > 0.9 else 0.0,
    "text": _text,
    "rating": lambda look: 0.35 if look.number > 0.9 and 2 <= look.n_distinct <= 11 else 0.0,
    "event": lambda look: 0.35 if look.number < 0.1 and 2 <= look.n_distinct <= 30 and look.distinct < 0.5 else 0.0,
    "consent": lambda look: 0.3 if 1 <= look.n_distinct <= 3 else 0.0,
    "channel": lambda look: 0.3 if look.number < 0.5 and 1 <= look.n_distinct <= 20 else 0.0,
    "cost": lambda look: 0.3 if look.number > 0.9 and (look.low or 0.0) >= 0 else 0.0,
    "discount": lambda look: 0.3 if look.number > 0.9 and (look.low or 0.0) >= 0 else 0.0,
}
