"""The dealer shop, a tenant of its own: appointments, orders with their states, payments, repeat orders.

Its expenses are in ``finance``.
"""

import numpy as np
import polars as pl

from warehouse.sample import names, season, truth
from warehouse.sample.log import Column, EventLog, derived, moments, numbered, pick, take, when
from warehouse.sample.ragged import Bools, Floats, Ints, choose, lognormal, sigmoid
from warehouse.sample.streams import Streams

TENANT, CURRENCY, UTC_OFFSET = "insoles", "UAH", 2
FAR_DAYS = 7.0
MAX_REPEATS = 12
_CHANNELS = ["site", "instagram", "phone", "chat"]
_PRODUCTS = ["insoles-daily", "insoles-sport", "insoles-kids", "heel-pads"]
_PRICES = np.array([2400.0, 3100.0, 1900.0, 650.0])


def run(streams: Streams, log: EventLog, accounts: int) -> None:
    """Draw and emit the clients of the shop and all that they do."""
    rng = streams("shop")
    count = max(round(accounts * truth.SHOP_CLIENTS_PER_ACCOUNT * (log.end - log.start) / 365.25), 40)
    at = season.arrivals(rng, log.start, log.end, count)
    contact, person = numbered("C-", count), names.people(rng, count, np.arange(count) + 9_500_000)
    born: dict[str, Column] = {
        "contact_id": contact,
        "first_name": person["first_name"],
        "last_name": person["last_name"],
        "phone": person["phone"],
        "email": when(rng.random(count) < 0.5, person["email"]),
        "role": "user",
        "lifecycle_stage": "lead",
        "birth_year": rng.integers(1945, 2005, count),
    }
    log.emit("crm.contact.upserted", at - 1e-3, born, tenant=TENANT, actor="system", utc_offset=UTC_OFFSET)
    ahead = np.minimum(rng.exponential(6.0, count) + 0.5, 30.0)
    attends_at = _appointments(rng, log, contact, at, ahead)
    # Who shows up may order, and then comes back by BG/NBD: a rate of one's own, a chance to be lost at each order.
    orders = np.isfinite(attends_at) & (rng.random(count) < truth.ORDER_RATE)
    rate = rng.gamma(truth.REPEAT_SHAPE, 1.0 / truth.REPEAT_SCALE, count)
    lost = rng.beta(truth.DROPOUT_A, truth.DROPOUT_B, count)
    who = np.flatnonzero(orders)
    ordered = attends_at[who] + rng.uniform(0.01, 0.04, len(who))
    all_who, all_at, all_number = [who], [ordered], [np.zeros(len(who), dtype=np.int64)]
    for number in range(1, MAX_REPEATS + 1):
        stays = rng.random(len(who)) >= lost[who]
        who, ordered = who[stays], ordered[stays]
        ordered = ordered + rng.exponential(1.0 / rate[who])
        inside = ordered < log.end
        who, ordered = who[inside], ordered[inside]
        all_who.append(who)
        all_at.append(ordered)
        all_number.append(np.full(len(who), number))
    _orders(streams, log, contact, np.concatenate(all_who), np.concatenate(all_at), np.concatenate(all_number))


def _appointments(rng: np.random.Generator, log: EventLog, contact: pl.Series, at: Floats, ahead: Floats) -> Floats:
    """Emit the first appointment of each client; return when it is attended, NaN where it is not."""
    count = len(at)
    slot = np.floor(at + ahead) + np.round(rng.uniform(7.0, 16.0, count) * 2) / 48.0
    slot = np.where(slot < at + 0.05, slot + 1.0, slot)
    channel = choose(rng, [4, 3, 2, 2], count)
    logit = truth.NO_SHOW_BASE + truth.NO_SHOW_FAR * (slot - at > FAR_DAYS) + truth.NO_SHOW_CHAT * (channel == 3)
    cancelled = rng.random(count) < truth.APPOINTMENT_CANCEL_RATE
    no_show = ~cancelled & (rng.random(count) < sigmoid(np.asarray(logit)))
    appointment: dict[str, Column] = {"appointment_id": derived("AP-{}", contact)}
    booked: dict[str, Column] = {
        **appointment,
        "contact_id": contact,
        "slot_at": moments(slot),
        "channel": pick(_CHANNELS, channel),
    }
    log.emit("calendar.appointment.booked", at, booked, tenant=TENANT, utc_offset=UTC_OFFSET)
    cancelled_at = at + (slot - at) * rng.uniform(0.1, 0.95, count)
    log.emit(
        "calendar.appointment.cancelled",
        cancelled_at,
        appointment,
        keep=cancelled,
        tenant=TENANT,
        utc_offset=UTC_OFFSET,
    )
    log.emit(
        "calendar.appointment.no_show", slot + 0.03, appointment, keep=no_show, tenant=TENANT, utc_offset=UTC_OFFSET
    )
    attends = ~cancelled & ~no_show
    log.emit(
        "calendar.appointment.attended", slot + 0.02, appointment, keep=attends, tenant=TENANT, utc_offset=UTC_OFFSET
    )
    return np.where(attends, slot + 0.02, np.nan)


def _orders(streams: Streams, log: EventLog, contact: pl.Series, who: Ints, at: Floats, number: Ints) -> None:
    rng = streams("shop.orders")
    count = len(who)
    client = take(contact, who)
    order = derived("OR-{}-{}", client, pl.Series(number + 1))
    product = rng.integers(0, len(_PRODUCTS), count)
    amount = np.round(_PRICES[product] * rng.uniform(0.9, 1.3, count), 2)
    cost = np.round(amount * np.clip(rng.normal(truth.ORDER_COST_RATIO, 0.05, count), 0.2, 0.8), 2)
    created: dict[str, Column] = {
        "order_id": order,
        "contact_id": client,
        "product": pick(_PRODUCTS, product),
        "amount": amount,
        "cost": cost,
        "currency": CURRENCY,
    }
    cancelled = rng.random(count) < truth.ORDER_CANCEL_RATE
    paid = at + np.minimum(rng.exponential(0.3, count), 4.0) + 0.001
    made, ready = paid + rng.uniform(0.2, 1.5, count), paid + rng.uniform(2.0, 8.0, count)
    issued = ready + lognormal(rng, 1.2, 0.7, count)
    refunded_at, cancelled_at = issued + rng.uniform(1, 10, count), at + rng.uniform(0.001, 0.9, count) * (paid - at)
    refunded = ~cancelled & (rng.random(count) < 0.03)

    def emit(event_type: str, at: Floats, data: dict[str, Column], keep: Bools | None = None) -> None:
        log.emit(event_type, at, data, keep=keep, tenant=TENANT, utc_offset=UTC_OFFSET, actor="U-O01")

    emit("shop.order.created", at, created)
    for status, when_, keep in (
        ("new", at + 1e-5, None),
        ("paid", paid, ~cancelled),
        ("in_production", made, ~cancelled),
        ("ready", ready, ~cancelled),
        ("issued", issued, ~cancelled),
        ("cancelled", cancelled_at, cancelled),
        ("refunded", refunded_at, refunded),
    ):
        emit("shop.order.status_changed", when_, {"order_id": order, "status": status}, keep)
    payment: dict[str, Column] = {"payment_id": derived("P-{}", order), "amount": amount, "currency": CURRENCY}
    provider = pick(["monobank", "cash", "card"], choose(rng, [6, 2, 2], count))
    emit("billing.payment.received", paid - 1e-4, {**payment, "order_id": order, "provider": provider}, ~cancelled)
    emit(
        "billing.payment.failed",
        at + (paid - at) * 0.5,
        {**payment, "payment_id": derived("P-{}-f", order), "reason": "timeout"},
        ~cancelled & (rng.random(count) < 0.03),
    )
    emit("billing.payment.refunded", refunded_at, {**payment, "reason": "did not fit"}, refunded)
