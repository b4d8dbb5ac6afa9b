"""Appointments, orders, money (dealer shop): visits, sales, expenses, exchange rates."""

from warehouse.contracts.contract import EventContract
from warehouse.contracts.fields import optional, required
from warehouse.contracts.kinds import Date, Number, Text, Timestamp
from warehouse.contracts.terms import AMOUNT, APPOINTMENT, CONTACT, CURRENCY, LEAD, ORDER


class AppointmentBooked(EventContract, type="calendar.appointment.booked"):
    """An appointment was booked."""

    appointment_id: Text = required(APPOINTMENT)
    contact_id: Text = optional(CONTACT)
    lead_id: Text = optional(LEAD)
    slot_at: Timestamp = required("When the appointment begins.")
    channel: Text = optional("How it was booked, in the words of the sending system.", example="phone")


class AppointmentAttended(EventContract, type="calendar.appointment.attended"):
    """The person came to the appointment."""

    appointment_id: Text = required(APPOINTMENT)


class AppointmentNoShow(EventContract, type="calendar.appointment.no_show"):
    """The person did not come to the appointment."""

    appointment_id: Text = required(APPOINTMENT)


class AppointmentCancelled(EventContract, type="calendar.appointment.cancelled"):
    """The appointment was cancelled beforehand."""

    appointment_id: Text = required(APPOINTMENT)


class OrderCreated(EventContract, type="shop.order.created"):
    """An order was placed."""

    order_id: Text = required(ORDER)
    contact_id: Text = optional(CONTACT)
    lead_id: Text = optional(LEAD)
    product: Text = optional("What was ordered.", example="insoles")
    amount: Number = required("Price of the order, in `currency`.", example=120)
    cost: Number = optional("What the order costs to fulfil, in `currency`.", example=45)
    currency: Text = required(CURRENCY)


class OrderStatusChanged(EventContract, type="shop.order.status_changed"):
    """An order came to another status."""

    order_id: Text = required(ORDER)
    status: Text = required(
        "Status that it came to.",
        choices=("new", "paid", "in_production", "ready", "issued", "cancelled", "refunded"),
    )


class ExpenseRecorded(EventContract, type="finance.expense.recorded"):
    """An expense was recorded."""

    expense_id: Text = required("The expense.", example="exp-301")
    category: Text = required("What it was for, in the words of the sending system.", example="rent")
    amount: Number = required(AMOUNT)
    currency: Text = required(CURRENCY)
    date: Date = required("Day that it belongs to.")


class FxRatePublished(EventContract, type="finance.fx_rate.published"):
    """An exchange rate of a day was published."""

    date: Date = required("Day from which the rate holds, until a later one.")
    currency: Text = required("Currency that is converted from, ISO 4217.", pattern="^[A-Z]{3}$", example="EUR")
    rate: Number = required("Units of the reporting currency for one unit of `currency`.", example=1.08)
