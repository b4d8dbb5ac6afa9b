"""Messengers and the AI manager: conversations, follow-ups, calls, inbound threads."""

from warehouse.contracts.contract import EventContract
from warehouse.contracts.fields import optional, required, term
from warehouse.contracts.kinds import Number, Text, Timestamp
from warehouse.contracts.terms import ACCOUNT, CONTACT, CONVERSATION, DEAL, LEAD, MESSAGE, REASON, STAFF

FOLLOWUP = term("The follow-up concerned.", example="fol-8")
THREAD = term("The thread of messages concerned.", example="thr-21")


class MessageReceived(EventContract, type="chat.message.received"):
    """A message from a person arrived."""

    message_id: Text = required(MESSAGE)
    conversation_id: Text = required(CONVERSATION)
    channel: Text = required(
        "Messenger that it came by.", choices=("whatsapp", "instagram", "telegram", "chatwoot", "email")
    )
    lead_id: Text = optional(LEAD)
    contact_id: Text = optional(CONTACT)
    text: Text = optional("The message, as typed. Not carried into facts.", pii="text", example="What does it cost?")


class MessageSent(EventContract, type="chat.message.sent"):
    """A message went out to a person."""

    message_id: Text = required(MESSAGE)
    conversation_id: Text = required(CONVERSATION)
    sender: Text = required("Whether the AI manager or a person wrote it.", choices=("ai", "human"))
    user_id: Text = optional(STAFF)
    lead_id: Text = optional(LEAD)
    in_reply_to: Text = optional("The received message that it answers, by `message_id`.", example="msg-90209")


class MessageClassified(EventContract, type="chat.message.classified"):
    """The AI manager decided what a received message is about."""

    message_id: Text = required(MESSAGE)
    intent: Text = required(
        "What the message wants.",
        choices=("faq", "consultation", "complaint", "price", "call_request", "other"),
    )
    confidence: Number = optional("Confidence in the intent, 0 to 1.", minimum=0, maximum=1, example=0.93)
    sentiment: Text = optional("Mood of the message.", choices=("positive", "neutral", "negative"))
    label: Text = optional("A person's own verdict on the intent, to measure the AI manager by.", example="price")


class _Handoff(EventContract):
    conversation_id: Text = required(CONVERSATION)
    lead_id: Text = optional(LEAD)
    user_id: Text = optional(STAFF)


class HandoffStarted(_Handoff, type="chat.handoff.started"):
    """A person took a conversation over from the AI manager."""


class HandoffEnded(_Handoff, type="chat.handoff.ended"):
    """A conversation was given back to the AI manager."""


class FollowupScheduled(EventContract, type="chat.followup.scheduled"):
    """A follow-up was scheduled."""

    followup_id: Text = required(FOLLOWUP)
    lead_id: Text = required(LEAD)
    due_at: Timestamp = required("When it is to be sent.")


class _FollowupDone(EventContract):
    followup_id: Text = required(FOLLOWUP)
    lead_id: Text = required(LEAD)
    reason: Text = optional(REASON)


class FollowupSent(_FollowupDone, type="chat.followup.sent"):
    """A scheduled follow-up was sent."""


class FollowupCancelled(_FollowupDone, type="chat.followup.cancelled"):
    """A scheduled follow-up was cancelled."""


class CallRequested(EventContract, type="chat.call.requested"):
    """A lead asked to be called."""

    lead_id: Text = required(LEAD)
    preferred_at: Timestamp = optional("When the lead would like the call.")


class InboundThreadCreated(EventContract, type="inbound.thread.created", source="chat"):
    """A thread of inbound messages began that nobody is responsible for yet."""

    thread_id: Text = required(THREAD)
    channel: Text = required("Channel that it came by, in the words of the sending system.", example="email")
    account_id: Text = optional(ACCOUNT)


class InboundThreadAssigned(EventContract, type="inbound.thread.assigned", source="chat"):
    """An inbound thread was assigned to an account, and to a deal where there is one."""

    thread_id: Text = required(THREAD)
    account_id: Text = required(ACCOUNT)
    deal_id: Text = optional(DEAL)
